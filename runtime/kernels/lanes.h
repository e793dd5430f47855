/* Vectors of 16, 8, 4 and 1 floats, as far as the instruction set has them: vec_8, bits_8, load_8 and so on. A file that does
 * the same work with several of them is included once for each, with LANES defined; there YL_LANES(vec) is the type.
 *
 * Loops over channels take the widest vectors first, and let the last one begin earlier where it is not whole. */
#ifndef YL_KERNELS_LANES_H
#define YL_KERNELS_LANES_H

#include <stdint.h>
#include <string.h>

#ifdef __AVX512VL__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define YL_VL 16 /* floats in a vector */
#elif defined(__AVX__)
#define YL_VL 8
#else
#define YL_VL 4
#endif

#define YL__INLINE static inline __attribute__((always_inline))

#define YL_LANES_PASTE(name, lanes) name##_##lanes
#define YL_LANES_OF(name, lanes) YL_LANES_PASTE(name, lanes)
#define YL_LANES(name) YL_LANES_OF(name, LANES)

static const int32_t yl__lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

#if defined(__AVX512VL__)
#define YL__REGISTER "v"
#elif defined(__aarch64__)
#define YL__REGISTER "w"
#endif

/* Copies fewer floats than a vector holds, in steps of a known size: one of an unknown size would be a call. */
YL__INLINE void yl__copy_few(float *to, const float *from, int64_t count, const int lanes)
{
    if (lanes > 8 && count & 8) memcpy(to, from, 8 * sizeof *to), to += 8, from += 8;
    if (lanes > 4 && count & 4) memcpy(to, from, 4 * sizeof *to), to += 4, from += 4;
    if (count & 2) memcpy(to, from, 2 * sizeof *to), to += 2, from += 2;
    if (count & 1) *to = *from;
}

/* without: v with zeros in its first `skip` lanes. */
#define YL__LANES_DEFINE(lanes)                                                                                        \
    typedef float vec_##lanes __attribute__((vector_size(lanes * 4), aligned(4), may_alias));                          \
    typedef int32_t bits_##lanes __attribute__((vector_size(lanes * 4), aligned(4), may_alias));                       \
    YL__INLINE vec_##lanes load_##lanes(const float *from)                                                             \
    {                                                                                                                  \
        return *(const vec_##lanes *)from;                                                                             \
    }                                                                                                                  \
    YL__INLINE vec_##lanes without_##lanes(vec_##lanes v, int64_t skip)                                                \
    {                                                                                                                  \
        bits_##lanes keep = *(const bits_##lanes *)yl__lane_numbers >= (int32_t)skip;                                  \
        return (vec_##lanes)(keep & (bits_##lanes)v);                                                                  \
    }

/* keep: v in a register, where the compiler would load it again for each use; with 16 registers that is the better way. */
#ifdef YL__REGISTER
#define YL__LANES_KEEP(lanes)                                                                                          \
    YL__INLINE vec_##lanes keep_##lanes(vec_##lanes v)                                                                 \
    {                                                                                                                  \
        __asm__("" : "+" YL__REGISTER(v));                                                                             \
        return v;                                                                                                      \
    }
#else
#define YL__LANES_KEEP(lanes)                                                                                          \
    YL__INLINE vec_##lanes keep_##lanes(vec_##lanes v)                                                                 \
    {                                                                                                                  \
        return v;                                                                                                      \
    }
#endif

/* leaky: x > 0 ? x : slope * x.
 * load_first, store_first: fewer floats than a vector holds; the lanes behind them are read as zeros. */
#define YL__LANES_GENERIC(lanes)                                                                                       \
    YL__INLINE vec_##lanes leaky_##lanes(vec_##lanes x, float slope)                                                   \
    {                                                                                                                  \
        bits_##lanes above = x > 0.0f;                                                                                 \
        return (vec_##lanes)((above & (bits_##lanes)x) | (~above & (bits_##lanes)(x * slope)));                        \
    }                                                                                                                  \
    YL__INLINE vec_##lanes load_first_##lanes(const float *from, int64_t count)                                        \
    {                                                                                                                  \
        float all[lanes] = {0};                                                                                        \
        yl__copy_few(all, from, count, lanes);                                                                         \
        return load_##lanes(all);                                                                                      \
    }                                                                                                                  \
    YL__INLINE void store_first_##lanes(float *to, vec_##lanes v, int64_t count)                                       \
    {                                                                                                                  \
        float all[lanes];                                                                                              \
        *(vec_##lanes *)all = v;                                                                                       \
        yl__copy_few(to, all, count, lanes);                                                                           \
    }

/* The same with mask registers, for which the compiler's own vectors have no words. */
#define YL__LANES_MASKED(lanes, type, name, mask)                                                                      \
    YL__INLINE vec_##lanes leaky_##lanes(vec_##lanes x, float slope)                                                   \
    {                                                                                                                  \
        mask below = name##_cmp_ps_mask((type)x, name##_setzero_ps(), _CMP_NGT_UQ);                                    \
        return (vec_##lanes)name##_mask_mul_ps((type)x, below, (type)x, name##_set1_ps(slope));                        \
    }                                                                                                                  \
    YL__INLINE vec_##lanes load_first_##lanes(const float *from, int64_t count)                                        \
    {                                                                                                                  \
        return (vec_##lanes)name##_maskz_loadu_ps((mask)((1u << count) - 1), from);                                    \
    }                                                                                                                  \
    YL__INLINE void store_first_##lanes(float *to, vec_##lanes v, int64_t count)                                       \
    {                                                                                                                  \
        name##_mask_storeu_ps(to, (mask)((1u << count) - 1), (type)v);                                                 \
    }

YL__LANES_DEFINE(1)
YL__INLINE vec_1 keep_1(vec_1 v)
{
    return v;
}
YL__LANES_GENERIC(1)
YL__LANES_DEFINE(4)
YL__LANES_KEEP(4)
#if YL_VL >= 8
YL__LANES_DEFINE(8)
YL__LANES_KEEP(8)
#endif
#if YL_VL >= 16
YL__LANES_DEFINE(16)
YL__LANES_KEEP(16)
#endif
#ifdef __AVX512VL__
YL__LANES_MASKED(4, __m128, _mm, __mmask8)
YL__LANES_MASKED(8, __m256, _mm256, __mmask8)
YL__LANES_MASKED(16, __m512, _mm512, __mmask16)
#else
YL__LANES_GENERIC(4)
#if YL_VL >= 8
YL__LANES_GENERIC(8)
#endif
#endif

/* Runs a statement for vectors of channels at `from`, beginning with channel k of c, of which the first `skip` lanes were
 * done by the vector before, as long as more than half of a vector is left. Then k is the first channel that is left. */
#define YL_EACH_VECTOR(k, c, ...)                                                                                      \
    for (; (c) - (k) > LANES / 2 && (c) >= LANES; (k) += LANES) {                                                      \
        int64_t skip = (c) - (k) < LANES ? LANES - ((c) - (k)) : 0, from = (k)-skip;                                   \
        __VA_ARGS__;                                                                                                   \
    }

#endif
