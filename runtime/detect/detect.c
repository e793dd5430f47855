/* Heads -> boxes -> image -> suppression. */
#include "detect/detect.h"
#include "core/memory.h"
#include "detect/decode.h"
#include "detect/suppress.h"

#include <math.h>

#define AT(member) YL_MEMBER(yl_detect_options, member)
static const yl_field fields[] = {
    {"conf", YL_OPTION_NUMBER, "0.25", "", "lowest score of a detection", 0, 1, NULL,
     "thresh threshold conf_thres score", AT(conf)},
    {"iou", YL_OPTION_NUMBER, "0.45", "", "overlap above which the weaker of two boxes is suppressed", 0, 1, NULL,
     "iou_thres nms_thresh", AT(iou)},
    {"nms", YL_OPTION_ENUM, "hard", "",
     "what suppression does to the weaker box: hard: it goes; soft: its score falls, by as much as the boxes overlap",
     0, 0, "hard|soft", "nms_kind soft_nms", AT(nms)},
    {"vote", YL_OPTION_NUMBER, "0", "",
     "the corners of a box that stays become the mean, by score, of all boxes that overlap it by this or more; 0: no",
     0, 1, NULL, "box_voting", AT(vote)},
    {"clip", YL_OPTION_BOOL, "false", "", "cut boxes off at the image's border", 0, 0, NULL, NULL, AT(clip)},
    {"one_class", YL_OPTION_BOOL, "false", "", "a box keeps its best class only", 0, 0, NULL, NULL, AT(one_class)},
    {"agnostic", YL_OPTION_BOOL, "false", "", "boxes of different classes suppress each other", 0, 0, NULL,
     "agnostic_nms class_agnostic", AT(agnostic)},
    {"max", YL_OPTION_INT, "0", "boxes", "most detections of an image; 0: no limit", 0, INFINITY, NULL, "max_det",
     AT(most)},
};
const yl_field_table yl_detect_fields = YL_FIELD_TABLE("detect", fields);

/* The suppression that the first head asks for. */
static double suppression_beta(const yl_net *net)
{
    for (int i = 0; i < net->n_layers; i++) {
        const yl_head *head = net->layers[i].kind->head;
        if (head) return head->suppression_beta ? head->suppression_beta(&net->layers[i]) : 0;
    }
    return 0;
}

static yl_status decode_layer(const yl_net *net, yl_plan *plan, int layer, int64_t image, double conf,
                              yl_detection **list, int64_t *count, int64_t *capacity)
{
    yl_view y;
    float *copy;
    YL_TRY(yl_plan_output(plan, layer, &y));
    if (!y.data) return yl__fail(YL_INVALID, "detect: the plan does not run %s", net->layers[layer].name);
    yl_view one = yl_view_image(y, image);
    int64_t size = yl_shape_count(one.shape);
    YL_TRY(yl__alloc(size, sizeof *copy, &copy));
    yl_status status = yl_view_read(net->device, one, copy);
    for (int64_t k = 0; k < size && status == YL_OK; k++)
        if (isnan(copy[k])) status = yl__fail(YL_NUMERIC, "%s holds a NaN", net->layers[layer].name);
    const yl_plan_options *o = yl_plan_get_options(plan);
    if (status == YL_OK)
        status = yl_decode_head(&net->layers[layer], copy, one.shape, o->w, o->h, 0, conf, list, count, capacity);
    yl__free(copy);
    return status;
}

static yl_status decode_all(const yl_net *net, yl_plan *plan, int64_t image, double conf, yl_detection **list,
                            int64_t *count)
{
    int64_t capacity = 0;
    int16_t heads = 0;
    for (int i = 0; i < net->n_layers; i++) {
        if (!net->layers[i].kind->head) continue;
        int64_t first = *count;
        YL_TRY(decode_layer(net, plan, i, image, conf, list, count, &capacity));
        for (int64_t k = first; k < *count; k++) (*list)[k].head = heads;
        heads++;
    }
    return heads ? YL_OK : yl__fail(YL_INVALID, "detect: the network has no detection head (region or yolo)");
}

static double clamp(double x, double high)
{
    return x < 0 ? 0 : x > high ? high : x;
}

static void to_image(const yl_batch *batch, int64_t i, bool clip, yl_detection *d, int64_t count)
{
    double w = (double)batch->image_size[i][0], h = (double)batch->image_size[i][1];
    for (int64_t k = 0; k < count; k++) {
        yl_box b = yl_batch_unmap(batch, i, d[k].box);
        for (int a = 0; a < YL_ATTRIBUTES && batch->to_image[i][0] < 0; a++) { /* flipped */
            yl_attribute attribute = yl_attribute_at(a);
            d[k].attributes[a] = yl_attribute_flipped(&attribute, d[k].attributes[a]);
        }
        if (clip) b = (yl_box){clamp(b.x1, w), clamp(b.y1, h), clamp(b.x2, w), clamp(b.y2, h)};
        d[k].box = b;
    }
}

static yl_status finish(const yl_net *net, const yl_batch *batch, int64_t i, const yl_detect_options *o,
                        yl_detection *d, int64_t *count)
{
    to_image(batch, i, o->clip, d, *count);
    if (o->one_class) YL_TRY(yl_best_class_per_box(d, count));
    yl_suppress_options s = {.iou = o->iou,
                             .soft = o->nms == YL_NMS_SOFT,
                             .floor = o->conf,
                             .vote = o->vote,
                             .beta = o->agnostic ? 0 : suppression_beta(net),
                             .class_agnostic = o->agnostic,
                             .width = (double)batch->image_size[i][0],
                             .height = (double)batch->image_size[i][1]};
    YL_TRY(yl_suppress(&s, d, count));
    if (o->most > 0 && *count > o->most) *count = o->most;
    return YL_OK;
}

yl_status yl_detect_image(const yl_net *net, yl_plan *plan, const yl_batch *batch, int64_t i,
                          const yl_detect_options *options, yl_detection **list, int64_t *count)
{
    *list = NULL;
    *count = 0;
    yl_status status = decode_all(net, plan, i, options->conf, list, count);
    if (status == YL_OK) status = finish(net, batch, i, options, *list, count);
    if (status == YL_OK) return YL_OK;
    yl__free(*list);
    *list = NULL;
    return status;
}
