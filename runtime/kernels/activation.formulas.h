/* The functions of activation.h, inline for every kernel that ends in one. Loops over them vectorise: nothing here branches on data or
 * calls the C library. */
#ifndef YL_KERNELS_ACTIVATION_FORMULAS_H
#define YL_KERNELS_ACTIVATION_FORMULAS_H

#include "core/both.h"
#include "kernels/activation.h"

#include <string.h>

/* exp(x) to about 1e-7 relative: x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of exp(r) to the 7th
 * power, times 2^k put straight into the exponent. Arguments are clamped to where the result is a normal number. */
YL_BOTH static inline float yl__exp(float x)
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

YL_BOTH static inline float yl__logistic(float x)
{
    return 1.0f / (1.0f + yl__exp(-x));
}

/* tanh(log(1 + e)) with e = exp(x): (e^2 + 2e) / (e^2 + 2e + 2); 1 to the last bit from x = 20 on. */
YL_BOTH static inline float yl__tanh_softplus(float x)
{
    float e = yl__exp(x < 20.0f ? x : 20.0f), q = e * (e + 2.0f);
    return q / (q + 2.0f);
}

#define YL__SELU 1.0507f        /* slope above zero, and */
#define YL__SELU_LOW 1.7580312f /* that times 1.6732: the depth below */
#define YL__GELU 1.5957692f     /* 2 sqrt(2/pi) */
#define YL__GELU_CUBE 0.044715f

/* The bounded ones, written so that a NaN stays a NaN. */
YL_BOTH static inline float yl__clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

YL_BOTH static inline float yl__hardswish(float x)
{
    return x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6;
}

YL_BOTH static inline float yl__hard_mish(float x)
{
    return x > 0 ? x : x < -2 ? 0 : x * x / 2 + x;
}

/* The logistic part of gelu; beyond 10 it is 0 or 1. */
YL_BOTH static inline float yl__gelu_share(float x)
{
    x = yl__clamp(x, -10, 10);
    return yl__logistic(YL__GELU * (x + YL__GELU_CUBE * x * x * x));
}

/* y[i] = act(y[i]) over a row. */
YL_BOTH static inline void yl__activate(yl_activation act, float slope, int64_t n, float *y)
{
#define EACH(name, value)                                                                                              \
    case YL_ACT_##name:                                                                                                \
        for (int64_t i = 0; i < n; i++) y[i] = value;                                                                  \
        break;
    switch (act) {
    case YL_ACT_linear:
        break;
        EACH(leaky, y[i] > 0 ? y[i] : slope * y[i])
        EACH(relu, y[i] < 0 ? 0 : y[i])
        EACH(logistic, yl__logistic(y[i]))
        EACH(swish, y[i] * yl__logistic(y[i]))
        EACH(mish, y[i] * yl__tanh_softplus(y[i]))
        EACH(relu6, yl__clamp(y[i], 0, 6))
        EACH(hardswish, yl__hardswish(y[i]))
        EACH(hard_mish, yl__hard_mish(y[i]))
        EACH(tanh, 2 * yl__logistic(2 * y[i]) - 1)
        EACH(elu, y[i] < 0 ? yl__exp(y[i]) - 1 : y[i])
        EACH(selu, y[i] < 0 ? YL__SELU_LOW * (yl__exp(y[i]) - 1) : YL__SELU * y[i])
        EACH(gelu, y[i] * yl__gelu_share(y[i]))
        EACH(hardtan, yl__clamp(y[i], -1, 1))
        EACH(ramp, (y[i] < 0 ? 0 : y[i]) + 0.1f * y[i])
        EACH(loggy, 2 * yl__logistic(y[i]) - 1)
        EACH(relie, y[i] > 0 ? y[i] : 0.01f * y[i])
    }
#undef EACH
}

/* The slopes that the input gives; s = logistic(x), t = tanh(softplus(x)):
 *   swish s + x s (1 - s)   mish t + x (1 - t^2) s(x)   gelu g + x g (1 - g) times the slope of its argument */
YL_BOTH static inline float yl__swish_slope(float x)
{
    float s = yl__logistic(x);
    return s + x * s * (1.0f - s);
}

YL_BOTH static inline float yl__mish_slope(float x)
{
    float t = yl__tanh_softplus(x);
    return t + x * (1.0f - t * t) * yl__logistic(x);
}

YL_BOTH static inline float yl__hardswish_slope(float x)
{
    return x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6;
}

YL_BOTH static inline float yl__hard_mish_slope(float x)
{
    return x > 0 ? 1 : x < -2 ? 0 : x + 1;
}

YL_BOTH static inline float yl__gelu_slope(float x)
{
    float g = yl__gelu_share(x), near = yl__clamp(x, -10, 10);
    return g + near * g * (1.0f - g) * YL__GELU * (1 + 3 * YL__GELU_CUBE * near * near);
}

/* d[i] = dy[i] * act'(x[i]), through y where that is enough. */
YL_BOTH static inline void yl__activation_slope(const yl_activation_geom *g, int64_t n, const float *x, const float *y,
                                                const float *dy, float *d)
{
    float slope = g->leaky_slope;
#define EACH(name, value)                                                                                              \
    case YL_ACT_##name:                                                                                                \
        for (int64_t i = 0; i < n; i++) d[i] = value;                                                                  \
        break;
    switch (g->act) {
        EACH(linear, dy[i])
        EACH(leaky, y[i] > 0 ? dy[i] : slope * dy[i])
        EACH(relu, y[i] > 0 ? dy[i] : 0)
        EACH(logistic, dy[i] * (y[i] * (1.0f - y[i])))
        EACH(swish, dy[i] * yl__swish_slope(x[i]))
        EACH(mish, dy[i] * yl__mish_slope(x[i]))
        EACH(relu6, y[i] > 0 && y[i] < 6 ? dy[i] : 0)
        EACH(hardswish, dy[i] * yl__hardswish_slope(x[i]))
        EACH(hard_mish, dy[i] * yl__hard_mish_slope(x[i]))
        EACH(tanh, dy[i] * (1.0f - y[i] * y[i]))
        EACH(elu, y[i] < 0 ? dy[i] * (y[i] + 1.0f) : dy[i])
        EACH(selu, dy[i] * (y[i] < 0 ? y[i] + YL__SELU_LOW : YL__SELU))
        EACH(gelu, dy[i] * yl__gelu_slope(x[i]))
        EACH(hardtan, y[i] > -1 && y[i] < 1 ? dy[i] : 0)
        EACH(ramp, dy[i] * (y[i] > 0 ? 1.1f : 0.1f))
        EACH(loggy, dy[i] * (0.5f * (1.0f - y[i] * y[i])))
        EACH(relie, y[i] > 0 ? dy[i] : 0.01f * dy[i])
    }
#undef EACH
}

/* The end of a forward convolution: y[j] = act(y[j] + bias[j]) over the channels of one pixel or a part of them. */
static inline void yl__epilogue(yl_activation act, float slope, int64_t n, const float *bias, float *y)
{
    if (bias)
        for (int64_t j = 0; j < n; j++) y[j] += bias[j];
    yl__activate(act, slope, n, y);
}

#endif
