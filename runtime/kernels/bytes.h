/* Bytes as vectors of numbers, and vectors of numbers as bytes; quant.h has the formulas. */
#ifndef YL_KERNELS_BYTES_H
#define YL_KERNELS_BYTES_H

#include "kernels/lanes.h"
#include "kernels/quant.formulas.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { YL_BYTE_VECTORS = 4 }; /* whose numbers become bytes together */

typedef YL_LANES_OF(vec, YL_VL) yl__numbers;
typedef YL_LANES_OF(bits, YL_VL) yl__sums;

/* YL_VL bytes as numbers. */
YL__INLINE yl__numbers yl__numbers_of(const uint8_t *x)
{
#if defined(__AVX512BW__)
    return (yl__numbers)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)x)));
#elif defined(__AVX2__)
    return (yl__numbers)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x)));
#else
    yl__sums whole = {0};
    for (int i = 0; i < YL_VL; i++) whole[i] = x[i];
    return __builtin_convertvector(whole, yl__numbers);
#endif
}

/* The larger numbers of each lane. */
YL__INLINE yl__numbers yl__larger(yl__numbers a, yl__numbers b)
{
#if defined(__AVX512BW__)
    return (yl__numbers)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (yl__numbers)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE4_1__)
    return (yl__numbers)_mm_max_ps((__m128)a, (__m128)b);
#else
    yl__sums above = a > b;
    return (yl__numbers)((above & (yl__sums)a) | (~above & (yl__sums)b));
#endif
}

/* The bytes of four vectors of numbers: round(y) + zero, brought into 0..255; a NaN becomes 0. Those of each vector lie `step` behind those of the
 * one before. */
YL__INLINE void yl__put_bytes(const yl__numbers y[4], int32_t zero, uint8_t *to, int64_t step)
{
#if defined(__AVX512BW__)
    const __m512 most = _mm512_set1_ps(512); /* of what rounds to more than 31 bits, bytes would be 0 */
    const __m512i add = _mm512_set1_epi16((int16_t)zero);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i q[4];
    for (int i = 0; i < 4; i++) q[i] = _mm512_cvtps_epi32(_mm512_min_ps(most, (__m512)y[i]));
    __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), add);
    __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), add);
    __m512i all = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
    if (step == YL_VL) {
        _mm512_storeu_si512(to, all);
        return;
    }
    _mm_storeu_si128((__m128i *)to, _mm512_castsi512_si128(all));
    _mm_storeu_si128((__m128i *)(to + step), _mm512_extracti32x4_epi32(all, 1));
    _mm_storeu_si128((__m128i *)(to + 2 * step), _mm512_extracti32x4_epi32(all, 2));
    _mm_storeu_si128((__m128i *)(to + 3 * step), _mm512_extracti32x4_epi32(all, 3));
#elif defined(__AVX2__)
    const __m256 most = _mm256_set1_ps(512);
    const __m256i add = _mm256_set1_epi16((int16_t)zero), order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i q[4];
    for (int i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_min_ps(most, (__m256)y[i]));
    __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(q[0], q[1]), add);
    __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(q[2], q[3]), add);
    __m256i all = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    if (step == YL_VL) {
        _mm256_storeu_si256((__m256i *)to, all);
        return;
    }
    __m128i half = _mm256_castsi256_si128(all), other = _mm256_extracti128_si256(all, 1);
    _mm_storel_epi64((__m128i *)to, half);
    _mm_storeh_pi((__m64 *)(to + step), _mm_castsi128_ps(half));
    _mm_storel_epi64((__m128i *)(to + 2 * step), other);
    _mm_storeh_pi((__m64 *)(to + 3 * step), _mm_castsi128_ps(other));
#elif defined(__SSE4_1__)
    const __m128 most = _mm_set1_ps(512);
    const __m128i add = _mm_set1_epi16((int16_t)zero);
    __m128i q[4];
    for (int i = 0; i < 4; i++) q[i] = _mm_cvtps_epi32(_mm_min_ps(most, (__m128)y[i]));
    __m128i low = _mm_adds_epi16(_mm_packs_epi32(q[0], q[1]), add);
    __m128i high = _mm_adds_epi16(_mm_packs_epi32(q[2], q[3]), add);
    int32_t bytes[4];
    _mm_storeu_si128((__m128i *)bytes, _mm_packus_epi16(low, high));
    for (int i = 0; i < 4; i++) memcpy(to + i * step, bytes + i, sizeof *bytes);
#elif defined(__aarch64__)
    int32_t bytes[4];
    int32x4_t q[4];
    int16x8_t half[2];
    for (int i = 0; i < 4; i++) /* conversions keep to their range; a NaN becomes the least number */
        q[i] = vcvtnq_s32_f32(vmaxnmq_f32((float32x4_t)y[i], vdupq_n_f32(-512)));
    for (int i = 0; i < 2; i++)
        half[i] = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q[2 * i]), q[2 * i + 1]), vdupq_n_s16((int16_t)zero));
    vst1q_u8((uint8_t *)bytes, vqmovun_high_s16(vqmovun_s16(half[0]), half[1]));
    for (int i = 0; i < 4; i++) memcpy(to + i * step, bytes + i, sizeof *bytes);
#else
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < YL_VL; j++) to[i * step + j] = yl__quant_byte(y[i][j], 1, zero);
#endif
}

#endif
