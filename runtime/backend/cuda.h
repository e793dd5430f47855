/* GPUs: a plug-in, libyolua_cuda.so, opened when one is asked for. The environment's YOLUA_CUDA_PLUGIN names another file. */
#ifndef YL_BACKEND_CUDA_H
#define YL_BACKEND_CUDA_H

#include "backend/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the driver says: versions as 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED with one sentence: no
 * plug-in, no driver, an old driver, no device. */
yl_status yl_cuda_look(int *driver, int *runtime, int *count);
/* Device `index` (from 0). Errors: as above, INVALID for a device that is not there. */
yl_status yl_cuda_facts(int index, yl_device_facts *out);
/* One object per device, which lives as long as the process. */
yl_status yl__cuda_device(int index, yl_device **out);
/* A GPU that is not there: it computes nothing, and says what it would launch. Errors: UNSUPPORTED without a plug-in. */
yl_status yl__cuda_none(yl_device **out);
/* Tells `notes` of every launch on that device, as a GPU of architecture sm_<arch> would have it, until notes are NULL. Errors:
 * UNSUPPORTED without a plug-in, or where that was not built for the architecture. */
yl_status yl_cuda_note(int arch, const yl_launch_notes *notes);

#ifdef __cplusplus
}
#endif
#endif
