/* The CUDA plug-in, libyolua_cuda.so, which is opened when a GPU is requested. YOLUA_CUDA_PLUGIN in the environment names another file. */
#ifndef YL_BACKEND_CUDA_H
#define YL_BACKEND_CUDA_H

#include "backend/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Versions of the driver and the runtime, as 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED if there is no
 * plug-in, no driver, an old driver, or no device. */
yl_status yl_cuda_look(int *driver, int *runtime, int *count);
/* Facts about device `index` (0-based). Errors: as above; INVALID for a device that does not exist. */
yl_status yl_cuda_facts(int index, yl_device_facts *out);
/* The device; there is one object for each, which lives as long as the process. */
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
