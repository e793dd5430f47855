/* COCO's matching of truths and detections: what the protocol's figures (eval/coco.c) are counted from. */
#ifndef YL_EVAL_COCO_MATCH_H
#define YL_EVAL_COCO_MATCH_H

#include "eval/coco.h"

enum { YL__COCO_AREAS = 4, YL__COCO_OVERLAPS = 10, YL__COCO_MOST = 100 };

/* pycocotools' form of a box. */
typedef struct yl__coco_extent {
    double x, y, w, h, area;
} yl__coco_extent;

typedef struct yl__coco_truth {
    yl__coco_extent box;
    bool crowd, taken, ignored; /* taken and ignored: in the matching at hand */
} yl__coco_truth;

typedef struct yl__coco_row {
    double score;
    int64_t order; /* frames in order, and by falling score within a frame */
    int64_t rank;  /* in its frame, 0-based */
    int64_t frame;
    uint16_t matched[YL__COCO_AREAS], ignored[YL__COCO_AREAS]; /* bit t: at overlap t */
} yl__coco_row;

typedef struct yl__coco_found {
    double score;
    int64_t det;
    yl__coco_extent box;
} yl__coco_found;

/* The frame and class at hand, and the class's rows so far. */
typedef struct yl__coco_work {
    const yl_eval_set *set;
    const yl__class_map *map;
    bool drop_ignored;
    int64_t class_index;
    yl__coco_found *dets;
    yl__coco_truth *truths;
    int64_t *order; /* of the truths: those that count first */
    double *iou;    /* [det][truth] */
    int64_t iou_capacity, det_count, truth_count;
    yl__coco_row *rows;
    int64_t row_count, row_capacity, wanted[YL__COCO_AREAS]; /* wanted: truths that count */
    double *recall, *precision;                              /* of the kept rows */
} yl__coco_work;

/* Memory for a work that has its set; free it also after a failure. */
yl_status yl__coco_work_alloc(yl__coco_work *w);
void yl__coco_work_free(yl__coco_work *w);

/* Matches the class in all frames: fills w->rows, by falling score, w->wanted and the counts of *out. wanted: of each frame the truths that
 * count; may be NULL. */
yl_status yl__coco_match_class(yl__coco_work *w, int64_t class_index, int32_t *wanted, yl_coco_row *out);

#endif
