/* Quantised values and weights of an ONNX graph: onnx_quant.h says what. */
#include "formats/onnx_quant.h"
#include "kernels/quant.formulas.h"
#include "net/plan.h"

/* y = what the bytes of x stand for. */
static yl_status through_bytes(yl__onnx *g, const char *x, yl_quant quant, const char **y)
{
    uint8_t zero = (uint8_t)quant.zero;
    const char *scale, *offset, *bytes = NULL;
    YL_TRY(yl__onnx_float(g, (double)quant.scale, &scale));
    YL_TRY(yl__onnx_constant(g, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 0, NULL, &zero, sizeof zero, &offset));
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"QuantizeLinear", {x, scale, offset}, {{0}}}, &bytes));
    *y = NULL;
    return yl__onnx_add(g, &(yl__onnx_node){"DequantizeLinear", {bytes, scale, offset}, {{0}}}, y);
}

yl_status yl__onnx_quantise_output(yl__onnx *g, int layer)
{
    const yl_plan *plan = g->e->options->int8;
    yl_quant quant;
    for (int l = layer; plan && l < g->e->net->n_layers; l++) { /* what is left out behind it has the same value */
        if (yl__export_source(g->e, l) != layer || !yl_plan_is_bytes(plan, l, &quant)) continue;
        return through_bytes(g, g->value[layer], quant, &g->value[layer]);
    }
    return YL_OK;
}

/* A list of numbers of that type, one for each output channel, as a constant turned to f32. */
static yl_status turned(yl__onnx *g, int32_t type, int n_dims, const int64_t *dims, const void *bytes, size_t each,
                        const float *scales, const char **y)
{
    const char *constant, *scale;
    YL_TRY(yl__onnx_constant(g, type, n_dims, dims, bytes, each, &constant));
    YL_TRY(yl__onnx_constant(g, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, dims, scales, sizeof *scales, &scale));
    yl__onnx_node node = {"DequantizeLinear", {constant, scale}, {{"axis", YL__ONNX_INT, {0}, 0, 0, NULL}}};
    *y = NULL;
    return yl__onnx_add(g, &node, y);
}

typedef struct rows {
    int8_t *weights;
    int32_t *bias;
    float *scales, *units; /* of weights and of sums */
} rows;

/* A scale holds the channel's weights, and is so large that the bias fits into 30 bits of sums: where all weights are next to nothing. */
static void quantise_row(const float *w, int64_t count, float b, float x_scale, int64_t o, rows *to)
{
    float scale = yl__quant_weight_scale(w, count, 1), least = fabsf(b) / (x_scale * 1073741824.0f);
    bool nothing = true;
    for (int64_t i = 0; i < count; i++) nothing &= w[i] == 0;
    if (nothing) scale = least > 0 ? least : 1;
    to->scales[o] = scale > least ? scale : least;
    to->units[o] = x_scale * to->scales[o];
    to->bias[o] = (int32_t)rint((double)b / ((double)x_scale * (double)to->scales[o]));
    for (int64_t i = 0; i < count; i++) to->weights[o * count + i] = yl__quant_weight(w[i], 1, to->scales[o]);
}

yl_status yl__onnx_quantise_conv(yl__onnx *g, int layer, const int64_t dims[4], const float *weights, const float *bias,
                                 const char *in[3], bool *done)
{
    const yl_plan *plan = g->e->options->int8;
    const yl_layer *l = &g->e->net->layers[layer];
    int64_t count = dims[1] * dims[2] * dims[3];
    yl_quant quant, own;
    rows r;
    *done = plan && yl_plan_computes_bytes(plan, layer, &quant);
    if (!*done) return YL_OK;
    if (!yl_plan_is_bytes(plan, l->inputs[0], &own)) YL_TRY(through_bytes(g, in[0], quant, &in[0]));
    YL_TRY(yl__export_keep(g->e, dims[0] * count, 1, &r.weights));
    YL_TRY(yl__export_keep(g->e, dims[0], sizeof *r.bias, &r.bias));
    YL_TRY(yl__export_keep(g->e, dims[0], sizeof *r.scales, &r.scales));
    YL_TRY(yl__export_keep(g->e, dims[0], sizeof *r.units, &r.units));
    for (int64_t o = 0; o < dims[0]; o++)
        quantise_row(weights + o * count, count, bias ? bias[o] : 0, quant.scale, o, &r);
    YL_TRY(turned(g, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 4, dims, r.weights, 1, r.scales, &in[1]));
    if (!bias) return YL_OK;
    return turned(g, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 1, dims, r.bias, sizeof *r.bias, r.units, &in[2]);
}
