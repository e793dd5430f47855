/* What the losses of outputs are made of: softmax, and terms that each return their loss and add the gradient with respect to the output's
 * input. All arithmetic is in double precision. */
#ifndef YL_KERNELS_TERMS_H
#define YL_KERNELS_TERMS_H

#include "core/both.h"
#include "kernels/activation.formulas.h"

#include <math.h>

/* p[k] = exp(x[k] - max x) / sum over j of exp(x[j] - max x); p may be x. */
YL_BOTH static inline void yl__softmax(const float *x, int64_t count, float *p)
{
    float top = x[0], sum = 0;
    for (int64_t k = 1; k < count; k++) top = x[k] > top ? x[k] : top;
    for (int64_t k = 0; k < count; k++) p[k] = yl__exp(x[k] - top);
    for (int64_t k = 0; k < count; k++) sum += p[k];
    for (int64_t k = 0; k < count; k++) p[k] /= sum;
}

/* dx is NULL where only the loss is wanted. */
YL_BOTH static inline void yl__add_gradient(float *dx, double value)
{
    if (dx) *dx += (float)value;
}

/* scale * cross-entropy of p = logistic(x) with a target in [0, 1]; d/dx = scale * (p - target). Where p has been rounded to
 * 0 or 1 the logarithm is taken of the nearest number that is not. */
YL_BOTH static inline double yl__cross_entropy(float p, double target, double scale, float *dx)
{
    double yes = p < 1e-37f ? 1e-37 : p, no = 1.0 - p < 0x1p-25 ? 0x1p-25 : 1.0 - p;
    if (!(p == p)) yes = no = NAN;
    yl__add_gradient(dx, scale * (p - target));
    return scale * -(target * log(yes) + (target < 1 ? (1 - target) * log(no) : 0));
}

/* scale/2 * (p - target)^2 with p = logistic(x); d/dx = scale * (p - target) * p * (1 - p). */
YL_BOTH static inline double yl__squared_logistic(float p, double target, double scale, float *dx)
{
    double off = p - target;
    yl__add_gradient(dx, scale * off * p * (1.0 - p));
    return 0.5 * scale * off * off;
}

/* scale/2 * (x - target)^2; d/dx = scale * (x - target). */
YL_BOTH static inline double yl__squared(float x, double target, double scale, float *dx)
{
    double off = x - target;
    yl__add_gradient(dx, scale * off);
    return 0.5 * scale * off * off;
}

/* scale * -log p[which], p = softmax(x); d/dx[k] = scale * (p[k] - (k == which)). */
YL_BOTH static inline double yl__class_cross_entropy(const float *p, int32_t count, int32_t which, double scale,
                                                     float *dx)
{
    for (int32_t k = 0; dx && k < count; k++) yl__add_gradient(dx + k, scale * (p[k] - (k == which ? 1.0f : 0.0f)));
    return -scale * log(p[which] < 1e-37f ? 1e-37 : p[which]);
}

#endif
