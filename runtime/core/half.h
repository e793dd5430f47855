/* Numbers of the two 16-bit types, by type. */
#ifndef YL_CORE_HALF_H
#define YL_CORE_HALF_H

#include "core/bf16.h"
#include "core/dtype.h"
#include "core/f16.h"

#include <stdbool.h>

static inline bool yl_is_half(yl_dtype type)
{
    return type == YL_BF16 || type == YL_F16;
}

static inline float yl_half_real(yl_dtype type, uint16_t half)
{
    return type == YL_BF16 ? yl_of_bf16(half) : yl_of_f16(half);
}

static inline uint16_t yl_half_nearest(yl_dtype type, float value)
{
    return type == YL_BF16 ? yl_to_bf16(value) : yl_to_f16(value);
}

#endif
