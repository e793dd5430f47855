/* [region] of Darknet: the head and loss of YOLOv2. */
#include "layers/heads.h"

#define AT(member) YL_MEMBER(yl_region_options, member)
#define WEIGHT(key_, fallback_, help_)                                                                                 \
    {                                                                                                                  \
#key_, YL_OPTION_NUMBER, fallback_, "", help_, 0, INFINITY, NULL, "", AT(key_)                                 \
    }

static const yl_field fields[] = {
    {"anchors", YL_OPTION_NUMBERS, NULL, "cells", "width and height of every anchor", 0, INFINITY, NULL, "",
     AT(anchors)},
    {"classes", YL_OPTION_INT, "20", "", "number of classes", 1, 65536, NULL, "nc num_classes", AT(classes)},
    {"coords", YL_OPTION_INT, "4", "", "numbers that describe a box", 4, 4, NULL, "", AT(coords)},
    {"num", YL_OPTION_INT, "1", "", "number of anchors", 1, YL_MAX_ANCHORS, NULL, "", AT(num)},
    {"softmax", YL_OPTION_BOOL, "false", "", "classes exclude each other (otherwise each is logistic)", 0, 0, NULL, "",
     AT(softmax)},
    {"bias_match", YL_OPTION_BOOL, "false", "", "match truths with anchors, not with predicted shapes", 0, 0, NULL, "",
     AT(bias_match)},
    {"rescore", YL_OPTION_BOOL, "false", "", "objectness learns the IoU with the truth instead of 1", 0, 0, NULL, "",
     AT(rescore)},
    {"absolute", YL_OPTION_BOOL, "true", "", "anchors count cells (always so; kept for cfg files)", 0, 0, NULL, "",
     AT(absolute)},
    {"thresh", YL_OPTION_NUMBER, "0.5", "IoU", "predictions closer than this to a truth cost no objectness", 0, 1, NULL,
     "", AT(thresh)},
    WEIGHT(object_scale, "1", "weight of objectness where an object is"),
    WEIGHT(noobject_scale, "1", "weight of objectness where none is"),
    WEIGHT(class_scale, "1", "weight of the classes"),
    WEIGHT(coord_scale, "1", "weight of the boxes"),
    WEIGHT(prior_scale, "0.01", "weight of the pull towards the anchors during the first prior_images"),
    {"prior_images", YL_OPTION_INT, "0", "images",
     "how long predictions are pulled towards their anchors (Darknet: 12800)", 0, INFINITY, NULL, "", AT(prior_images)},
    WEIGHT(jitter, "0.2", "for the augmentation; the loss does not use it"),
    {"random", YL_OPTION_INT, "0", "", "multi-scale training, for the loader; the loss does not use it", 0, 1, NULL, "",
     AT(random)},
    YL_ATTRIBUTE_FIELDS(yl_region_options),
};
static const yl_field_table table = YL_FIELD_TABLE("region", fields);

static yl_head_geom layout(const yl_layer *layer, yl_shape s, yl_dtype dtype)
{
    const yl_region_options *o = layer->options;
    yl_head_geom g = {.n = s.n,
                      .h = s.h,
                      .w = s.w,
                      .anchors = (int32_t)o->num,
                      .classes = (int32_t)o->classes,
                      .softmax = o->softmax,
                      .dtype = dtype};
    yl__head_predicts(&g, &o->attributes);
    return g;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const yl_region_options *o = layer->options;
    YL_TRY(yl__check_anchors(layer, &o->anchors, o->num));
    yl_head_geom g = layout(layer, *in, YL_F32);
    YL_TRY(yl__check_channels(layer, in, &g, "num"));
    *out = *in;
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    yl_head_geom g = layout(p->layer, p->setting->out, p->setting->dtype);
    return p->ctx->device->kernels->region_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_region_geom geometry(const yl_pass *p)
{
    const yl_region_options *o = p->layer->options;
    yl_region_geom g = {.head = layout(p->layer, p->setting->out, p->setting->dtype),
                        .bias_match = o->bias_match,
                        .rescore = o->rescore,
                        .thresh = (float)o->thresh,
                        .object_scale = (float)o->object_scale,
                        .noobject_scale = (float)o->noobject_scale,
                        .class_scale = (float)o->class_scale,
                        .coord_scale = (float)o->coord_scale,
                        .prior_scale = (float)o->prior_scale,
                        .prior_images = o->prior_images};
    for (int i = 0; i < o->anchors.count; i++) g.anchors[i] = (float)o->anchors.at[i];
    return g;
}

static yl_status loss(yl_pass *p, const yl_truth *truth, double out[YL_MAX_LOSS_PARTS])
{
    yl_region_geom g = geometry(p);
    return p->ctx->device->kernels->region_loss(p->ctx, &g, p->now, p->y, truth, p->scratch, p->dx[0], p->dx_beta[0],
                                                out);
}

static void decode(const yl_layer *layer, const float *entry, int anchor, yl_cell cell, double net_w, double net_h,
                   double box[4])
{
    const yl_region_options *o = layer->options;
    (void)net_w, (void)net_h; /* these anchors count cells */
    yl_decode_region(entry, o->anchors.at[2 * anchor], o->anchors.at[2 * anchor + 1], cell, box);
}

static const yl_head head = {.geometry = layout, .decode = decode};

const yl_layer_kind yl_layer_region = {
    .name = "region",
    .stem = "region",
    .help = "the head and the loss of YOLOv2",
    .fields = &table,
    .options_size = sizeof(yl_region_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .loss_parts = yl__head_parts,
    .has_part = yl__head_has_part,
    .head = &head,
    .shape = shape,
    .prepare = yl__head_prepare,
    .forward = forward,
    .loss = loss,
};
