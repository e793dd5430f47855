/* Each layer of a network as nodes of ONNX. */
#ifndef YL_FORMATS_ONNX_LAYERS_H
#define YL_FORMATS_ONNX_LAYERS_H

#include "formats/onnx_graph.h"

/* Appends the nodes that compute a layer; its output is g->value[layer], a name that is made where it is NULL. Heads are left to the
 * caller. Errors: UNSUPPORTED, naming a layer that ONNX has no operators for. */
yl_status yl__onnx_layer(yl__onnx *g, int layer);
/* The value that is the layer's i-th input. */
const char *yl__onnx_input(const yl__onnx *g, int layer, int i);

#endif
