/* The options of the two detection heads, and what these share. */
#ifndef YL_LAYERS_HEADS_H
#define YL_LAYERS_HEADS_H

#include "layers/layer.h"

#include <math.h>

typedef struct yl_region_options {
    yl_numbers anchors; /* width, height, ... in cells */
    int64_t classes, coords, num;
    bool softmax, bias_match, rescore, absolute;
    double thresh, object_scale, noobject_scale, class_scale, coord_scale;
    double prior_scale;
    int64_t prior_images;
    double jitter;
    int64_t random;
} yl_region_options;

typedef struct yl_yolo_options {
    yl_numbers anchors; /* width, height, ... in pixels of the network's input */
    yl_numbers mask;    /* empty: all anchors */
    int64_t classes, num;
    double ignore_thresh, truth_thresh, iou_thresh;
    double iou_normalizer, obj_normalizer, cls_normalizer, label_smooth_eps, scale_x_y;
    int64_t iou_loss;     /* yl_iou_loss */
    int64_t box_gradient; /* 0 exact, 1 darknet */
    int64_t nms_kind;     /* 0 default, 1 greedynms, 2 diounms, 3 cornersnms */
    double beta_nms;
    bool new_coords, rescore;
    double jitter, random;
} yl_yolo_options;

/* What a head's loss reports, in this order. */
enum { YL_HEAD_PARTS = 4 };
extern const char *const yl__head_parts[YL_HEAD_PARTS + 1]; /* NULL-terminated */

/* The scratch of a head's loss: one sum of each part per row of cells, added up in a fixed order. */
yl_status yl__head_prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs);
/* Two numbers above 0 for each of `num` anchors. Errors: INVALID, naming the layer. */
yl_status yl__check_anchors(const yl_layer *layer, const yl_numbers *anchors, int64_t num);

#endif
