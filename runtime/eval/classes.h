/* Which classes a protocol reports, and which names of the data each of them gathers. */
#ifndef YL_EVAL_CLASSES_H
#define YL_EVAL_CLASSES_H

#include "eval/eval_set.h"

/* One class of a report. Its own name always belongs to it; all names compare case-insensitively. */
typedef struct yl_eval_class {
    const char *name;
    const char *const *members; /* further names that count as this class, on both sides; NULL-terminated, or NULL */
    const char *const *crowd;   /* truths of these names forgive: kitti's neighbours, coco's crowds; likewise */
} yl_eval_class;

typedef struct yl_eval_classes {
    const yl_eval_class *at;
    int64_t count;
} yl_eval_classes;

/* Car Van Truck Pedestrian Person_sitting Cyclist Tram Misc */
extern const yl_eval_classes yl_classes_kitti;
/* Car, Pedestrian (or person), Cyclist (or bicycle); Van and Person_sitting forgive. The classes that `kitti` scores.
 */
extern const yl_eval_classes yl_classes_neighbours;
/* The poster's: car truck person bicycle train, of KITTI's names */
extern const yl_eval_classes yl_classes_coco;

/* For each name of the set, the class that it belongs to (-1: none), and the class that it is a crowd region of. */
typedef struct yl__class_map {
    int32_t *of, *crowd;
} yl__class_map;

/* Errors: INVALID for a name that two classes claim. Release with yl__class_map_free, also after a failure. */
yl_status yl__class_map_make(const yl_eval_set *set, const yl_eval_classes *classes, yl__class_map *out);
void yl__class_map_free(yl__class_map *map);

#endif
