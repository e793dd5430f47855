/* ONNX in a build that lacks its schema or protobuf-c. */
#include "formats/onnx.h"

yl_status yl_onnx_save(const yl_net *net, const char *path, const yl_export_options *options,
                       const yl_safetensors_note *notes, int64_t n_notes)
{
    (void)net, (void)options, (void)notes, (void)n_notes;
    return yl__fail(
        YL_UNSUPPORTED,
        "%s: this build cannot write ONNX: install libonnx-dev, libprotobuf-c-dev and protobuf-c-compiler, and "
        "configure and build again",
        path);
}

bool yl_onnx_available(void)
{
    return false;
}
