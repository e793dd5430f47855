/* [yolo] of Darknet: one of the heads of YOLOv3 and YOLOv4, and its loss. */
#include "layers/heads.h"

#define AT(member) YL_MEMBER(yl_yolo_options, member)
#define NUMBER(key_, fallback_, unit_, max_, help_)                                                                    \
    {                                                                                                                  \
#key_, YL_OPTION_NUMBER, fallback_, unit_, help_, 0, max_, NULL, "", AT(key_)                                  \
    }

static const yl_field fields[] = {
    {"anchors", YL_OPTION_NUMBERS, NULL, "pixels",
     "width and height of every anchor of all heads, in pixels of the input", 0, INFINITY, NULL, "", AT(anchors)},
    {"mask", YL_OPTION_NUMBERS, "", "", "which anchors this head predicts, from 0; none given: all", 0,
     YL_MAX_ANCHORS - 1, NULL, "", AT(mask)},
    {"classes", YL_OPTION_INT, "20", "", "number of classes", 1, 65536, NULL, "nc num_classes", AT(classes)},
    {"num", YL_OPTION_INT, "1", "", "number of anchors of all heads", 1, YL_MAX_ANCHORS, NULL, "", AT(num)},
    NUMBER(ignore_thresh, "0.5", "IoU", 1, "predictions closer than this to a truth cost no objectness"),
    NUMBER(truth_thresh, "1", "IoU", 1, "a prediction closer than this to a truth learns it too"),
    NUMBER(iou_thresh, "1", "IoU", 1,
           "every anchor whose shape is closer than this to a truth's learns it; 1: only the best"),
    {"iou_loss", YL_OPTION_ENUM, "mse", "", "loss of the boxes", 0, 0, "mse|iou|giou|diou|ciou", "box_loss",
     AT(iou_loss)},
    {"box_gradient", YL_OPTION_ENUM, "exact", "",
     "of the IoU losses: exact, or Darknet's, which leaves out the slopes of the logistic function, the grid and the "
     "anchor",
     0, 0, "exact|darknet", "", AT(box_gradient)},
    {"rescore", YL_OPTION_BOOL, "false", "",
     "objectness learns the IoU with the truth instead of 1, so that well-placed boxes score higher", 0, 0, NULL, "",
     AT(rescore)},
    NUMBER(iou_normalizer, "0.75", "", INFINITY, "weight of the boxes"),
    NUMBER(obj_normalizer, "1", "", INFINITY, "weight of objectness"),
    NUMBER(cls_normalizer, "1", "", INFINITY, "weight of the classes"),
    NUMBER(label_smooth_eps, "0", "", 0.999, "classes aim at eps/2 and 1 - eps/2 instead of 0 and 1"),
    {"scale_x_y", YL_OPTION_NUMBER, "1", "", "stretch of x and y about the cell's centre", 1, 16, NULL, "",
     AT(scale_x_y)},
    {"new_coords", YL_OPTION_BOOL, "false", "",
     "the layer before ends in the logistic function, sizes are anchor * (2 w)^2 (scaled YOLOv4)", 0, 0, NULL, "",
     AT(new_coords)},
    {"nms_kind", YL_OPTION_ENUM, "default", "", "how boxes suppress each other in detection", 0, 0,
     "default|greedynms|diounms|cornersnms", "", AT(nms_kind)},
    NUMBER(beta_nms, "0.6", "", INFINITY, "exponent of the centre distance in greedynms and diounms"),
    NUMBER(jitter, "0.2", "", INFINITY, "for the augmentation; the loss does not use it"),
    NUMBER(random, "0", "", INFINITY, "multi-scale training, for the loader; the loss does not use it"),
    YL_ATTRIBUTE_FIELDS(yl_yolo_options),
};
static const yl_field_table table = YL_FIELD_TABLE("yolo", fields);

static int64_t own_anchors(const yl_yolo_options *o)
{
    return o->mask.count ? o->mask.count : o->num;
}

/* The anchor (index among all) of this head's i-th prediction per cell. */
static int anchor_of(const yl_yolo_options *o, int i)
{
    return o->mask.count ? (int)o->mask.at[i] : i;
}

static yl_head_geom layout(const yl_layer *layer, yl_shape s, yl_dtype dtype)
{
    const yl_yolo_options *o = layer->options;
    yl_head_geom g = {.n = s.n,
                      .h = s.h,
                      .w = s.w,
                      .anchors = (int32_t)own_anchors(o),
                      .classes = (int32_t)o->classes,
                      .new_coords = o->new_coords,
                      .dtype = dtype};
    yl__head_predicts(&g, &o->attributes);
    return g;
}

static yl_status check_options(const yl_layer *layer)
{
    const yl_yolo_options *o = layer->options;
    YL_TRY(yl__check_anchors(layer, &o->anchors, o->num));
    if (o->mask.count > o->num)
        return yl__fail(YL_INVALID, "%s: expected at most num = %lld mask entries, got %lld", layer->name,
                        (long long)o->num, (long long)o->mask.count);
    for (int i = 0; i < o->mask.count; i++)
        if (o->mask.at[i] != floor(o->mask.at[i]) || o->mask.at[i] >= (double)o->num)
            return yl__fail(YL_INVALID, "%s: expected mask entries in 0..%lld, got %g", layer->name,
                            (long long)o->num - 1, o->mask.at[i]);
    if (o->new_coords && o->attributes.set)
        return yl__fail(YL_INVALID,
                        "%s: attributes and new_coords exclude each other: with new_coords the layer before has "
                        "activated every number",
                        layer->name);
    return YL_OK;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    YL_TRY(check_options(layer));
    yl_head_geom g = layout(layer, *in, YL_F32);
    YL_TRY(yl__check_channels(layer, in, &g, "anchors of the mask"));
    *out = *in;
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    yl_head_geom g = layout(p->layer, p->setting->out, p->setting->dtype);
    return p->ctx->device->kernels->yolo_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_yolo_geom geometry(const yl_pass *p)
{
    const yl_yolo_options *o = p->layer->options;
    yl_yolo_geom g = {.head = layout(p->layer, p->setting->out, p->setting->dtype),
                      .total = (int32_t)o->num,
                      .net_w = (float)p->setting->net_w,
                      .net_h = (float)p->setting->net_h,
                      .scale_x_y = (float)o->scale_x_y,
                      .label_smooth = (float)o->label_smooth_eps,
                      .ignore_thresh = (float)o->ignore_thresh,
                      .truth_thresh = (float)o->truth_thresh,
                      .iou_thresh = (float)o->iou_thresh,
                      .iou_normalizer = (float)o->iou_normalizer,
                      .obj_normalizer = (float)o->obj_normalizer,
                      .cls_normalizer = (float)o->cls_normalizer,
                      .iou_loss = (yl_iou_loss)o->iou_loss,
                      .loose_chain = o->box_gradient == 1,
                      .rescore = o->rescore};
    for (int i = 0; i < o->anchors.count; i++) g.anchors[i] = (float)o->anchors.at[i];
    for (int i = 0; i < g.head.anchors; i++) g.mask[i] = anchor_of(o, i);
    return g;
}

static yl_status loss(yl_pass *p, const yl_truth *truth, double out[YL_MAX_LOSS_PARTS])
{
    yl_yolo_geom g = geometry(p);
    return p->ctx->device->kernels->yolo_loss(p->ctx, &g, p->now, p->y, truth, p->scratch, p->dx[0], p->dx_beta[0],
                                              out);
}

static void decode(const yl_layer *layer, const float *entry, int anchor, yl_cell cell, double net_w, double net_h,
                   double box[4])
{
    const yl_yolo_options *o = layer->options;
    const double *size = o->anchors.at + 2 * anchor_of(o, anchor);
    yl_decode_yolo(entry, size[0], size[1], net_w, net_h, o->scale_x_y, o->new_coords, cell, box);
}

static double suppression_beta(const yl_layer *layer)
{
    const yl_yolo_options *o = layer->options;
    return o->nms_kind == 0 ? 0 : o->beta_nms;
}

static const yl_head head = {.geometry = layout, .decode = decode, .suppression_beta = suppression_beta};

const yl_layer_kind yl_layer_yolo = {
    .name = "yolo",
    .stem = "yolo",
    .help = "a head of YOLOv3 and YOLOv4, and its loss",
    .fields = &table,
    .options_size = sizeof(yl_yolo_options),
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
