/* Fills an evaluation set from two folders of KITTI files. */
#ifndef YL_FORMATS_EVAL_SET_H
#define YL_FORMATS_EVAL_SET_H

#include "core/options.h"
#include "eval/eval_set.h"

typedef struct yl_eval_files {
    const char *labels, *dets; /* folders of ID.txt: labels of fifteen fields, detections of sixteen */
    const char *split;         /* a list of ids; NULL: every label file, in the order of its name */
    const char *const *names;  /* classes that may occur; NULL: any */
    int64_t name_count;
} yl_eval_files;

extern const yl_field_table yl_eval_files_fields; /* split */

/* Adds a frame per id. Both files of a frame must exist (they may be empty); without a split, detections of a frame
 * that has no labels are an error, too. Boxes are neither clipped nor held against an image. Errors: IO and FORMAT with
 * folder, file and line. The set then holds the frames before the failure. */
yl_status yl_eval_set_load(yl_eval_set *set, const yl_eval_files *files);

#endif
