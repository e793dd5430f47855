/* The activation functions, inline for every kernel that ends in one. Loops over them vectorise: nothing here branches
 * on data or calls the C library.
 *
 *   leaky     x > 0 ? x : slope * x
 *   relu      max(x, 0)
 *   logistic  s(x) = 1 / (1 + exp(-x))
 *   swish     x * s(x)                                Ramachandran et al. 2017
 *   mish      x * tanh(log(1 + exp(x)))               Misra 2019 */
#ifndef YL_KERNELS_ACTIVATION_H
#define YL_KERNELS_ACTIVATION_H

#include "kernels/geometry.h"

#include <string.h>

/* exp(x) to about 1e-7 relative: x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of exp(r) to the 7th
 * power, times 2^k put straight into the exponent. Arguments are clamped to where the result is a normal number. */
static inline float yl__exp(float x)
{
    const float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f, magic = 12582912.0f;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float shifted = x * log2e + magic, k = shifted - magic; /* k = round(x / ln 2); its bits are shifted's lowest */
    float r = x - k * ln2_high - k * ln2_low;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits;
    float power;
    memcpy(&bits, &shifted, 4);
    bits = (int32_t)((uint32_t)(bits + 127) << 23);
    memcpy(&power, &bits, 4);
    return p * power;
}

static inline float yl__logistic(float x)
{
    return 1.0f / (1.0f + yl__exp(-x));
}

/* tanh(log(1 + e)) with e = exp(x): (e^2 + 2e) / (e^2 + 2e + 2); 1 to the last bit from x = 20 on. */
static inline float yl__tanh_softplus(float x)
{
    float e = yl__exp(x < 20.0f ? x : 20.0f), q = e * (e + 2.0f);
    return q / (q + 2.0f);
}

/* y[i] = act(y[i]) over a row. */
static inline void yl__activate(yl_activation act, float slope, int64_t n, float *y)
{
    switch (act) {
    case YL_ACT_linear:
        break;
    case YL_ACT_leaky:
        for (int64_t i = 0; i < n; i++) y[i] = y[i] > 0 ? y[i] : slope * y[i];
        break;
    case YL_ACT_relu:
        for (int64_t i = 0; i < n; i++) y[i] = y[i] < 0 ? 0 : y[i];
        break;
    case YL_ACT_logistic:
        for (int64_t i = 0; i < n; i++) y[i] = yl__logistic(y[i]);
        break;
    case YL_ACT_swish:
        for (int64_t i = 0; i < n; i++) y[i] = y[i] * yl__logistic(y[i]);
        break;
    case YL_ACT_mish:
        for (int64_t i = 0; i < n; i++) y[i] = y[i] * yl__tanh_softplus(y[i]);
        break;
    }
}

/* The end of a forward convolution: y[j] = act(y[j] + bias[j]) over the channels of one pixel or a part of them. */
static inline void yl__epilogue(yl_activation act, float slope, int64_t n, const float *bias, float *y)
{
    if (bias)
        for (int64_t j = 0; j < n; j++) y[j] += bias[j];
    yl__activate(act, slope, n, y);
}

#endif
