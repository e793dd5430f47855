/* The terms of distill.h, for one prediction. */
#ifndef YL_KERNELS_DISTILL_FORMULAS_H
#define YL_KERNELS_DISTILL_FORMULAS_H

#include "kernels/distill.h"
#include "kernels/head.formulas.h"

typedef struct yl__lesson {
    const yl_head_geom *head;
    double weight, temperature;
    const float *student, *teacher; /* outputs of the whole batch */
} yl__lesson;

/* Two nearly equal sums may differ by a rounding below zero; a NaN stays one. */
YL_BOTH static inline double yl__distill_not_below_zero(double x)
{
    return x < 0 ? 0 : x;
}

/* log(a / b); what has been rounded below `least` counts as that, as in yl__cross_entropy. */
YL_BOTH static inline double yl__distill_log_ratio(double a, double b, double least)
{
    return log((a < least ? least : a) / (b < least ? least : b));
}

/* A share of the softened distribution, up to its norm: p^(1/T). */
YL_BOTH static inline double yl__distill_soften(double p, double temperature)
{
    return temperature == 1 ? p : pow(p, 1 / temperature);
}

/* Of a probability and its rest. */
YL_BOTH static inline double yl__distill_soft(double p, double temperature)
{
    double a = yl__distill_soften(p, temperature);
    return temperature == 1 ? p : a / (a + yl__distill_soften(1 - p, temperature));
}

YL_BOTH static inline double yl__distill_output_term(const yl__lesson *l, float student, float teacher, double weight,
                                                     double temperature, float *dx)
{
    if (l->head->new_coords) return yl__squared(student, teacher, weight, dx);
    double s = yl__distill_soft(student, temperature), t = yl__distill_soft(teacher, temperature);
    yl__add_gradient(dx, weight * temperature * (s - t));
    return weight * temperature * temperature *
           yl__distill_not_below_zero(t * yl__distill_log_ratio(t, s, 1e-37) +
                                      (1.0 - t) * yl__distill_log_ratio(1.0 - t, 1.0 - s, 0x1p-25));
}

/* The sum of the softened distribution. */
YL_BOTH static inline double yl__distill_norm(const float *p, int32_t classes, double temperature)
{
    double sum = 0;
    for (int32_t k = 0; k < classes && temperature != 1; k++) sum += yl__distill_soften(p[k], temperature);
    return temperature == 1 ? 1 : sum;
}

YL_BOTH static inline double yl__distill_softmax_term(const float *student, const float *teacher, int32_t classes,
                                                      double weight, double temperature, float *dx)
{
    double sum = 0, own = yl__distill_norm(student, classes, temperature),
           others = yl__distill_norm(teacher, classes, temperature);
    for (int32_t k = 0; k < classes; k++) {
        double s = yl__distill_soften(student[k], temperature) / own;
        double t = yl__distill_soften(teacher[k], temperature) / others;
        sum += t * yl__distill_log_ratio(t, s, 1e-37);
        yl__add_gradient(dx ? dx + k : NULL, weight * temperature * (s - t));
    }
    return weight * temperature * temperature * yl__distill_not_below_zero(sum);
}

YL_BOTH static inline double yl__distill_class_term(const yl__lesson *l, const float *s, const float *t, double weight,
                                                    float *dx)
{
    int32_t classes = l->head->classes;
    double sum = 0;
    if (l->head->softmax) return yl__distill_softmax_term(s, t, classes, weight, l->temperature, dx);
    for (int32_t k = 0; k < classes; k++)
        sum += yl__distill_output_term(l, s[k], t[k], weight, l->temperature, dx ? dx + k : NULL);
    return sum;
}

YL_BOTH static inline double yl__distill_box_term(const yl__lesson *l, const float *s, const float *t, double weight,
                                                  float *dx)
{
    return yl__distill_output_term(l, s[0], t[0], weight, 1, dx) +
           yl__distill_output_term(l, s[1], t[1], weight, 1, dx ? dx + 1 : NULL) +
           yl__squared(s[2], t[2], weight, dx ? dx + 2 : NULL) + yl__squared(s[3], t[3], weight, dx ? dx + 3 : NULL);
}

/* What a prediction costs, added to the parts, and its gradient, added to p->dx. */
YL_BOTH static inline void yl__distill_term(const yl__lesson *l, const yl__prediction *p, double parts[YL_PARTS])
{
    const float *t = l->teacher + (p->y - l->student);
    double believed = l->weight * t[4];
    parts[YL_PART_NOOBJECT] += yl__not_finite(t, yl_head_size(l->head));
    parts[t[4] >= 0.5f ? YL_PART_OBJECT : YL_PART_NOOBJECT] +=
        yl__distill_output_term(l, p->y[4], t[4], l->weight, l->temperature, p->dx ? p->dx + 4 : NULL);
    parts[YL_PART_CLASS] +=
        yl__distill_class_term(l, p->y + YL_HEAD_BOX, t + YL_HEAD_BOX, believed, p->dx ? p->dx + YL_HEAD_BOX : NULL);
    parts[YL_PART_BOX] += yl__distill_box_term(l, p->y, t, believed, p->dx);
}

/* One element of the features: half its share of the loss; its gradient is added to dx, which may be NULL. */
YL_BOTH static inline double yl__distill_element(float s, float t, double scale, float *dx)
{
    double off = (double)s - t;
    if (dx) *dx += (float)(scale * off);
    return off * off;
}

#endif
