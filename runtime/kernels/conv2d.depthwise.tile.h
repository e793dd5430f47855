/* The inner loop of the depthwise convolution for LANES channels at a time; conv2d.depthwise.c includes this file once per
 * number of lanes. */
YL__INLINE void YL_LANES(store_some)(const dw_tile *t, int64_t k, int64_t skip, const int m,
                                     const YL_LANES(vec) sum[DW_PIXELS])
{
    float *to = t->y + k;
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, to += t->y_pixel) {
        YL_LANES(vec) y = sum[i];
        if (t->act == YL_ACT_relu) y = (YL_LANES(vec))(~(y < 0.0f) & (YL_LANES(bits))y);
        if (t->add) y = YL_LANES(load)(to) + YL_LANES(without)(y, skip);
        *(YL_LANES(vec) *)to = y;
    }
}

/* The usual ends, without a question per pixel. */
YL__INLINE void YL_LANES(store_plain)(const dw_tile *t, int64_t k, const int m, const bool leaky,
                                      const YL_LANES(vec) sum[DW_PIXELS])
{
    float *to = t->y + k;
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, to += t->y_pixel)
        *(YL_LANES(vec) *)to = leaky ? YL_LANES(leaky)(sum[i], t->slope) : sum[i];
}

YL__INLINE void YL_LANES(store)(const dw_tile *t, int64_t k, int64_t skip, const int m,
                                const YL_LANES(vec) sum[DW_PIXELS])
{
    if (t->act == YL_ACT_relu || t->add)
        YL_LANES(store_some)(t, k, skip, m, sum);
    else if (t->act == YL_ACT_leaky)
        YL_LANES(store_plain)(t, k, m, true, sum);
    else
        YL_LANES(store_plain)(t, k, m, false, sum);
}

/* m pixels by any taps. */
YL__INLINE void YL_LANES(any)(const dw_tile *t, int64_t k, int64_t skip, const int m)
{
    YL_LANES(vec) sum[DW_PIXELS];
    YL_LANES(vec) start = t->bias ? YL_LANES(load)(t->bias + k) : (YL_LANES(vec)){0};
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) sum[i] = start;
    const float *x_row = t->x + k, *w_row = t->w + k;
    for (int u = 0; u < t->ki; u++, x_row += t->x_row, w_row += t->w_row) {
        const float *x = x_row, *w = w_row;
        for (int v = 0; v < t->kj; v++, x += t->x_tap, w += t->c) {
            YL_LANES(vec) tap = YL_LANES(load)(w);
            const float *at = x;
#pragma GCC unroll 16
            for (int i = 0; i < m; i++, at += t->x_pixel) sum[i] += YL_LANES(load)(at) * tap;
        }
    }
    YL_LANES(store)(t, k, skip, m, sum);
}

/* m pixels, s apart, by rows of kj taps, 1 apart: a pixel of x is loaded once for all taps of a row that it meets. */
YL__INLINE void YL_LANES(row)(const dw_tile *t, int64_t k, int64_t skip, const int m, const int kj, const int s)
{
    YL_LANES(vec) sum[DW_PIXELS], tap[5];
    YL_LANES(vec) start = t->bias ? YL_LANES(load)(t->bias + k) : (YL_LANES(vec)){0};
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) sum[i] = start;
    const float *x = t->x + k, *w = t->w + k;
    for (int u = 0; u < t->ki; u++, x += t->x_row, w += t->w_row) {
        const float *at = x;
#pragma GCC unroll 5
        for (int v = 0; v < kj; v++) tap[v] = YL_LANES(load)(w + v * t->c);
#pragma GCC unroll 24
        for (int p = 0; p < (m - 1) * s + kj; p++, at += t->c) {
            YL_LANES(vec) pixel = YL_LANES(load)(at);
#pragma GCC unroll 5
            for (int v = 0; v < kj; v++)
                if (p >= v && (p - v) % s == 0 && (p - v) / s < m) sum[(p - v) / s] += pixel * tap[v];
        }
    }
    YL_LANES(store)(t, k, skip, m, sum);
}

#define CASE_ANY(m)                                                                                                    \
    static int64_t YL_LANES(any_##m)(const dw_tile *t, int64_t k)                                                      \
    {                                                                                                                  \
        YL_EACH_VECTOR(k, t->c, YL_LANES(any)(t, from, skip, m))                                                       \
        return k;                                                                                                      \
    }
CASE_ANY(1)
CASE_ANY(2)
CASE_ANY(4)
CASE_ANY(8)
#undef CASE_ANY

#define CASE_ROW(m, kj, s)                                                                                             \
    static int64_t YL_LANES(row_##m##_##kj##_##s)(const dw_tile *t, int64_t k)                                         \
    {                                                                                                                  \
        YL_EACH_VECTOR(k, t->c, YL_LANES(row)(t, from, skip, m, kj, s))                                                \
        return k;                                                                                                      \
    }
CASE_ROW(8, 3, 1)
CASE_ROW(8, 3, 2)
CASE_ROW(8, 5, 1)
CASE_ROW(8, 5, 2)
CASE_ROW(4, 3, 1)
CASE_ROW(4, 3, 2)
#undef CASE_ROW

/* From channel k on; returns the first channel that is left to fewer lanes. */
static int64_t YL_LANES(tile)(const dw_tile *t, int m, int64_t k)
{
    bool near = t->x_tap == t->c, by1 = near && t->x_pixel == t->c, by2 = near && t->x_pixel == 2 * t->c;
    if (m == 8) {
        if (t->kj == 3 && by1) return YL_LANES(row_8_3_1)(t, k);
        if (t->kj == 3 && by2) return YL_LANES(row_8_3_2)(t, k);
        if (t->kj == 5 && by1) return YL_LANES(row_8_5_1)(t, k);
        if (t->kj == 5 && by2) return YL_LANES(row_8_5_2)(t, k);
        return YL_LANES(any_8)(t, k);
    }
    if (m == 4) {
        if (t->kj == 3 && by1) return YL_LANES(row_4_3_1)(t, k);
        if (t->kj == 3 && by2) return YL_LANES(row_4_3_2)(t, k);
        return YL_LANES(any_4)(t, k);
    }
    return m == 2 ? YL_LANES(any_2)(t, k) : YL_LANES(any_1)(t, k);
}
