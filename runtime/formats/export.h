/* A network as other programs read it: what the writers of their formats share. Numbers are in the order {out, in, kh, kw}, activations
 * in {n, c, h, w}. A batch-norm is folded into the convolution or fully connected layer before it, and what does nothing in inference
 * (dropout, a linear activation, a route of one layer) is left out. */
#ifndef YL_FORMATS_EXPORT_H
#define YL_FORMATS_EXPORT_H

#include "core/options.h"
#include "net/net.h"

/* What the network's heads give: the numbers of the convolution before them; or boxes (x1, y1, x2, y2 in pixels of the network's input) and
 * scores; or these and which of them are left by suppression. */
typedef enum yl_export_heads { YL_EXPORT_RAW, YL_EXPORT_BOXES, YL_EXPORT_NMS } yl_export_heads;

typedef struct yl_export_options {
    int64_t opset, batch; /* ONNX */
    bool fold;            /* ONNX: batch-norms into the layer before them; otherwise they stay layers of their own */
    int64_t heads;        /* ONNX: yl_export_heads */
    double conf, iou;     /* of YL_EXPORT_NMS */
    const struct yl_plan
        *int8; /* ONNX, ncnn: what this plan of precision int8 computes with bytes is written so; NULL: f32 */
} yl_export_options;

extern const yl_field_table yl_export_fields;

typedef struct yl__export {
    const yl_net *net;
    const yl_export_options *options;
    float *values;    /* {n_values}, in host memory */
    yl_shape *shapes; /* of the layers' outputs for options->batch images */
    int *folded;      /* by layer: the batch-norm that is folded into it; -1: none */
    bool *left_out;   /* by layer: its output is its input's */
    void **kept;      /* what yl__export_keep gave */
    int64_t count, capacity;
} yl__export;

/* Copies the numbers and decides what is folded and left out. Release with yl__export_close, also after a failure. Errors: UNSUPPORTED,
 * naming a layer written in Lua; NUMERIC for a parameter that is not finite; MEMORY. */
yl_status yl__export_open(const yl_net *net, const yl_export_options *options, yl__export *out);
void yl__export_close(yl__export *e);
/* Zeroed memory that lives as long as the export. */
yl_status yl__export_keep(yl__export *e, int64_t count, size_t size, void *out);
/* The layer whose output is that of `layer` (-1: the network's input): itself, or where it is left out, the one that it passes on. */
int yl__export_source(const yl__export *e, int layer);
/* The same for a layer's i-th input, and that input's shape. */
int yl__export_input(const yl__export *e, int layer, int i);
yl_shape yl__export_input_shape(const yl__export *e, int layer, int i);
/* Does no other layer read it? */
bool yl__export_is_output(const yl__export *e, int layer);
/* Weights {out, in / groups, kh, kw} and bias {out} of a convolution or a fully connected layer (in = channels, kh and kw the input's), with
 * the batch-norm that is folded in:
 *   f = scale / sqrt(var + eps),  weight * f,  (bias - mean) * f + bn.bias
 * bias may be NULL where the layer has none. */
yl_status yl__export_weights(yl__export *e, int layer, float **weights, float **bias);
/* Factor and offset {c} of a batch-norm that is not folded. */
yl_status yl__export_batchnorm(yl__export *e, int layer, float **factor, float **offset);
/* The values of a layer's i-th parameter. */
const float *yl__export_param(const yl__export *e, int layer, int i);
/* Zeros (or nothing, which is the same) before and after the pixels of a pooling layer's input, per side: top, left, bottom, right. */
void yl__export_pool(const yl__export *e, int layer, int64_t size[2], int64_t stride[2], int64_t pads[4]);
/* Weights {c, c / stride^2, stride, stride} of the convolution that does the work of a [reorg] (semantics in layers/reorg.c) on an input
 * that is read as {c / stride^2, h * stride, w * stride}: ones and zeros. */
yl_status yl__export_reorg(yl__export *e, int layer, float **weights);
/* Names of values, by layer: `value` is the output of each, `entering` what enters a head (NULL for other layers). With `raw` the value that
 * enters a head bears the head's name, so that it can be an output under it. Errors: UNSUPPORTED where a layer reads a head. */
yl_status yl__export_names(const yl__export *e, bool raw, const char **value, const char **entering);
/* The value of an option of a layer: a number, or 0 and 1 of a yes or no. */
double yl__export_option(const yl__export *e, int layer, const char *key);
bool yl__export_is(const yl__export *e, int layer, const yl_layer_kind *kind);
/* The sentence for a layer that the format cannot hold. */
yl_status yl__export_refuse(const yl__export *e, int layer, const char *format, const char *what);

#endif
