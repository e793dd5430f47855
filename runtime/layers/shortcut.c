/* [shortcut] of Darknet: the sum of two layers, of the first one's size. Where the second has fewer channels, the rest is the
 * first alone; where it has more, the surplus is left out (a residual path that widens or narrows). Where it is f times as
 * high and wide, every f-th row and column of it is added; where it is f times as low and narrow, it is added to every f-th
 * of the first (pjreddie/darknet, src/blas.c: shortcut_cpu). Its activation, where a cfg names one, is a layer of its own. */
#include "layers/channels.h"

static const yl_field_table table = {.owner = "shortcut"};

/* How many times as high and wide `a` is as `b`; 0 where that is no whole number, or not one. */
static int64_t factor(const yl_shape *a, const yl_shape *b)
{
    int64_t f = b->h > 0 ? a->h / b->h : 0;
    return a->h == f * b->h && a->w == f * b->w ? f : 0;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    if (!factor(&in[0], &in[1]) && !factor(&in[1], &in[0]))
        return yl__fail(YL_INVALID,
                        "%s: input 2 is %lld x %lld (height x width); expected %lld x %lld as input 1, or one size a "
                        "whole multiple of the other, the same both ways",
                        layer->name, (long long)in[1].h, (long long)in[1].w, (long long)in[0].h, (long long)in[0].w);
    *out = in[0];
    return YL_OK;
}

static yl_shortcut_geom geometry(const yl_shape *from, const yl_shape *to, yl_dtype dtype)
{
    int64_t down = factor(from, to), up = factor(to, from);
    const yl_shape *less = down ? to : from;
    return (yl_shortcut_geom){less->n, less->h, less->w, from->c < to->c ? from->c : to->c,
                              from->h, from->w, from->c, down ? down : 1,
                              to->h,   to->w,   to->c,   down ? 1 : up,
                              dtype};
}

static bool equal(const yl_setting *s)
{
    return s->in[1].h == s->out.h && s->in[1].w == s->out.w && s->in[1].c == s->out.c;
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    (void)layer;
    answer->uniform = in[1].h == out.h && in[1].w == out.w;
    answer->zero = YL_ZERO_IN_SUM;
    yl__channels_add(answer, 0, channel, 1, YL_USE_EACH);
    if (channel < in[1].c) yl__channels_add(answer, 1, channel, 1, YL_USE_EACH);
    return YL_OK;
}

static yl_quant_use quantised(const yl_layer *layer, const yl_setting *setting)
{
    (void)layer;
    return equal(setting) ? YL_QUANT_KEEPS : YL_QUANT_NO;
}

static yl_status forward(yl_pass *p)
{
    const yl_kernels *kernels = p->ctx->device->kernels;
    const yl_setting *s = p->setting;
    if (s->dtype == YL_U8) {
        yl_shortcut_bytes_geom bytes = {yl_shape_count(s->out), s->in_quant[0], s->in_quant[1], s->out_quant};
        return kernels->shortcut_bytes(p->ctx, &bytes, p->x[0], p->x[1], p->y);
    }
    yl_flat_geom flat = {yl_shape_count(s->out), s->dtype};
    if (equal(s)) return kernels->shortcut_forward(p->ctx, &flat, p->x[0], p->x[1], p->y);
    yl_shortcut_geom g = geometry(&s->in[1], &s->out, s->dtype);
    yl_route_geom all = {.pixels = s->out.n * s->out.h * s->out.w,
                         .count = s->out.c,
                         .from_c = s->out.c,
                         .to_c = s->out.c,
                         .dtype = s->dtype};
    YL_TRY(kernels->route_copy(p->ctx, &all, p->x[0], p->y, 0));
    return kernels->shortcut_add(p->ctx, &g, p->x[1], p->y);
}

/* Of a second input of another size: what took no part in the sum has no gradient. */
static yl_status backward_second(yl_pass *p)
{
    yl_device *device = p->ctx->device;
    const yl_setting *s = p->setting;
    yl_shortcut_geom g = geometry(&s->out, &s->in[1], s->dtype);
    if (p->dx_beta[1] == 0) YL_TRY(device->zero(device, p->dx[1], yl_activation_bytes(s, s->in[1])));
    return device->kernels->shortcut_add(p->ctx, &g, p->dy, p->dx[1]);
}

static yl_status backward(yl_pass *p)
{
    const yl_setting *s = p->setting;
    yl_flat_geom flat = {yl_shape_count(s->out), s->dtype};
    for (int i = 0; i < 2; i++) {
        if (!p->dx[i]) continue;
        if (i == 1 && !equal(s))
            YL_TRY(backward_second(p));
        else
            YL_TRY(p->ctx->device->kernels->shortcut_backward(p->ctx, &flat, p->dy, p->dx[i], p->dx_beta[i]));
    }
    return YL_OK;
}

const yl_layer_kind yl_layer_shortcut = {
    .name = "shortcut",
    .stem = "shortcut",
    .help = "the sum of two layers of one height and width, with the first one's channels",
    .fields = &table,
    .min_inputs = 2,
    .max_inputs = 2,
    .shape = shape,
    .channels = channels,
    .quantised = quantised,
    .forward = forward,
    .backward = backward,
};
