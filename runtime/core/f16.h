/* f16: IEEE 754 binary16, 5 bits of exponent and 10 of fraction. */
#ifndef YL_CORE_F16_H
#define YL_CORE_F16_H

#include "core/both.h"

#include <stdint.h>
#include <string.h>

/* Exact: every f16 is an f32. A subnormal is its fraction times 2^-24. */
YL_BOTH static inline float yl_of_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7FFF, bits;
    float value;
    if (size < 0x400) {
        value = (float)size * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (size < 0x7C00 ? (size << 13) + 0x38000000 : size << 13 | 0x7F800000);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To nearest, ties to even; beyond 65504 by half a step or more infinity; NaN stays NaN. */
YL_BOTH static inline uint16_t yl_to_f16(float value)
{
    uint32_t bits, size;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000) return (uint16_t)(sign | 0x7E00);
    if (size >= 0x477FF000) return (uint16_t)(sign | 0x7C00);
    if (size < 0x38800000) { /* subnormal: adding 1/2 leaves the fraction, rounded, in the lowest bits */
        float small;
        memcpy(&small, &size, sizeof small);
        small += 0.5f;
        memcpy(&size, &small, sizeof size);
        return (uint16_t)(sign | (size - 0x3F000000));
    }
    return (uint16_t)(sign | ((size + 0xFFF + (size >> 13 & 1) - 0x38000000) >> 13));
}

#endif
