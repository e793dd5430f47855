/* What the inner loops of convolutions multiply. Factors lie in slots of 32 bits: each holds one f32 or, in files that define YL_FACTORS_BF16 first,
 * YL_PAIR neighbours of a sum as bf16, whose products one instruction adds (AVX512-BF16). So lengths, strides and the loops over them
 * are the same for both, counted in slots; a slot is declared as a float, which it need not be. */
#ifndef YL_KERNELS_FACTORS_H
#define YL_KERNELS_FACTORS_H

#include "kernels/lanes.h"

#ifdef YL_FACTORS_BF16
#include "core/bf16.h"

#include <immintrin.h>
#define YL_PAIR 2
#else
#define YL_PAIR 1
#endif

typedef YL_LANES_OF(vec, YL_VL) yl__vec;

/* Slots of a sum of that length. */
static inline int64_t yl__slots(int64_t count)
{
    return (count + YL_PAIR - 1) / YL_PAIR;
}

#ifdef YL_FACTORS_BF16
/* sum + a * b in each lane, for both numbers of the slots. */
YL__INLINE vec_16 add_product_16(vec_16 sum, float a, vec_16 b)
{
    return (vec_16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(a), (__m512bh)b);
}

YL__INLINE vec_4 add_product_4(vec_4 sum, float a, vec_4 b)
{
    return (vec_4)_mm_dpbf16_ps((__m128)sum, (__m128bh)_mm_set1_ps(a), (__m128bh)b);
}

YL__INLINE vec_8 add_product_8(vec_8 sum, float a, vec_8 b)
{
    return (vec_8)_mm256_dpbf16_ps((__m256)sum, (__m256bh)_mm256_set1_ps(a), (__m256bh)b);
}

/* Neighbouring lanes become the numbers of a slot: half a vector of slots. */
YL__INLINE void yl__store_factors(float *to, yl__vec numbers)
{
    _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh((__m512)numbers));
}

/* The count numbers at `from`, as slots. */
YL__INLINE void yl__copy_factors(float *restrict to, const float *restrict from, int64_t count)
{
    int64_t k = 0;
    for (; k + YL_VL <= count; k += YL_VL) yl__store_factors(to + k / YL_PAIR, *(const yl__vec *)(from + k));
    if (k == count) return;
    __m512 rest = (__m512)YL_LANES_OF(load_first, YL_VL)(from + k, count - k);
    store_first_8(to + k / YL_PAIR, (vec_8)_mm512_cvtneps_pbh(rest), yl__slots(count - k));
}

YL__INLINE float yl__slot_of(float first, float second)
{
    uint32_t bits = yl_to_bf16(first) | (uint32_t)yl_to_bf16(second) << 16;
    float slot;
    memcpy(&slot, &bits, sizeof slot);
    return slot;
}

/* Lanes of numbers[0] and numbers[apart] become the numbers of a slot. */
YL__INLINE yl__vec yl__slot(const yl__vec *numbers, int64_t apart)
{
    __m512i first = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)numbers[0]));
    __m512i second = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)numbers[apart]));
    return (yl__vec)_mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}
#else
#define YL__ADD_PRODUCT(lanes)                                                                                         \
    YL__INLINE vec_##lanes add_product_##lanes(vec_##lanes sum, float a, vec_##lanes b)                                \
    {                                                                                                                  \
        return sum + a * b;                                                                                            \
    }
#if YL_VL >= 16
YL__ADD_PRODUCT(16)
#endif
#if YL_VL >= 8
YL__ADD_PRODUCT(8)
#endif
YL__ADD_PRODUCT(4)

YL__INLINE void yl__store_factors(float *to, yl__vec numbers)
{
    *(yl__vec *)to = numbers;
}

YL__INLINE void yl__copy_factors(float *restrict to, const float *restrict from, int64_t count)
{
    for (int64_t k = 0; k < count; k++) to[k] = from[k];
}

YL__INLINE float yl__slot_of(float first, float second)
{
    (void)second;
    return first;
}

YL__INLINE yl__vec yl__slot(const yl__vec *numbers, int64_t apart)
{
    (void)apart;
    return numbers[0];
}
#endif

#endif
