/* The inner loops of the depthwise convolution for LANES channels at a time; conv2d.depthwise.c includes this file once per
 * number of lanes. Pixels are counted from the tile's first one: j is the first of m. */
YL__INLINE YL_LANES(vec) YL_LANES(activated)(YL_LANES(vec) y, const yl_activation act, float slope)
{
    if (act == YL_ACT_relu) return (YL_LANES(vec))(~(y < 0.0f) & (YL_LANES(bits))y);
    return act == YL_ACT_leaky ? YL_LANES(leaky)(y, slope) : y;
}

YL__INLINE void YL_LANES(store_as)(const dw_tile *t, float *to, const int m, const yl_activation act,
                                   const YL_LANES(vec) sum[DW_PIXELS])
{
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, to += t->y_pixel) *(YL_LANES(vec) *)to = YL_LANES(activated)(sum[i], act, t->slope);
}

/* Without a question per pixel. */
YL__INLINE void YL_LANES(store)(const dw_tile *t, float *to, const int m, const YL_LANES(vec) sum[DW_PIXELS])
{
    if (t->act == YL_ACT_leaky)
        YL_LANES(store_as)(t, to, m, YL_ACT_leaky, sum);
    else if (t->act == YL_ACT_relu)
        YL_LANES(store_as)(t, to, m, YL_ACT_relu, sum);
    else
        YL_LANES(store_as)(t, to, m, YL_ACT_linear, sum);
}

YL__INLINE void YL_LANES(add)(const dw_tile *t, float *to, int64_t skip, const int m,
                              const YL_LANES(vec) sum[DW_PIXELS])
{
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, to += t->y_pixel)
        *(YL_LANES(vec) *)to = YL_LANES(load)(to) + YL_LANES(without)(sum[i], skip);
}

/* m pixels by any taps. */
YL__INLINE void YL_LANES(any)(const dw_tile *t, int64_t j, int64_t k, int64_t skip, const int m)
{
    YL_LANES(vec) sum[DW_PIXELS];
    YL_LANES(vec) start = t->bias ? YL_LANES(load)(t->bias + k) : (YL_LANES(vec)){0};
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) sum[i] = start;
    const float *x_row = t->x + j * t->x_pixel + k, *w_row = t->w + k;
    for (int u = 0; u < t->ki; u++, x_row += t->x_row, w_row += t->w_row) {
        const float *x = x_row, *w = w_row;
        for (int v = 0; v < t->kj; v++, x += t->x_tap, w += t->c) {
            YL_LANES(vec) tap = YL_LANES(load)(w);
            const float *at = x;
#pragma GCC unroll 16
            for (int i = 0; i < m; i++, at += t->x_pixel) sum[i] += YL_LANES(load)(at) * tap;
        }
    }
    float *to = t->y + j * t->y_pixel + k;
    if (t->add)
        YL_LANES(add)(t, to, skip, m, sum);
    else
        YL_LANES(store)(t, to, m, sum);
}

/* m pixels, s apart, by size x size taps, 1 apart, not added to what y holds: a pixel of x is loaded once for all taps of a row that it meets. */
YL__INLINE void YL_LANES(square)(const dw_tile *t, int64_t j, int64_t k, const int m, const int size, const int s)
{
    YL_LANES(vec) sum[DW_PIXELS], tap[5];
    YL_LANES(vec) start = t->bias ? YL_LANES(load)(t->bias + k) : (YL_LANES(vec)){0};
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) sum[i] = start;
    const float *x = t->x + j * t->x_pixel + k, *w = t->w + k;
    /* Where registers are few the compiler is not told how many rows there are: it would move all taps out of the loop. */
    const int rows = YL_VL < 16 ? t->ki : size;
    for (int u = 0; u < rows; u++, x += t->x_row, w += t->w_row) {
        const float *at = x;
#pragma GCC unroll 5
        for (int v = 0; v < size; v++) tap[v] = YL_LANES(load)(w + v * t->c);
#pragma GCC unroll 24
        for (int p = 0; p < (m - 1) * s + size; p++, at += t->c) {
            YL_LANES(vec) pixel = YL_LANES(keep)(YL_LANES(load)(at));
#pragma GCC unroll 5
            for (int v = 0; v < size; v++)
                if (p >= v && (p - v) % s == 0 && (p - v) / s < m) sum[(p - v) / s] += pixel * tap[v];
        }
    }
    YL_LANES(store)(t, t->y + j * t->y_pixel + k, m, sum);
}

/* The tile's pixels for a vector of channels, eight at a time as long as there are so many. size = 0: any taps. */
YL__INLINE void YL_LANES(pixels)(const dw_tile *t, int64_t k, int64_t skip, const int size, const int s)
{
    int64_t j = 0;
    for (; j + 8 <= t->count; j += 8)
        if (size)
            YL_LANES(square)(t, j, k, 8, size, s);
        else
            YL_LANES(any)(t, j, k, skip, 8);
    for (; j + 4 <= t->count; j += 4)
        if (size)
            YL_LANES(square)(t, j, k, 4, size, s);
        else
            YL_LANES(any)(t, j, k, skip, 4);
    for (; j + 2 <= t->count; j += 2) YL_LANES(any)(t, j, k, skip, 2);
    if (j < t->count) YL_LANES(any)(t, j, k, skip, 1);
}

#define CASE(name, size, s)                                                                                            \
    static int64_t YL_LANES(name)(const dw_tile *t, int64_t k)                                                         \
    {                                                                                                                  \
        YL_EACH_VECTOR(k, t->c, YL_LANES(pixels)(t, from, skip, size, s))                                              \
        return k;                                                                                                      \
    }
CASE(any_taps, 0, 0)
CASE(square_3_1, 3, 1)
CASE(square_3_2, 3, 2)
CASE(square_5_1, 5, 1)
CASE(square_5_2, 5, 2)
#undef CASE

/* From channel k on; returns the first channel that is left to fewer lanes. */
static int64_t YL_LANES(tile)(const dw_tile *t, int64_t k)
{
    bool square = t->ki == t->kj && t->x_tap == t->c && t->count >= 4 && !t->add;
    bool by1 = square && t->x_pixel == t->c, by2 = square && t->x_pixel == 2 * t->c;
    if (t->kj == 3 && by1) return YL_LANES(square_3_1)(t, k);
    if (t->kj == 3 && by2) return YL_LANES(square_3_2)(t, k);
    if (t->kj == 5 && by1) return YL_LANES(square_5_1)(t, k);
    if (t->kj == 5 && by2) return YL_LANES(square_5_2)(t, k);
    return YL_LANES(any_taps)(t, k);
}
