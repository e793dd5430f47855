/* What a device is to the rest of the house: memory, copies, and a table of kernels. */
#ifndef YL_CORE_DEVICE_H
#define YL_CORE_DEVICE_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct yl_kernels; /* kernels/kernels.h */
typedef struct yl_device yl_device;

struct yl_device {
    const char *name; /* "cpu", "cuda:0" */
    const char *isa;  /* what the kernels were compiled for, or the chip's name */
    unsigned dtypes;  /* element types that its kernels take as activations: the bit 1 << yl_dtype of each */
    bool host_memory; /* its pointers can be dereferenced by the host */
    const struct yl_kernels *kernels;
    yl_status (*alloc)(yl_device *device, size_t bytes, void **out); /* zeroed, 64-byte aligned */
    void (*release)(yl_device *device, void *pointer);               /* NULL is fine */
    /* Copies complete before they return; `to_device`/`from_device` take host memory on the other side. */
    yl_status (*to_device)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*from_device)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*copy)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*zero)(yl_device *device, void *dst, size_t bytes);
    yl_status (*sync)(yl_device *device);
    /* A graph: calls that were captured, to be launched as one. Between begin and end, what is called on the device's queue is noted
     * and does not run; nothing may be waited for, allocated, released, or copied from or to the host. `graph` NULL: nobody wants it.
     * NULL where the device has no graphs. */
    yl_status (*capture_begin)(yl_device *device);
    yl_status (*capture_end)(yl_device *device, void **graph);
    yl_status (*graph_launch)(yl_device *device, void *graph);
    void (*graph_release)(yl_device *device, void *graph);
    void *state; /* the backend's own */
};

/* The context of every kernel call: where to run and on which queue. */
typedef struct yl_ctx {
    yl_device *device;
    void *stream; /* a backend's queue; NULL: its default */
    int threads;  /* for the host's kernels */
} yl_ctx;

yl_ctx yl__ctx(yl_device *device); /* with the present number of threads */

#ifdef __cplusplus
}
#endif

#endif
