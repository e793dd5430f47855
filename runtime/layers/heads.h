/* The options of the two detection heads, and what these share. */
#ifndef YL_LAYERS_HEADS_H
#define YL_LAYERS_HEADS_H

#include "layers/layer.h"

#include <math.h>

/* Which extra labels a head predicts (bit i: line i of core/attributes.h), and the weights of their losses. */
typedef struct yl_head_attributes {
    int64_t set;
    double weight[YL_ATTRIBUTES];
} yl_head_attributes;

/* Their fields, for options with a member `attributes`. */
#define YL_ATTRIBUTE_WEIGHT(name_, options)                                                                            \
    {                                                                                                                  \
#name_ "_weight", YL_OPTION_NUMBER, "1", "", "weight of " #name_ ", where the head predicts it", 0, INFINITY,  \
            NULL, "", YL_MEMBER(options, attributes.weight[YL_ATTRIBUTE_##name_])                                      \
    }
#define YL_ATTRIBUTE_FIELDS(options)                                                                                   \
    {"attributes",                                                                                                     \
     YL_OPTION_FLAGS,                                                                                                  \
     "none",                                                                                                           \
     "",                                                                                                               \
     "labels that it predicts beside box and class",                                                                   \
     0,                                                                                                                \
     0,                                                                                                                \
     YL_ATTRIBUTE_CHOICES,                                                                                             \
     "",                                                                                                               \
     YL_MEMBER(options, attributes.set)},                                                                              \
        YL_ATTRIBUTE_WEIGHT(orientation, options), YL_ATTRIBUTE_WEIGHT(occlusion, options),                            \
        YL_ATTRIBUTE_WEIGHT(truncation, options)

typedef struct yl_region_options {
    yl_numbers anchors; /* width, height, ... in cells */
    int64_t classes, coords, num;
    bool softmax, bias_match, rescore, absolute;
    double thresh, object_scale, noobject_scale, class_scale, coord_scale;
    double prior_scale;
    int64_t prior_images;
    double jitter;
    int64_t random;
    yl_head_attributes attributes;
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
    yl_head_attributes attributes;
} yl_yolo_options;

/* What a head's loss reports, in the order of YL_PART_*. */
extern const char *const yl__head_parts[YL_PARTS + 1]; /* NULL-terminated */
/* Whether this head reports that part: of the attributes only those that it predicts. */
bool yl__head_has_part(const yl_layer *layer, int part);

/* Enters the attributes into the geometry. */
void yl__head_predicts(yl_head_geom *g, const yl_head_attributes *attributes);
/* The input has that many channels per anchor times `anchors`. Errors: INVALID, naming the layer. */
yl_status yl__check_channels(const yl_layer *layer, const yl_shape *in, const yl_head_geom *g, const char *anchors);

/* The scratch of a head's loss: see yl_head_sums. */
yl_status yl__head_prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs);
/* Two numbers above 0 for each of `num` anchors. Errors: INVALID, naming the layer. */
yl_status yl__check_anchors(const yl_layer *layer, const yl_numbers *anchors, int64_t num);

#endif
