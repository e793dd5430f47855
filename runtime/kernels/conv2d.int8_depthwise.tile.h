/* Tiles of the depthwise convolution of bytes with vectors of LANES channels, for conv2d.int8_depthwise.c, which includes it for each. */
/* LANES bytes as numbers. */
YL__INLINE YL_LANES(vec) YL_LANES(int8_numbers_of)(const uint8_t *x)
{
#if LANES == 16
    return (YL_LANES(vec))_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)x)));
#elif LANES == 8 && defined(__AVX2__)
    return (YL_LANES(vec))_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x)));
#elif defined(__SSE4_1__)
    int32_t four;
    memcpy(&four, x, sizeof four);
    return (YL_LANES(vec))_mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
#elif defined(__aarch64__)
    uint32_t four;
    memcpy(&four, x, sizeof four);
    uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return (YL_LANES(vec))vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
#else
    YL_LANES(vec) y;
    for (int i = 0; i < LANES; i++) y[i] = x[i];
    return y;
#endif
}

/* Sums of `pixels` outputs become outputs. */
YL__INLINE void YL_LANES(int8_finish)(const dw_job *job, int pixels, const YL_LANES(vec) * sums, const float *rest,
                                      int64_t count, int64_t at)
{
    float y[TILE * LANES], slope = job->slope;
    for (int t = 0; t < pixels; t++)
        for (int k = 0; k < LANES; k++) {
            float x = (((const float *)&sums[t])[k] + rest[LANES + k]) * rest[k] + rest[2 * LANES + k];
            y[t * LANES + k] = x > slope * x ? x : slope * x;
        }
    int8_store(job->g, job->simple, y, pixels, LANES, pixels, count, job->y, at);
}

/* Outputs j..j+pixels-1 of row i, a vector of channels from channel k on. */
YL__INLINE void YL_LANES(int8_tile)(const dw_job *job, int kernel, int stride, int pixels, int64_t i, int64_t j,
                                    int64_t k)
{
    const yl_conv2d_geom *g = job->g;
    const yl__int8_border *b = &job->border;
    const float *w = job->numbers + k / LANES * numbers_per_vector(g, LANES);
    const uint8_t *x = job->image + (i * g->sh * b->w + j * stride) * b->c + k;
    YL_LANES(vec) sums[TILE];
    for (int t = 0; t < pixels; t++) sums[t] = (YL_LANES(vec)){0};
    for (int u = 0; u < kernel; u++, x += b->w * b->c, w += kernel * LANES) {
#pragma GCC unroll 32
        for (int q = 0; q < (pixels - 1) * stride + kernel; q++) {
            YL_LANES(vec) at = YL_LANES(int8_numbers_of)(x + q * b->c);
#pragma GCC unroll 8
            for (int t = 0; t < pixels; t++)
                if (q >= t * stride && q < t * stride + kernel)
                    sums[t] += at * *(const YL_LANES(vec) *)(w + (q - t * stride) * LANES);
        }
    }
    YL_LANES(int8_finish)(job, pixels, sums, w, g->c - k < LANES ? g->c - k : LANES, ((i * g->ow + j) * g->oc) + k);
}

/* A row; its last tile begins earlier where it is not whole. */
YL__INLINE void YL_LANES(int8_tiles)(const dw_job *job, int kernel, int stride, int64_t i)
{
    const yl_conv2d_geom *g = job->g;
    for (int64_t k = 0; k < g->c; k += LANES) {
        if (g->ow < TILE)
            for (int64_t j = 0; j < g->ow; j++) YL_LANES(int8_tile)(job, kernel, stride, 1, i, j, k);
        else
            for (int64_t j = 0; j < g->ow; j += TILE)
                YL_LANES(int8_tile)(job, kernel, stride, TILE, i, j + TILE <= g->ow ? j : g->ow - TILE, k);
    }
}

/* Any kernel and stride, pixel by pixel. */
static void YL_LANES(int8_any_row)(const dw_job *job, int64_t i)
{
    const yl_conv2d_geom *g = job->g;
    const yl__int8_border *b = &job->border;
    for (int64_t k = 0; k < g->c; k += LANES)
        for (int64_t j = 0; j < g->ow; j++) {
            const float *w = job->numbers + k / LANES * numbers_per_vector(g, LANES);
            const uint8_t *x = job->image + (i * g->sh * b->w + j * g->sw) * b->c + k;
            YL_LANES(vec) sum = {0};
            for (int u = 0; u < g->kh; u++)
                for (int v = 0; v < g->kw; v++, w += LANES)
                    sum += YL_LANES(int8_numbers_of)(x + (u * b->w + v) * b->c) * *(const YL_LANES(vec) *)w;
            YL_LANES(int8_finish)(job, 1, &sum, w, g->c - k < LANES ? g->c - k : LANES, ((i * g->ow + j) * g->oc) + k);
        }
}

static void YL_LANES(int8_row)(const dw_job *job, int64_t i)
{
    const yl_conv2d_geom *g = job->g;
    bool square = g->kh == g->kw && g->sh == g->sw;
    if (square && g->kh == 3 && g->sh == 1)
        YL_LANES(int8_tiles)(job, 3, 1, i);
    else if (square && g->kh == 3 && g->sh == 2)
        YL_LANES(int8_tiles)(job, 3, 2, i);
    else if (square && g->kh == 5 && g->sh == 1)
        YL_LANES(int8_tiles)(job, 5, 1, i);
    else if (square && g->kh == 5 && g->sh == 2)
        YL_LANES(int8_tiles)(job, 5, 2, i);
    else
        YL_LANES(int8_any_row)(job, i);
}
