/* Bytes widened to 16 bits, whose products are added in pairs to sums of 32 bits: exact, where AVX2's instruction for bytes would
 * saturate. On ARM, products of bytes of 16 bits, added in pairs. */
#include "kernels/conv2d.int8.h"

#if defined(__x86_64__)
typedef int32_t int8_four __attribute__((aligned(1), may_alias)); /* bytes wherever they lie */
#endif

#if defined(__AVX512BW__)
#define WAY pairs
#define TARGET
#define SUMS 1
#define DEEP 2
#define X_BYTES 2
#define sums_t __m512i
#define x_t __m512i
#define LOAD(at) _mm512_loadu_si512(at)
#define LOAD_X(at) _mm512_set1_epi32(*(const int8_four *)(at))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = _mm512_add_epi32((s)[0],                                                                                  \
                              _mm512_madd_epi16(x, _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(at)))))
#define STORE(to, s) _mm512_storeu_si512(to, (s)[0])
#define ROWS_1 16
#define ROWS_2 12
#define ROWS_3 8
#define ROWS_4 6
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 16, 12, 8, 6}, 1, 1, 2, 2, 0};
#elif defined(__AVX2__)
YL__INLINE __m256i load_x_across(const uint8_t *const *pixel, int64_t at)
{
    return _mm256_blend_epi32(_mm256_set1_epi32(*(const int8_four *)(pixel[0] + at)),
                              _mm256_set1_epi32(*(const int8_four *)(pixel[1] + at)), 0xf0);
}

#define WAY pairs
#define TARGET
#define SUMS 1
#define DEEP 2
#define X_BYTES 2
#define sums_t __m256i
#define x_t __m256i
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(at))
#define LOAD_X(at) _mm256_set1_epi32(*(const int8_four *)(at))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] =                                                                                                           \
        _mm256_add_epi32((s)[0], _mm256_madd_epi16(x, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(at)))))
#define STORE(to, s) _mm256_storeu_si256((__m256i *)(to), (s)[0])
#define ROWS_1 12
#define ROWS_2 6
#define ACROSS 2
#define LOAD_X_ACROSS(pixel, at, across) load_x_across(pixel, at)
#define MULTIPLY_ACROSS(s, x, at, across)                                                                              \
    (s)[0] = _mm256_add_epi32(                                                                                         \
        (s)[0],                                                                                                        \
        _mm256_madd_epi16(x, _mm256_broadcastsi128_si256(_mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(at))))))
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 12, 6}, 2, 1, 2, 2, 0};
#elif defined(__SSE4_1__)
#define WAY pairs
#define TARGET
#define SUMS 1
#define DEEP 2
#define X_BYTES 2
#define sums_t __m128i
#define x_t __m128i
#define LOAD(at) _mm_loadu_si128((const __m128i *)(at))
#define LOAD_X(at) _mm_set1_epi32(*(const int8_four *)(at))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = _mm_add_epi32((s)[0], _mm_madd_epi16(x, _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(at)))))
#define STORE(to, s) _mm_storeu_si128((__m128i *)(to), (s)[0])
#define ROWS_1 12
#define ROWS_2 6
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 12, 6}, 1, 1, 2, 2, 0};
#elif defined(__aarch64__)

typedef int32_t int8_four __attribute__((aligned(1), may_alias)); /* bytes wherever they lie */
#define WAY pairs
#define TARGET
#define SUMS 2
#define DEEP 4
#define X_BYTES 1
#define sums_t int32x4_t
#define x_t int8x16_t
#define LOAD(at) vld1q_s32(at)
#define LOAD_X(at) vreinterpretq_s8_s32(vdupq_n_s32(*(const int8_four *)(at)))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = vpadalq_s16((s)[0], vmull_s8(vld1_s8(at), vget_low_s8(x))),                                               \
    (s)[1] = vpadalq_s16((s)[1], vmull_high_s8(vld1q_s8(at), x))
#define STORE(to, s) vst1q_s32((int32_t *)(to), vpaddq_s32((s)[0], (s)[1]))
#define ROWS_1 12
#define ROWS_2 6
#define ROWS_3 4
#define ROWS_4 3
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 12, 6, 4, 3}, 1, 2, 4, 1, 128};
#else
typedef struct four {
    int32_t lane[YL_INT8_LANES];
} four;

YL__INLINE void multiply(four *s, const uint8_t *x, const int8_t *w)
{
    for (int j = 0; j < YL_INT8_LANES; j++)
        for (int k = 0; k < 4; k++) s->lane[j] += x[k] * w[j * 4 + k];
}
#define WAY plain
#define TARGET
#define SUMS 1
#define DEEP 4
#define X_BYTES 1
#define sums_t four
#define x_t const uint8_t *
#define LOAD(at) (*(const four *)(at))
#define LOAD_X(at) (at)
#define MULTIPLY(s, x, at) multiply(&(s)[0], x, at)
#define STORE(to, s) memcpy(to, (s)[0].lane, sizeof(yl__sums))
#define ROWS_1 2
#define ROWS_2 2
#define ROWS_3 1
#define ROWS_4 1
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_plain, {0, 2, 2, 1, 1}, 1, 1, 4, 1, 0};
#endif

#define ALGORITHM conv2d_int8_pairs
#define NAME "int8_pairs"
#define AVAILABLE true
#define AT_ONCE 2
#include "kernels/conv2d.int8.algorithm.h"
