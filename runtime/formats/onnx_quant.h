/* Bytes in an ONNX graph: pairs of QuantizeLinear and DequantizeLinear around what a plan of precision int8 (e->options->int8) computes with
 * bytes. Runtimes fuse them with the operators between; what the graph says is what yolua computes. */
#ifndef YL_FORMATS_ONNX_QUANT_H
#define YL_FORMATS_ONNX_QUANT_H

#include "formats/onnx_graph.h"

/* The value of the layer becomes what its bytes say, where the plan keeps it as bytes. */
yl_status yl__onnx_quantise_output(yl__onnx *g, int layer);
/* Operands of a convolution that the plan computes with bytes, in its `in`: its input, weights {dims} as s8 with a scale per output channel,
 * and its bias as whole numbers in units of the sums. False in *done where it computes in f32. */
yl_status yl__onnx_quantise_conv(yl__onnx *g, int layer, const int64_t dims[4], const float *weights, const float *bias,
                                 const char *in[3], bool *done);

#endif
