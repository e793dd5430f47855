/* The inner loop of the depthwise convolution's backward weights for LANES channels at a time; conv2d.depthwise.weights.c
 * includes this file once per number of lanes. */
/* m pixels of dy and one row of taps at a time, with taps 1 apart and pixels s apart: a pixel of x is loaded once. Even and
 * odd pixels are summed apart, since a sum has to wait for the one before. */
YL__INLINE void YL_LANES(row)(const dw_block *b, int64_t k, int64_t skip, const int m, const int kj, const int s)
{
    YL_LANES(vec) dy[DW_PIXELS];
    const float *x = b->x + k;
    float *to = b->sums + k;
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) dy[i] = YL_LANES(load)(b->dy + i * b->c + k);
    for (int u = 0; u < b->ki; u++, x += b->x_row, to += kj * b->c) {
        YL_LANES(vec) sum[5][2];
        const float *at = x;
#pragma GCC unroll 5
        for (int v = 0; v < kj; v++) sum[v][0] = sum[v][1] = (YL_LANES(vec)){0};
#pragma GCC unroll 24
        for (int p = 0; p < (m - 1) * s + kj; p++, at += b->c) {
            YL_LANES(vec) pixel = YL_LANES(load)(at);
#pragma GCC unroll 5
            for (int v = 0; v < kj; v++) {
                const int i = (p - v) / s;
                if (p >= v && (p - v) % s == 0 && i < m) sum[v][i % 2] += pixel * dy[i];
            }
        }
#pragma GCC unroll 5
        for (int v = 0; v < kj; v++) {
            YL_LANES(vec) *at_sum = (YL_LANES(vec) *)(to + v * b->c);
            *at_sum += YL_LANES(without)(sum[v][0] + sum[v][1], skip);
        }
    }
}

/* One tap, any number of pixels. */
static int64_t YL_LANES(tap)(const dw_block *b, int64_t count, int64_t x_pixel, int64_t k)
{
    YL_EACH_VECTOR(k, b->c, {
        YL_LANES(vec) sum = {0};
        const float *x = b->x + from, *dy = b->dy + from;
        for (int64_t i = 0; i < count; i++, x += x_pixel, dy += b->c) sum += YL_LANES(load)(x) * YL_LANES(load)(dy);
        *(YL_LANES(vec) *)(b->sums + from) += YL_LANES(without)(sum, skip);
    })
    return k;
}

#define CASE_ROW(m, kj, s)                                                                                             \
    static int64_t YL_LANES(row_##m##_##kj##_##s)(const dw_block *b, int64_t k)                                        \
    {                                                                                                                  \
        YL_EACH_VECTOR(k, b->c, YL_LANES(row)(b, from, skip, m, kj, s))                                                \
        return k;                                                                                                      \
    }
CASE_ROW(8, 3, 1)
CASE_ROW(8, 3, 2)
CASE_ROW(4, 3, 1)
CASE_ROW(4, 3, 2)
CASE_ROW(4, 5, 1)
CASE_ROW(4, 5, 2)
#undef CASE_ROW

/* m pixels (8 or, with 5 taps or where no more are left, 4), all rows of taps. */
static int64_t YL_LANES(tile)(const dw_block *b, int m, int64_t k)
{
    if (b->kj == 3 && m == 8) return b->s == 1 ? YL_LANES(row_8_3_1)(b, k) : YL_LANES(row_8_3_2)(b, k);
    if (b->kj == 3) return b->s == 1 ? YL_LANES(row_4_3_1)(b, k) : YL_LANES(row_4_3_2)(b, k);
    return b->s == 1 ? YL_LANES(row_4_5_1)(b, k) : YL_LANES(row_4_5_2)(b, k);
}
