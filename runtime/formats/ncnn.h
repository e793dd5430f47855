/* A network as ncnn's two files: FILE.param (text: a line a layer) and FILE.bin (numbers), in fp32; or, with a
 * plan of precision int8, its convolutions of bytes as ncnn has them: signed, each input's range made symmetric. The blob "image" {width, height, channels}
 * is the input, RGB in 0..1; an output bears its layer's name, a head's holds the numbers that enter it. ncnn's own detection layers count
 * classes and scores otherwise, so that heads are left raw. Format: ncnn, "param and model file structure" in its documentation. */
#ifndef YL_FORMATS_NCNN_H
#define YL_FORMATS_NCNN_H

#include "formats/export.h"

/* `path` ends in .param; the other file lies beside it. Errors: IO; INVALID for another ending; UNSUPPORTED, naming a layer that ncnn does not
 * have; as yl__export_open. */
yl_status yl_ncnn_save(const yl_net *net, const char *path, const struct yl_plan *int8);

#endif
