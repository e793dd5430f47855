/* [sam] of Darknet, the end of a spatial attention module (YOLOv4): the product of two layers of one shape. Its
 * activation, where a cfg names one, is a layer of its own. */
#include "layers/scale_channels.h"

static const yl_field_table table = {.owner = "sam"};

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    if (in[0].h != in[1].h || in[0].w != in[1].w || in[0].c != in[1].c)
        return yl__fail(YL_INVALID,
                        "%s: input 1 is %lld x %lld x %lld (height x width x channels); expected %lld x %lld x %lld as "
                        "input 2",
                        layer->name, (long long)in[0].h, (long long)in[0].w, (long long)in[0].c, (long long)in[1].h,
                        (long long)in[1].w, (long long)in[1].c);
    *out = in[1];
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    return yl__scaled_forward(p, true, true);
}

static yl_status backward(yl_pass *p)
{
    return yl__scaled_backward(p, true, true);
}

const yl_layer_kind yl_layer_sam = {
    .name = "sam",
    .stem = "sam",
    .help = "the product of two layers of one shape (spatial attention)",
    .fields = &table,
    .min_inputs = 2,
    .max_inputs = 2,
    .shape = shape,
    .channels = yl__scaled_channels,
    .flops = yl__scaled_flops,
    .reads = yl__scaled_reads,
    .forward = forward,
    .backward = backward,
};
