/* Convolution with one input channel per group: a thread per element, neighbours along the channels. conv2d.h has the formula, with
 * first(o) = o / (oc / groups).
 *
 * The weights' gradient is summed over parts of the output pixels, and over the parts in order. */
#include "kernels/activation.formulas.h"
#include "kernels/conv2d.cuh"
#include "kernels/pixels.cuh"

enum { MOST_PARTS = 64, PART = 1024 };

template <class T> static __global__ void forward(yl_conv2d_geom g, const T *x, const float *w, const float *bias, T *y)
{
    int64_t multiple = g.oc / g.groups;
    YL_EACH(at, g.n * g.oh * g.ow * g.oc)
    {
        yl__pixel p = yl__pixel_at(at, g.oh, g.ow, g.oc);
        float sum = bias ? bias[p.c] : 0.0f;
        for (int u = 0; u < g.kh; u++)
            for (int v = 0; v < g.kw; v++) {
                int64_t r = p.i * g.sh - g.pt + u * g.dh, s = p.j * g.sw - g.pl + v * g.dw;
                if (r < 0 || r >= g.h || s < 0 || s >= g.w) continue;
                sum += w[(p.c * g.kh + u) * g.kw + v] * x[yl__pixel_index(p.n, r, s, p.c / multiple, g.h, g.w, g.c)];
            }
        yl__activate(g.act, g.leaky_slope, 1, &sum);
        y[at] = sum;
    }
}

template <class T> static __global__ void data(yl_conv2d_geom g, const T *dy, const float *w, float beta, T *dx)
{
    int64_t multiple = g.oc / g.groups;
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        float sum = 0;
        for (int u = 0; u < g.kh; u++)
            for (int v = 0; v < g.kw; v++) {
                int64_t r = p.i + g.pt - u * g.dh, s = p.j + g.pl - v * g.dw;
                if (r < 0 || s < 0 || r % g.sh || s % g.sw || r / g.sh >= g.oh || s / g.sw >= g.ow) continue;
                int64_t first = yl__pixel_index(p.n, r / g.sh, s / g.sw, p.c * multiple, g.oh, g.ow, g.oc);
                for (int64_t k = 0; k < multiple; k++)
                    sum += w[((p.c * multiple + k) * g.kh + u) * g.kw + v] * dy[first + k];
            }
        dx[at] = beta == 0 ? sum : beta * dx[at] + sum;
    }
}

/* partial {parts, kh, kw, oc} */
template <class T> static __global__ void weights(yl_conv2d_geom g, int parts, const T *x, const T *dy, float *partial)
{
    int64_t multiple = g.oc / g.groups, pixels = g.n * g.oh * g.ow, taps = g.kh * g.kw;
    YL_EACH(at, parts * taps * g.oc)
    {
        int64_t o = at % g.oc, tap = at / g.oc % taps, part = at / g.oc / taps;
        int64_t from = pixels * part / parts, to = pixels * (part + 1) / parts;
        float sum = 0;
        for (int64_t q = from; q < to; q++) {
            int64_t r = q / g.ow % g.oh * g.sh - g.pt + tap / g.kw * g.dh,
                    s = q % g.ow * g.sw - g.pl + tap % g.kw * g.dw;
            if (r < 0 || r >= g.h || s < 0 || s >= g.w) continue;
            sum += dy[q * g.oc + o] * x[yl__pixel_index(q / g.ow / g.oh, r, s, o / multiple, g.h, g.w, g.c)];
        }
        partial[at] = sum;
    }
}

static __global__ void add_parts(yl_conv2d_geom g, int parts, const float *partial, float *dweight)
{
    int64_t taps = g.kh * g.kw;
    YL_EACH(i, g.oc * taps)
    {
        int64_t o = i / taps, tap = i % taps;
        float sum = 0;
        for (int p = 0; p < parts; p++) sum += partial[(p * taps + tap) * g.oc + o];
        dweight[i] += sum;
    }
}

static bool supports(const yl_ctx *, const yl_conv2d_geom *g, yl_direction)
{
    return yl__cuda_accepts(g->dtype) && g->c == g->groups;
}

static double cost(const yl_conv2d_geom *g, yl_direction)
{
    return 2 * yl_conv2d_work(g);
}

static int parts_of(const yl_conv2d_geom *g)
{
    int64_t parts = (g->n * g->oh * g->ow + PART - 1) / PART;
    return parts > MOST_PARTS ? MOST_PARTS : (int)parts;
}

static size_t scratch_bytes(const yl_ctx *, const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? (size_t)(parts_of(g) * g->kh * g->kw * g->oc) * sizeof(float) : 0;
}

static size_t packed_bytes(const yl_conv2d_geom *, yl_direction)
{
    return 0;
}

template <class T>
static yl_status run_typed(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    const float *w = (const float *)r->packed;
    const T *x = (const T *)r->x, *dy = (const T *)r->dy;
    if (d == YL_FORWARD)
        return yl__launch_each(ctx, "depthwise forward", g->n * g->oh * g->ow * g->oc, forward<T>, *g, x, w, r->bias,
                               (T *)r->y);
    if (d == YL_BACKWARD_DATA)
        return yl__launch_each(ctx, "depthwise backward data", g->n * g->h * g->w * g->c, data<T>, *g, dy, w, r->beta,
                               (T *)r->dx);
    int parts = parts_of(g);
    float *partial = (float *)r->scratch;
    YL_TRY(yl__launch_each(ctx, "depthwise backward weights", (int64_t)parts * g->kh * g->kw * g->oc, weights<T>, *g,
                           parts, x, dy, partial));
    return yl__launch_each(ctx, "depthwise backward weights", g->oc * g->kh * g->kw, add_parts, *g, parts, partial,
                           r->dweight);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    return YL_TYPED(g->dtype, T, run_typed<T>(ctx, g, d, r));
}

const yl_conv2d_algo YL_CUDA(conv2d_depthwise) = {"depthwise",           supports, cost, scratch_bytes, packed_bytes,
                                                  yl__conv2d_pack_plain, run};
