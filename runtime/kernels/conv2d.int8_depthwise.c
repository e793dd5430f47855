/* Depthwise convolution of bytes, widened to 16 bits, whose products are added in pairs of rows: exact. */
#include "kernels/conv2d.int8.h"

YL__INLINE yl__sums multiply(yl__sums s, yl__sums x, yl__sums w)
{
#if defined(__AVX512BW__)
    return s + (yl__sums)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif defined(__AVX2__)
    return s + (yl__sums)_mm256_madd_epi16((__m256i)x, (__m256i)w);
#elif defined(__SSE4_1__)
    return s + (yl__sums)_mm_madd_epi16((__m128i)x, (__m128i)w);
#elif defined(__aarch64__)
    int16x8_t a = (int16x8_t)x, b = (int16x8_t)w;
    return s + (yl__sums)vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
#else
    typedef int16_t halves __attribute__((vector_size(sizeof(yl__sums))));
    halves a = (halves)x, b = (halves)w;
    for (int i = 0; i < YL_VL; i++) s[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return s;
#endif
}

#define ALGORITHM conv2d_int8_depthwise
#define NAME "int8_depthwise"
#define TARGET
#define DEEP 2
#define deep_t int16_t
#define AVAILABLE true
#define MULTIPLY multiply
#include "kernels/conv2d.int8_depthwise.loop.h"
