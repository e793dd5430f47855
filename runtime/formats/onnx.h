/* A network as an ONNX file (onnx.ai, IR version 7 or 8, operators 13 to 17 as asked for), in fp32 with dense tensors; with options->int8
 * convolutions of bytes between pairs of QuantizeLinear and DequantizeLinear (formats/onnx_quant.h).
 *
 * Input "image" {batch, channels, height, width}, RGB in 0..1. Outputs bear the names of the layers that nobody reads; a head's holds the
 * numbers that enter it, {batch, anchors * (5 + classes), rows, columns}. With heads=boxes there are "boxes" {batch, n, 4} (x1, y1, x2, y2 in
 * pixels of the input) and "scores" {batch, n, classes} instead, n counting rows, columns and anchors of all heads; with heads=nms also
 * "selected" {found, 3}: image, class and box of what suppression leaves (plain IoU). The schema comes from the ONNX project's file onnx.proto;
 * a build without it (and protobuf-c) refuses in one sentence. */
#ifndef YL_FORMATS_ONNX_H
#define YL_FORMATS_ONNX_H

#include "formats/export.h"
#include "formats/safetensors.h"

/* Writes the network at its own height and width; the file's name ends in .onnx. The notes become entries of metadata_props. Errors:
 * IO; INVALID for another ending; UNSUPPORTED for a layer that ONNX cannot hold, by name, a file of 2 GiB or more, and in a build without
 * ONNX; as yl__export_open. */
yl_status yl_onnx_save(const yl_net *net, const char *path, const yl_export_options *options,
                       const yl_safetensors_note *notes, int64_t n_notes);
/* Whether this build has ONNX. */
bool yl_onnx_available(void);

#endif
