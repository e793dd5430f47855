/* For the CUDA backend: sums over the GPUs of several processes. */
#ifndef YL_BACKEND_NCCL_H
#define YL_BACKEND_NCCL_H

#include "comm/comm.h"
#include "core/device.h"

/* yl_device.join (core/device.h), by NCCL. */
yl_status yl__nccl_join(yl_device *device, yl_comm *via, yl_comm *out);

#endif
