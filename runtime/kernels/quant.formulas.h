/* The formulas of quant.h, inline for every kernel that reads or writes quantised numbers, and for the formats that write them. */
#ifndef YL_KERNELS_QUANT_FORMULAS_H
#define YL_KERNELS_QUANT_FORMULAS_H

#include "kernels/quant.h"

#include <math.h>
#include <string.h>

enum { YL_QUANT_MOST = 127 }; /* of a weight's byte */

/* The byte of x where `inverse` is 1 / scale. Adding 1.5 * 2^23 rounds to a whole number, whose bits are the lowest ones. */
static inline uint8_t yl__quant_byte(float x, float inverse, int32_t zero)
{
    const float magic = 12582912.0f;
    float low = (float)-zero, high = (float)(255 - zero), at = x * inverse;
    at = at > low ? at : low; /* a NaN, too */
    at = at < high ? at : high;
    float shifted = at + magic;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (uint8_t)(bits + zero);
}

/* Of `count` numbers, at `stride`: the scale that a weight of them takes, times `factor`. A row of zeros has the scale 1. */
static inline float yl__quant_weight_scale(const float *w, int64_t count, float factor)
{
    float most = 0;
    for (int64_t i = 0; i < count; i++) most = fabsf(w[i] * factor) > most ? fabsf(w[i] * factor) : most;
    return most > 0 ? most / YL_QUANT_MOST : 1;
}

static inline int8_t yl__quant_weight(float w, float factor, float scale)
{
    float q = rintf(w * factor / scale);
    return (int8_t)(q > YL_QUANT_MOST ? YL_QUANT_MOST : q < -YL_QUANT_MOST ? -YL_QUANT_MOST : q);
}

#endif
