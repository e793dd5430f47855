/* Vectors of 16, 8, 4 and 1 floats, as far as the instruction set has them: vec_8, bits_8, load_8 and so on. A file that does
 * the same work with several of them is included once for each, with LANES defined; there YL_LANES(vec) is the type.
 *
 * Loops over channels take the widest vectors first, and let the last one begin earlier where it is not whole. */
#ifndef YL_KERNELS_LANES_H
#define YL_KERNELS_LANES_H

#include <stdint.h>

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

/* leaky: x > 0 ? x : slope * x.  without: v with zeros in its first `skip` lanes. */
#define YL__LANES_DEFINE(lanes)                                                                                        \
    typedef float vec_##lanes __attribute__((vector_size(lanes * 4), aligned(4), may_alias));                          \
    typedef int32_t bits_##lanes __attribute__((vector_size(lanes * 4), aligned(4), may_alias));                       \
    YL__INLINE vec_##lanes load_##lanes(const float *from)                                                             \
    {                                                                                                                  \
        return *(const vec_##lanes *)from;                                                                             \
    }                                                                                                                  \
    YL__INLINE vec_##lanes leaky_##lanes(vec_##lanes x, float slope)                                                   \
    {                                                                                                                  \
        bits_##lanes above = x > 0.0f;                                                                                 \
        return (vec_##lanes)((above & (bits_##lanes)x) | (~above & (bits_##lanes)(x * slope)));                        \
    }                                                                                                                  \
    YL__INLINE vec_##lanes without_##lanes(vec_##lanes v, int64_t skip)                                                \
    {                                                                                                                  \
        bits_##lanes keep = *(const bits_##lanes *)yl__lane_numbers >= (int32_t)skip;                                  \
        return (vec_##lanes)(keep & (bits_##lanes)v);                                                                  \
    }
#if YL_VL >= 16
YL__LANES_DEFINE(16)
#endif
#if YL_VL >= 8
YL__LANES_DEFINE(8)
#endif
YL__LANES_DEFINE(4)
YL__LANES_DEFINE(1)

/* Runs a statement for vectors of channels at `from`, beginning with channel k of c, of which the first `skip` lanes were
 * done by the vector before, as long as more than half of a vector is left. Then k is the first channel that is left. */
#define YL_EACH_VECTOR(k, c, ...)                                                                                      \
    for (; (c) - (k) > LANES / 2 && (c) >= LANES; (k) += LANES) {                                                      \
        int64_t skip = (c) - (k) < LANES ? LANES - ((c) - (k)) : 0, from = (k)-skip;                                   \
        __VA_ARGS__;                                                                                                   \
    }

#endif
