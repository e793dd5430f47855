/* What the evaluation protocols look at: frames with their truths and detections, in the order in which they were
 * added.
 *
 * Order is part of every protocol: ties are settled by frame order, then by the order within the frame, so nothing here
 * is ever sorted. All numbers are doubles. */
#ifndef YL_EVAL_EVAL_SET_H
#define YL_EVAL_EVAL_SET_H

#include "core/label.h"
#include "eval/names.h"

typedef struct yl_eval_truth {
    int32_t name; /* number in yl_eval_set.names */
    bool ignore;  /* a region that the class map calls ignore, or a DontCare row */
    double truncated, occluded, alpha;
    yl_box box;
} yl_eval_truth;

typedef struct yl_eval_det {
    int32_t name;
    double score, alpha, occluded, truncated;
    yl_box box;
} yl_eval_det;

typedef struct yl_eval_frame {
    int64_t truth, truths; /* first, and how many */
    int64_t det, dets;
} yl_eval_frame;

typedef struct yl_eval_set {
    yl_names names; /* of classes, any case */
    yl_names ids;   /* of frames */
    yl_eval_frame *frames;
    int64_t frame_count, frame_capacity;
    yl_eval_truth *truths;
    int64_t truth_count, truth_capacity;
    yl_eval_det *dets;
    int64_t det_count, det_capacity;
} yl_eval_set;

yl_status yl_eval_set_new(yl_eval_set **out);
void yl_eval_set_free(yl_eval_set *set); /* NULL is fine */

/* Adds a frame; either list may be empty. Of a detection name, box, score, alpha (-10: it has none),
 * occluded and truncated (-1: none) count.
 * Errors: INVALID for an id that was added before, or a box, score or angle that is not finite; nothing is added then.
 */
yl_status yl_eval_set_add(yl_eval_set *set, const char *id, const yl_label *truths, int64_t truth_count,
                          const yl_label *dets, int64_t det_count);

#endif
