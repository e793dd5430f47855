/* What a head does with the extra labels of core/attributes.h: activation, loss and decoding, by kind. Their numbers follow the classes of an
 * entry, in the table's order.
 *
 *   ANGLE    y = x;           loss weight/2 * ((y0 - sin v)^2 + (y1 - cos v)^2);   value atan2(y0, y1)
 *   CLASSES  y = softmax(x);  loss weight * -log y[v];                             value the most probable class
 *   SHARE    y = logistic(x); loss weight * CE(y, v);                              value y
 *
 * v is the truth's value; where it is unknown there is no loss. */
#ifndef YL_KERNELS_ATTRIBUTES_FORMULAS_H
#define YL_KERNELS_ATTRIBUTES_FORMULAS_H

#include "kernels/head.h"
#include "kernels/terms.h"

YL_BOTH static inline void yl__attribute_entry(const yl_attribute *a, const float *x, float *y)
{
    switch (a->kind) {
    case YL_ATTRIBUTE_ANGLE:
        for (int32_t k = 0; k < a->width; k++) y[k] = x[k];
        break;
    case YL_ATTRIBUTE_CLASSES:
        yl__softmax(x, a->width, y);
        break;
    case YL_ATTRIBUTE_SHARE:
        y[0] = yl__logistic(x[0]);
        break;
    }
}

YL_BOTH static inline double yl__attribute_term(const yl_attribute *a, const float *y, double value, double weight,
                                                float *dx)
{
    switch (a->kind) {
    case YL_ATTRIBUTE_ANGLE:
        return yl__squared(y[0], sin(value), weight, dx) + yl__squared(y[1], cos(value), weight, dx ? dx + 1 : NULL);
    case YL_ATTRIBUTE_CLASSES:
        return yl__class_cross_entropy(y, a->width, (int32_t)value, weight, dx);
    default:
        return yl__cross_entropy(y[0], value, weight, dx);
    }
}

/* The value that the numbers of an entry stand for. */
YL_BOTH static inline double yl__attribute_value(const yl_attribute *a, const float *y)
{
    int32_t best = 0;
    if (a->kind == YL_ATTRIBUTE_ANGLE) return atan2(y[0], y[1]);
    if (a->kind == YL_ATTRIBUTE_SHARE) return y[0];
    for (int32_t k = 1; k < a->width; k++)
        if (y[k] > y[best]) best = k;
    return best;
}

/* Activates all of an entry; x and y begin at its first attribute. */
YL_BOTH static inline void yl__attributes_entry(uint32_t set, const float *x, float *y)
{
    for (int i = 0; i < YL_ATTRIBUTES; i++) {
        yl_attribute a = yl_attribute_at(i);
        if (!(set >> i & 1)) continue;
        yl__attribute_entry(&a, x, y);
        x += a.width;
        y += a.width;
    }
}

/* What an object of those values (NULL: it has none) costs: times `share`, added to the parts, and the gradient to dx (or NULL); y and dx
 * begin at the entry's first attribute. */
YL_BOTH static inline void yl__attributes_term(const yl_head_geom *g, const float *values, double share, const float *y,
                                               float *dx, double *parts)
{
    for (int i = 0; i < YL_ATTRIBUTES && values; i++) {
        yl_attribute a = yl_attribute_at(i);
        if (!(g->attributes >> i & 1)) continue;
        if (yl_attribute_known(&a, values[i]))
            parts[YL_PART_ATTRIBUTES + i] += yl__attribute_term(&a, y, values[i], share * g->attribute_weight[i], dx);
        y += a.width;
        if (dx) dx += a.width;
    }
}

#endif
