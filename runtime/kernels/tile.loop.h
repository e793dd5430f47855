/* A tile's loop with vectors of LANES columns; tile.h includes it for whole vectors and for halves. */

/* C = epilogue(sums), in registers. */
YL__INLINE void YL_LANES(tile_store_some)(const yl__tile *t, float *c, const int m, const int nv,
                                          YL_LANES(vec) acc[YL_MN][2])
{
    const int tail = t->cols - (nv - 1) * LANES; /* of the last vector */
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, c += t->c_row)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            float *to = c + v * LANES;
            const bool full = v + 1 < nv || tail == LANES;
            if (t->add) acc[i][v] += full ? YL_LANES(load)(to) : YL_LANES(load_first)(to, tail);
            if (t->leaky) acc[i][v] = YL_LANES(leaky)(acc[i][v], t->slope);
            if (full)
                *(YL_LANES(vec) *)to = acc[i][v];
            else
                YL_LANES(store_first)(to, acc[i][v], tail);
        }
}

/* Whole vectors that are not added to what C holds, without a question per vector: where sums are short this end counts. */
YL__INLINE void YL_LANES(tile_store_whole)(const yl__tile *t, float *to, const int m, const int nv, const bool leaky,
                                           YL_LANES(vec) acc[YL_MN][2])
{
#pragma GCC unroll 16
    for (int i = 0; i < m; i++, to += t->c_row)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            *(YL_LANES(vec) *)(to + v * LANES) = leaky ? YL_LANES(leaky)(acc[i][v], t->slope) : acc[i][v];
}

YL__INLINE void YL_LANES(tile_store)(const yl__tile *t, float *c, const int m, const int nv,
                                     YL_LANES(vec) acc[YL_MN][2])
{
    if (t->add || t->cols != nv * LANES)
        YL_LANES(tile_store_some)(t, c, m, nv, acc);
    else if (t->leaky)
        YL_LANES(tile_store_whole)(t, c, m, nv, true, acc);
    else
        YL_LANES(tile_store_whole)(t, c, m, nv, false, acc);
}

/* `count` tiles of m rows, the first of which begins with row `first`. `across`: A's rows lie next to each other (a_row 1);
 * else its steps do (a_step 1) and B's rows are packed (b_step YL_NR). `ahead`: t->next is fetched into the cache meanwhile. */
YL__INLINE void YL_LANES(tile_run)(const yl__tile *t, int64_t first, int64_t count, const int m, const int nv,
                                   const bool across, const bool ahead)
{
    YL_LANES(vec) start0 = {0}, start1 = {0};
    if (t->bias) start0 = YL_LANES(load)(t->bias);
    if (t->bias && nv > 1) start1 = YL_LANES(load)(t->bias + LANES);
    const int64_t row = across ? 1 : t->a_row, row3 = 3 * row, a_step = across ? t->a_step : 1;
    const int64_t b_step = across ? t->b_step : YL_NR;
    const float *a = t->a + first * row;
    float *c = t->c + first * t->c_row;
    const char *next = t->next;
    for (int64_t q = 0; q < count; q++, a += m * row, c += m * t->c_row) {
        YL_LANES(vec) acc[YL_MN][2];
#pragma GCC unroll 16
        for (int i = 0; i < m; i++) acc[i][0] = start0, acc[i][1] = start1;
        for (int64_t r = 0; r < t->runs; r++) {
            const float *b = t->b + t->b_run[r], *a0 = a + t->a_run[r], *a4 = a0 + 4 * row, *a8 = a0 + 8 * row,
                        *a12 = a0 + 12 * row;
            for (int64_t k = t->length; k > 0; k--) {
                YL_LANES(vec) b0 = *(const YL_LANES(vec) *)b, b1 = nv > 1 ? *(const YL_LANES(vec) *)(b + LANES) : b0;
#pragma GCC unroll 16
                for (int i = 0; i < m; i++) {
                    const float *base = i < 4 ? a0 : i < 8 ? a4 : i < 12 ? a8 : a12;
                    const int e = i & 3;
                    float factor = base[e == 0 ? 0 : e == 1 ? row : e == 2 ? 2 * row : row3];
                    acc[i][0] = YL_LANES(add_product)(acc[i][0], factor, b0);
                    if (nv > 1) acc[i][1] = YL_LANES(add_product)(acc[i][1], factor, b1);
                }
                if (ahead) __builtin_prefetch(next, 0, 2), next += t->next_step;
                a0 += a_step, a4 += a_step, a8 += a_step, a12 += a_step, b += b_step;
            }
        }
        YL_LANES(tile_store)(t, c, m, nv, acc);
    }
}
