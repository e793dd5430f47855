/* A GPU that is not there, for plans of what would be launched; see notes.cu. */
#ifndef YL_BACKEND_NOTES_H
#define YL_BACKEND_NOTES_H

#include "backend/plugin.h"

/* Fills *out but for its name; `kernels` is the table whose kernels are told of. */
void yl__notes_open(const struct yl_kernels *kernels, yl_device *out);
/* From now on `told` hears of launches as on a GPU of architecture sm_<arch>; NULL ends that. Errors: UNSUPPORTED, not built for it. */
yl_status yl__notes_take(yl_device *device, int arch, const yl_launch_notes *told);

#endif
