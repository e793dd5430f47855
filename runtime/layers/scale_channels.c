/* [scale_channels] of Darknet, the end of a squeeze-and-excitation block (Hu et al. 2018): the second input times the
 * first, which holds one factor per channel, or with `scale_wh` one per pixel. Its activation, where a cfg names one, is a
 * layer of its own. */
#include "layers/scale_channels.h"

typedef struct options {
    bool scale_wh;
} options;

static const yl_field fields[] = {
    {"scale_wh", YL_OPTION_BOOL, "false", "", "the factors belong to pixels, not to channels", 0, 0, NULL, "",
     YL_MEMBER(options, scale_wh)},
};
static const yl_field_table table = YL_FIELD_TABLE("scale_channels", fields);

static bool per_pixel(const yl_layer *layer)
{
    return ((const options *)layer->options)->scale_wh;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    bool pixels = per_pixel(layer);
    yl_shape want = {in[1].n, pixels ? in[1].h : 1, pixels ? in[1].w : 1, pixels ? 1 : in[1].c};
    if (in[0].h != want.h || in[0].w != want.w || in[0].c != want.c)
        return yl__fail(YL_INVALID,
                        "%s: input 1, the factors, is %lld x %lld x %lld (height x width x channels); expected %lld x "
                        "%lld x %lld for one per %s of input 2",
                        layer->name, (long long)in[0].h, (long long)in[0].w, (long long)in[0].c, (long long)want.h,
                        (long long)want.w, (long long)want.c, pixels ? "pixel" : "channel");
    *out = in[1];
    return YL_OK;
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    if (!per_pixel(layer)) return yl__scaled_channels(layer, in, out, channel, answer);
    answer->uniform = true;
    answer->zero = YL_ZERO_IN_PRODUCT;
    yl__channels_add(answer, 0, 0, 1, YL_USE_WHOLE); /* the only factor */
    yl__channels_add(answer, 1, channel, 1, YL_USE_EACH);
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    bool pixels = per_pixel(p->layer);
    return yl__scaled_forward(p, pixels, !pixels);
}

static yl_status backward(yl_pass *p)
{
    bool pixels = per_pixel(p->layer);
    return yl__scaled_backward(p, pixels, !pixels);
}

const yl_layer_kind yl_layer_scale_channels = {
    .name = "scale_channels",
    .stem = "scale",
    .help = "a layer times one factor per channel or per pixel (squeeze and excitation)",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 2,
    .max_inputs = 2,
    .shape = shape,
    .channels = channels,
    .flops = yl__scaled_flops,
    .reads = yl__scaled_reads,
    .forward = forward,
    .backward = backward,
};
