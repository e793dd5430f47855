/* bf16: the upper half of an f32, 8 bits of exponent and 7 of fraction. */
#ifndef YL_CORE_BF16_H
#define YL_CORE_BF16_H

#include "core/both.h"

#include <stdint.h>
#include <string.h>

YL_BOTH static inline float yl_of_bf16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To nearest, ties to even; NaN stays NaN. */
YL_BOTH static inline uint16_t yl_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

#endif
