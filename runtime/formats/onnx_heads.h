/* Heads of detectors as nodes of ONNX: boxes and scores out of the numbers that enter them, and suppression. */
#ifndef YL_FORMATS_ONNX_HEADS_H
#define YL_FORMATS_ONNX_HEADS_H

#include "formats/onnx_graph.h"

/* Appends "boxes", "scores" and, for YL_EXPORT_NMS, "selected", and makes them outputs of the graph. `entering` (by layer): the value that
 * enters a head. Errors: INVALID for a network without a head; UNSUPPORTED for NMS where the cfg asks for more than plain IoU. */
yl_status yl__onnx_decode(yl__onnx *g, const char *const *entering);

#endif
