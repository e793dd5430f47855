/* Boxes out of a head's output: every class of a box that reaches the threshold. */
#include "detect/decode.h"
#include "core/memory.h"
#include "kernels/attributes.formulas.h"

typedef struct decoder {
    const yl_layer *layer;
    yl_head_geom head;
    double net_w, net_h;
    double conf;
    yl_detection **list;
    int64_t *count, *capacity;
} decoder;

static yl_box box_of(const decoder *d, const float *entry, int anchor, yl_cell cell)
{
    double box[4];
    d->layer->kind->head->decode(d->layer, entry, anchor, cell, d->net_w, d->net_h, box);
    return yl_box_corners(box);
}

/* The attributes of an entry, whose numbers follow those of the classes. */
static void read_attributes(const decoder *d, const float *entry, double out[YL_ATTRIBUTES])
{
    const float *y = entry + YL_HEAD_BOX + d->head.classes;
    for (int i = 0; i < YL_ATTRIBUTES; i++) {
        yl_attribute a = yl_attribute_at(i);
        bool predicted = d->head.attributes >> i & 1;
        out[i] = predicted ? yl__attribute_value(&a, y) : a.unknown;
        if (predicted) y += a.width;
    }
}

static yl_status take(const decoder *d, const float *entry, int anchor, yl_cell cell)
{
    for (int32_t k = 0; k < d->head.classes; k++) {
        double score = (double)entry[4] * entry[YL_HEAD_BOX + k];
        if (!(score >= d->conf)) continue;
        YL_TRY(yl__reserve(*d->count + 1, d->capacity, sizeof **d->list, d->list));
        yl_detection *found = &(*d->list)[(*d->count)++];
        *found = (yl_detection){
            .class_index = k, .anchor = (int16_t)anchor, .score = score, .box = box_of(d, entry, anchor, cell)};
        read_attributes(d, entry, found->attributes);
    }
    return YL_OK;
}

static yl_status decode_image(const decoder *d, const float *y)
{
    int64_t size = yl_head_size(&d->head);
    for (int64_t row = 0; row < d->head.h; row++)
        for (int64_t col = 0; col < d->head.w; col++)
            for (int32_t a = 0; a < d->head.anchors; a++, y += size)
                if (y[4] >= d->conf) YL_TRY(take(d, y, a, (yl_cell){col, row, d->head.w, d->head.h}));
    return YL_OK;
}

yl_status yl_decode_head(const yl_layer *head, const float *y, yl_shape shape, int64_t net_w, int64_t net_h,
                         int64_t image, double conf, yl_detection **list, int64_t *count, int64_t *capacity)
{
    if (!head->kind->head)
        return yl__fail(YL_INVALID, "%s: expected a detection head (region or yolo), got a layer of kind %s",
                        head->name, head->kind->name);
    decoder d = {
        head,    head->kind->head->geometry(head, shape, YL_F32), (double)net_w, (double)net_h, conf, list, count,
        capacity};
    if (shape.c != d.head.anchors * yl_head_size(&d.head) || image < 0 || image >= shape.n)
        return yl__fail(YL_INVALID, "%s: image %lld of an output of %lld images and %lld channels cannot be decoded",
                        head->name, (long long)image, (long long)shape.n, (long long)shape.c);
    return decode_image(&d, y + image * shape.h * shape.w * shape.c);
}
