/* [shortcut] of Darknet: the sum of two layers of one height and width, with the first one's channels. Where the second has
 * fewer, the rest is the first alone; where it has more, the surplus is left out (a residual path that widens or narrows).
 * Its activation, where a cfg names one, is a layer of its own. */
#include "layers/layer.h"

static const yl_field_table table = {.who = "shortcut"};

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    if (in[0].h != in[1].h || in[0].w != in[1].w)
        return yl__fail(YL_INVALID, "%s: input 2 is %lld x %lld (height x width); expected %lld x %lld as input 1",
                        layer->name, (long long)in[1].h, (long long)in[1].w, (long long)in[0].h, (long long)in[0].w);
    *out = in[0];
    return YL_OK;
}

/* The channels that both inputs have, as a copy from rows of from_c channels to rows of to_c. */
static yl_route_geom common(const yl_setting *s, int64_t from_c, int64_t to_c)
{
    int64_t count = s->in[1].c < s->out.c ? s->in[1].c : s->out.c;
    return (yl_route_geom){s->out.n * s->out.h * s->out.w, count, from_c, 0, to_c, 0};
}

static yl_status forward(yl_pass *p)
{
    const yl_kernels *kernels = p->ctx->device->kernels;
    const yl_setting *s = p->setting;
    int64_t c = s->out.c;
    if (s->in[1].c == c) return kernels->shortcut_forward(p->ctx, yl_shape_count(s->out), p->x[0], p->x[1], p->y);
    yl_route_geom all = {s->out.n * s->out.h * s->out.w, c, c, 0, c, 0}, both = common(s, s->in[1].c, c);
    YL_TRY(kernels->route_copy(p->ctx, &all, p->x[0], p->y, 0));
    return kernels->route_copy(p->ctx, &both, p->x[1], p->y, 1);
}

static yl_status backward_second(yl_pass *p)
{
    yl_device *device = p->ctx->device;
    const yl_setting *s = p->setting;
    yl_route_geom both = common(s, s->out.c, s->in[1].c);
    if (p->dx_beta[1] == 0 && s->in[1].c > s->out.c) /* the surplus */
        YL_TRY(device->zero(device, p->dx[1], (size_t)yl_shape_count(s->in[1]) * sizeof(float)));
    return device->kernels->route_copy(p->ctx, &both, p->dy, p->dx[1], p->dx_beta[1]);
}

static yl_status backward(yl_pass *p)
{
    const yl_setting *s = p->setting;
    int64_t count = yl_shape_count(s->out);
    for (int i = 0; i < 2; i++) {
        if (!p->dx[i]) continue;
        if (s->in[i].c != s->out.c)
            YL_TRY(backward_second(p));
        else
            YL_TRY(p->ctx->device->kernels->shortcut_backward(p->ctx, count, p->dy, p->dx[i], p->dx_beta[i]));
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
    .forward = forward,
    .backward = backward,
};
