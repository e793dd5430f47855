/* What the two detection heads, region and yolo, have in common. Their input and its gradient are activations; their output is f32, as is
 * all that is made of it: losses and boxes.
 * Channel = anchor * yl_head_size + entry; entries: x, y, w, h, objectness, then one per class, then those of the attributes. */
#ifndef YL_KERNELS_HEAD_H
#define YL_KERNELS_HEAD_H

#include "core/attributes.h"
#include "core/dtype.h"
#include "core/now.h"
#include "core/status.h"

enum { YL_MAX_ANCHORS = 32, YL_HEAD_BOX = 5 };

typedef struct yl_head_geom {
    int64_t n, h, w;          /* images and cells */
    int32_t anchors, classes; /* anchors of this head */
    bool softmax;             /* classes: softmax, else logistic each */
    bool new_coords;          /* yolo only: the layer before has activated everything; sizes are squares */
    yl_dtype dtype;           /* of the input and its gradient */
    uint32_t attributes;      /* bit i: line i of core/attributes.h is predicted */
    int32_t attribute_width;  /* numbers per anchor of all of them */
    float attribute_weight[YL_ATTRIBUTES];
} yl_head_geom;

/* Numbers per anchor. */
YL_BOTH static inline int64_t yl_head_size(const yl_head_geom *g)
{
    return YL_HEAD_BOX + g->classes + g->attribute_width;
}

/* The sums that its loss gives; those from ATTRIBUTES on, one for each line of their table, only where it predicts some. */
enum {
    YL_PART_BOX,
    YL_PART_OBJECT,
    YL_PART_NOOBJECT,
    YL_PART_CLASS,
    YL_PART_ATTRIBUTES,
    YL_PARTS = YL_PART_ATTRIBUTES + YL_ATTRIBUTES
};

YL_BOTH static inline int yl_head_parts(const yl_head_geom *g)
{
    return g->attributes ? YL_PARTS : YL_PART_ATTRIBUTES;
}

/* Numbers of the output. */
YL_BOTH static inline int64_t yl_head_count(const yl_head_geom *g)
{
    return g->n * g->h * g->w * g->anchors * yl_head_size(g);
}

/* The sums in a loss's scratch: of each part over each row of cells. Behind them is room for yl_head_count(g) floats where activations are
 * not f32. */
YL_BOTH static inline int64_t yl_head_sums(const yl_head_geom *g)
{
    return g->n * g->h * yl_head_parts(g);
}

#endif
