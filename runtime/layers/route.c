/* [route] of Darknet: the inputs' channels side by side; with `groups`, only the group_id-th part of each input. */
#include "layers/channels.h"

typedef struct options {
    int64_t groups, group_id;
} options;

static const yl_field fields[] = {
    {"groups", YL_OPTION_INT, "1", "", "parts into which every input's channels are split", 1, 65536, NULL, "",
     YL_MEMBER(options, groups)},
    {"group_id", YL_OPTION_INT, "0", "", "which part is taken, from 0", 0, 65535, NULL, "group",
     YL_MEMBER(options, group_id)},
};
static const yl_field_table table = YL_FIELD_TABLE("route", fields);

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const options *o = layer->options;
    *out = (yl_shape){in[0].n, in[0].h, in[0].w, 0};
    if (o->group_id >= o->groups)
        return yl__fail(YL_INVALID, "%s: group_id %lld; expected less than groups = %lld", layer->name,
                        (long long)o->group_id, (long long)o->groups);
    for (int i = 0; i < layer->n_inputs; i++) {
        if (in[i].h != out->h || in[i].w != out->w)
            return yl__fail(YL_INVALID, "%s: input %d is %lld x %lld (height x width); expected %lld x %lld as input 1",
                            layer->name, i + 1, (long long)in[i].h, (long long)in[i].w, (long long)out->h,
                            (long long)out->w);
        if (in[i].c % o->groups)
            return yl__fail(YL_INVALID, "%s: the %lld channels of input %d cannot be split into %lld groups",
                            layer->name, (long long)in[i].c, i + 1, (long long)o->groups);
        out->c += in[i].c / o->groups;
    }
    return YL_OK;
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    const options *o = layer->options;
    int64_t at = 0;
    (void)out;
    answer->uniform = true;
    answer->parts = o->groups;
    for (int i = 0; i < layer->n_inputs; i++) {
        int64_t count = in[i].c / o->groups;
        if (channel >= at && channel < at + count)
            yl__channels_add(answer, i, o->group_id * count + channel - at, 1, YL_USE_EACH);
        at += count;
    }
    return YL_OK;
}

static yl_quant_use quantised(const yl_layer *layer, const yl_setting *setting)
{
    (void)layer, (void)setting;
    return YL_QUANT_KEEPS;
}

static yl_status forward(yl_pass *p)
{
    const options *o = p->layer->options;
    yl_shape out = p->setting->out;
    int64_t at = 0;
    for (int i = 0; i < p->layer->n_inputs; i++) {
        int64_t c = p->setting->in[i].c, count = c / o->groups;
        yl_route_geom g = {.pixels = out.n * out.h * out.w,
                           .count = count,
                           .from_c = c,
                           .from_at = o->group_id * count,
                           .to_c = out.c,
                           .to_at = at,
                           .dtype = p->setting->dtype,
                           .from_quant = p->setting->in_quant[i],
                           .to_quant = p->setting->out_quant};
        YL_TRY(p->ctx->device->kernels->route_copy(p->ctx, &g, p->x[i], p->y, 0));
        at += count;
    }
    return YL_OK;
}

static yl_status backward(yl_pass *p)
{
    const options *o = p->layer->options;
    yl_device *device = p->ctx->device;
    yl_shape out = p->setting->out;
    int64_t at = 0;
    for (int i = 0; i < p->layer->n_inputs; i++) {
        int64_t c = p->setting->in[i].c, count = c / o->groups;
        yl_route_geom g = {.pixels = out.n * out.h * out.w,
                           .count = count,
                           .from_c = out.c,
                           .from_at = at,
                           .to_c = c,
                           .to_at = o->group_id * count,
                           .dtype = p->setting->dtype};
        at += count;
        if (!p->dx[i]) continue;
        if (p->dx_beta[i] == 0 && o->groups > 1) /* the parts that were not taken */
            YL_TRY(device->zero(device, p->dx[i], yl_activation_bytes(p->setting, p->setting->in[i])));
        YL_TRY(device->kernels->route_copy(p->ctx, &g, p->dy, p->dx[i], p->dx_beta[i]));
    }
    return YL_OK;
}

const yl_layer_kind yl_layer_route = {
    .name = "route",
    .stem = "route",
    .help = "the inputs' channels side by side, or one of several groups of each",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 1,
    .max_inputs = YL_MAX_INPUTS,
    .shape = shape,
    .channels = channels,
    .quantised = quantised,
    .forward = forward,
    .backward = backward,
};
