/* Depthwise convolution of bytes: each channel has its own filter. Products and sums are computed in f32, where they are whole numbers
 * below 2^24 and so exact; a tile is a vector of channels of several pixels of a row. */
#include "kernels/conv2d.int8.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { TILE = 8, MOST_TAPS = 49 };

static int64_t up(int64_t count, int64_t to)
{
    return (count + to - 1) / to * to;
}

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    return d == YL_FORWARD && g->dtype == YL_U8 && g->groups == g->c && g->oc == g->c && g->groups > 1 && g->dh == 1 &&
           g->dw == 1 && g->kh * g->kw <= MOST_TAPS;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g);
}

/* Packed: for each channel a scale, then the bytes {taps, channels}. */
static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return (size_t)g->c * sizeof(float) + (size_t)(g->kh * g->kw * g->c);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    float *scales = packed;
    int8_t *bytes = (int8_t *)(scales + g->c);
    int64_t taps = (int64_t)g->kh * g->kw;
    (void)ctx, (void)d;
    for (int64_t o = 0; o < g->c; o++) {
        float factor = scale ? scale[o] : 1;
        scales[o] = yl__quant_weight_scale(weight + o * taps, taps, factor);
        for (int64_t t = 0; t < taps; t++)
            bytes[t * g->c + o] = yl__quant_weight(weight[o * taps + t], factor, scales[o]);
    }
    return YL_OK;
}

/* What a run reads, per vector of channels: {taps, lanes} weights, then factor, start and bias of as many each. */
typedef struct dw_job {
    const yl_conv2d_geom *g;
    yl__int8_border border;
    const float *numbers;
    const uint8_t *image;
    bool simple;
    float slope; /* as in yl__int8_pass */
    void *y;
} dw_job;

static int64_t numbers_per_vector(const yl_conv2d_geom *g, int lanes)
{
    return ((int64_t)g->kh * g->kw + 3) * lanes;
}

#define LANES YL_VL
#include "kernels/conv2d.int8_depthwise.tile.h"
#undef LANES
#if YL_VL > 4
#define HALF (YL_VL / 2)
#if YL_VL == 16
#define LANES 8
#else
#define LANES 4
#endif
#include "kernels/conv2d.int8_depthwise.tile.h"
#undef LANES
#else
#define HALF YL_VL
#endif

/* Channels of a vector: half of one where few channels fill it badly. */
static int lanes_of(const yl_conv2d_geom *g)
{
    return g->c < 2 * YL_VL && up(g->c, YL_VL) - g->c >= HALF ? HALF : YL_VL;
}

static void one_row(const dw_job *job, int64_t i)
{
    if (lanes_of(job->g) == YL_VL) YL_LANES_OF(int8_row, YL_VL)(job, i);
#if YL_VL == 16
    else
        int8_row_8(job, i);
#elif YL_VL == 8
    else
        int8_row_4(job, i);
#endif
}

static void spread_numbers(const yl_conv2d_geom *g, const yl_conv2d_run *run, float unit, float *to)
{
    const float *scales = run->packed;
    const int8_t *bytes = (const int8_t *)(scales + g->c);
    int64_t taps = (int64_t)g->kh * g->kw, lanes = lanes_of(g), each = numbers_per_vector(g, (int)lanes);
    memset(to, 0, (size_t)(up(g->c, lanes) / lanes * each) * sizeof *to);
    for (int64_t o = 0; o < g->c; o++) {
        float *at = to + o / lanes * each + o % lanes;
        int32_t sum = 0;
        for (int64_t t = 0; t < taps; t++) at[t * lanes] = bytes[t * g->c + o], sum += bytes[t * g->c + o];
        at[taps * lanes] = g->x_quant.scale * scales[o] * unit;
        at[(taps + 1) * lanes] = (float)(-g->x_quant.zero * sum); /* what the sums start from */
        at[(taps + 2) * lanes] = run->bias ? run->bias[o] * unit : 0;
    }
}

static int64_t image_room(const yl__int8_border *b)
{
    return up(b->bytes, 64);
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    int lanes = lanes_of(g);
    yl__int8_border b = YL_CPU(int8_border)(g, up(g->c, lanes));
    (void)ctx, (void)d;
    return (size_t)image_room(&b) + (size_t)(up(g->c, lanes) / lanes * numbers_per_vector(g, lanes)) * sizeof(float);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    dw_job job = {.g = g, .border = YL_CPU(int8_border)(g, up(g->c, lanes_of(g))), .image = run->scratch};
    const yl__int8_border *b = &job.border;
    float *numbers = (float *)((char *)run->scratch + image_room(b));
    uint8_t *image = run->scratch;
    (void)ctx, (void)d;
    job.numbers = numbers;
    job.simple = int8_simple(g, &job.slope);
    if (!job.simple) job.slope = 1;
    spread_numbers(g, run, job.simple ? 1 / g->y_quant.scale : 1, numbers);
    for (int64_t n = 0; n < g->n; n++) {
        const uint8_t *x = (const uint8_t *)run->x + n * g->h * g->w * g->c;
        job.y = (char *)run->y + (size_t)(n * g->oh * g->ow * g->oc) * yl_dtype_bytes(g->out_dtype);
#pragma omp parallel num_threads(ctx->threads)
        {
#pragma omp for schedule(static)
            for (int64_t i = 0; i < b->h; i++) YL_CPU(int8_put_row)(g, b, x, i, image + i * b->w * b->c);
#pragma omp for schedule(static)
            for (int64_t i = 0; i < g->oh; i++) one_row(&job, i);
        }
    }
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(conv2d_int8_depthwise) = {
    .name = "int8_depthwise",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
};
