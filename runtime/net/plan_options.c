/* What a plan can be asked for, and whether this network and device can do it. */
#include "net/calibration.h"
#include "net/plan_impl.h"

#include <stdio.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_plan_options, member)
static const yl_field fields[] = {
    {"mode", YL_OPTION_ENUM, "infer", "", "a forward pass, or forward, loss, backward and step", 0, 0, "infer|train",
     NULL, AT(mode)},
    {"part", YL_OPTION_ENUM, "whole", "", "which layers run", 0, 0, "whole|body|tail", NULL, AT(part)},
    {"batch", YL_OPTION_INT, "1", "images", "images per step", 1, 65536, NULL, "batch_size bs", AT(batch)},
    {"h", YL_OPTION_INT, "0", "px", "height of the input; 0: the network's", 0, 65536, NULL, "height", AT(h)},
    {"w", YL_OPTION_INT, "0", "px", "width of the input; 0: the network's", 0, 65536, NULL, "width", AT(w)},
    {"precision", YL_OPTION_ENUM, "f32", "",
     "type of activations; bf16, f16: on a GPU, weights stay f32; bf16 on a CPU with AVX512-BF16: factors of "
     "convolutions, "
     "activations stay f32; int8: inference with a calibrated network",
     0, 0, "f32|bf16|f16|int8", "half amp fp16", AT(precision)},
    {"tf32", YL_OPTION_BOOL, "true", "",
     "on a GPU, f32 convolutions run on tensor cores, which round factors to TF32 (10 bits) and add in f32", 0, 0, NULL,
     "allow_tf32", AT(tf32)},
    {"slab", YL_OPTION_STRING, "value", "", "where the values come from: value or ema", 0, 0, NULL, NULL, AT(slab)},
    {"algorithm", YL_OPTION_STRING, "auto", "",
     "convolution algorithm; auto: measure, then choose; predicted: by sizes alone", 0, 0, NULL, NULL, AT(algorithm)},
    {"keep", YL_OPTION_BOOL, "false", "", "every activation keeps its own place", 0, 0, NULL, NULL, AT(keep)},
    {"outputs", YL_OPTION_STRING, NULL, "", "layers, separated by commas, whose outputs are kept", 0, 0, NULL, NULL,
     AT(outputs)},
    {"whole_gradient", YL_OPTION_BOOL, "false", "", "also the gradient with respect to the input", 0, 0, NULL, NULL,
     AT(whole_gradient)},
    {"recompute", YL_OPTION_STRING, NULL, "",
     "activations that backward computes once more instead of keeping them: off, elementwise (batch-norms with their "
     "activations; the default of training on the CPU), auto (those that cost little), or the MiB that the plan may "
     "take",
     0, 0, NULL, "checkpoint gradient_checkpointing activation_checkpointing", AT(recompute)},
    {"quantise", YL_OPTION_BOOL, "false", "",
     "f32 that computes with the numbers which the bytes of precision int8 would stand for; takes a calibrated network",
     0, 0, NULL, "fake_quantise qat", AT(quantise)},
    {"estimate", YL_OPTION_BOOL, "false", "", "inference, but running statistics are taken anew from the batch", 0, 0,
     NULL, NULL, AT(estimate)},
};
const yl_field_table yl_plan_fields = YL_FIELD_TABLE("plan", fields);

static const char *precision_name(yl_dtype type)
{
    return type == YL_U8 ? "int8" : yl_dtype_name(type);
}

/* The one place that asks whether the device can: layers and kernels take the type that they are told. */
static yl_status check_precision(const yl_device *device, yl_dtype precision)
{
    unsigned can = device->dtypes | device->factors;
    char known[64] = "";
    if (can >> precision & 1) return YL_OK;
    for (int t = 0; t <= YL_U8; t++)
        if (can >> t & 1)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? " or " : "",
                     precision_name((yl_dtype)t));
    return yl__fail(YL_UNSUPPORTED, "plan: precision %s is not available on %s%s: expected %s",
                    precision_name(precision), device->name,
                    device->host_memory && precision == YL_BF16 ? ", which has no AVX512-BF16" : "", known);
}

/* What int8 is for: all of an inference, with the values that the network was calibrated with. */
static yl_status check_int8(const yl_net *net, const yl_plan_options *o)
{
    if (o->precision != YL_U8) return YL_OK;
    if (o->mode == YL_TRAIN || o->part != YL_WHOLE || o->estimate)
        return yl__fail(YL_INVALID, "plan: precision int8 is for inference; a training runs in f32");
    if (o->slab && strcmp(o->slab, "value") != 0)
        return yl__fail(YL_INVALID, "plan: precision int8 runs with the values, not with the slab '%s'", o->slab);
    return yl_calibration_check(net);
}

static yl_status check_quantise(yl_net *net, const yl_plan_options *o)
{
    if (!o->quantise) return YL_OK;
    if (!net->device->host_memory)
        return yl__fail(YL_UNSUPPORTED, "plan: quantise: expected device=cpu, got %s", net->device->name);
    if (o->precision != YL_F32) return yl__fail(YL_INVALID, "plan: quantise is of precision f32");
    if (o->keep || o->estimate) return yl__fail(YL_INVALID, "plan: quantise: expected neither keep nor estimate");
    if (net->calibration) net->calibration->follows = true; /* weights will change, and be made for it */
    return yl_calibration_check(net);
}

yl_status yl__plan_check_options(yl_net *net, const yl_plan_options *options)
{
    if (options->batch < 1 || options->batch > 65536)
        return yl__fail(YL_INVALID, "plan: expected a batch in 1..65536, got %lld", (long long)options->batch);
    YL_TRY(check_precision(net->device, options->precision));
    YL_TRY(check_int8(net, options));
    YL_TRY(check_quantise(net, options));
    if (options->estimate && options->mode == YL_TRAIN)
        return yl__fail(YL_INVALID, "plan: estimate: expected the mode infer; training moves statistics by itself");
    if (options->slab && strcmp(options->slab, "value") != 0 && strcmp(options->slab, "ema") != 0)
        return yl__fail(YL_INVALID, "plan: expected the slab value or ema, got '%s'", options->slab);
    return YL_OK;
}
