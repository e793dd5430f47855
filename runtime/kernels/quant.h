/* Numbers of 8 bits. A quantised activation is a byte q that stands for scale * (q - zero); zero is the byte of the number 0, so that
 * padding is exact.
 *
 *   q = min(max(round(x / scale) + zero, 0), 255), halves to the even neighbour; a NaN becomes 0
 *
 * A quantised weight is a signed byte from -127 to 127 that stands for scale * q, with a scale for each output channel: the largest
 * |w| / 127 (Jacob et al. 2018, section 2.1, and Krishnamoorthi 2018, section 2.3).
 *
 * Fake quantisation keeps f32, with the numbers that bytes stand for, so that a training meets what inference in bytes will compute. Its
 * gradient is passed straight through, but for numbers at the ends of the range, which may have been outside (Bengio et al. 2013). */
#ifndef YL_KERNELS_QUANT_H
#define YL_KERNELS_QUANT_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_quant_geom {
    int64_t count;
    yl_quant quant;
} yl_quant_geom;

#define YL_QUANT_KERNELS(K)                                                                                            \
    K(quant_to_bytes, (const yl_ctx *ctx, const yl_quant_geom *g, const float *x, uint8_t *y), NO)                     \
    K(quant_to_floats, (const yl_ctx *ctx, const yl_quant_geom *g, const uint8_t *x, float *y), NO)                    \
    K(quant_fake, (const yl_ctx *ctx, const yl_quant_geom *g, float *x), NO)                                           \
    K(quant_fake_backward, (const yl_ctx *ctx, const yl_quant_geom *g, const float *y, float *dy), NO)                 \
    K(quant_fake_weights, (const yl_ctx *ctx, int64_t rows, int64_t count, const float *w, float *y), NO)

#endif
