/* The registry of devices. */
#ifndef YL_BACKEND_DEVICE_H
#define YL_BACKEND_DEVICE_H

#include "comm/comm.h"
#include "core/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The device of that name: "cpu", "cuda", "cuda:1", or "auto", which is the first usable GPU, else the CPU. The object lives as long as
 * the process. Errors: UNSUPPORTED with the reason if this build or machine lacks the device, INVALID for an unknown name. */
yl_status yl_device_get(const char *name, yl_device **out);

/* The communicator of the ranks' devices, for sums in their memory: *out is NULL where they add in the host's memory, which a process alone
 * does, and GPUs without NCCL (warned of). All ranks call it. Errors: INVALID where some ranks have a GPU and others have none. */
yl_status yl__device_ranks(yl_device *device, yl_comm **out);

/* One function per backend: its device, or an error. */
yl_status yl__cpu_device(yl_device **out);

#ifdef __cplusplus
}
#endif
#endif
