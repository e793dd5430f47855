/* A device: memory, copies, and a table of kernels. */
#ifndef YL_CORE_DEVICE_H
#define YL_CORE_DEVICE_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct yl_kernels; /* kernels/kernels.h */
struct yl_comm;    /* comm/comm.h */
typedef struct yl_device yl_device;

typedef struct yl_copy {
    void *to;         /* device memory */
    const void *from; /* pinned memory */
    size_t bytes;
} yl_copy;

struct yl_device {
    const char *name; /* "cpu", "cuda:0" */
    const char *isa;  /* what the kernels were compiled for, or the chip's name */
    unsigned dtypes;  /* types that its kernels accept as activations, a bit 1 << yl_dtype each */
    unsigned factors; /* types that its convolutions can round factors of f32 to, likewise */
    bool host_memory; /* the host can dereference its pointers */
    const struct yl_kernels *kernels;
    yl_status (*alloc)(yl_device *device, size_t bytes, void **out); /* zeroed, 64-byte aligned */
    void (*release)(yl_device *device, void *pointer);               /* NULL is fine */
    /* Copies from and to host memory are complete when the call returns; `copy` and `zero` are in order with kernels. */
    yl_status (*to_device)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*from_device)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*copy)(yl_device *device, void *dst, const void *src, size_t bytes);
    yl_status (*zero)(yl_device *device, void *dst, size_t bytes);
    yl_status (*sync)(yl_device *device);
    /* Bytes of memory that nobody has. NULL, like the next six, for devices that compute in the host's memory. */
    yl_status (*room)(yl_device *device, int64_t *bytes);
    /* Pinned memory of the host, and copies from it that run beside kernels. `send` queues copies that begin when the kernels queued before
     * have ended; *sent, which is NULL the first time and then used again, stands for their end: kernels queued after `await` begin behind
     * it, and `settle` returns behind it. `forget` settles, and ends what `sent` stands for; NULL is fine for these. */
    yl_status (*pin)(yl_device *device, size_t bytes, void **out);
    void (*unpin)(yl_device *device, void *pointer); /* NULL is fine */
    yl_status (*send)(yl_device *device, const yl_copy *copies, int64_t count, void **sent);
    yl_status (*await)(yl_device *device, void *sent);
    yl_status (*settle)(yl_device *device, void *sent);
    void (*forget)(yl_device *device, void *sent);
    /* Graphs: calls that are captured and then launched as one. Between begin and end, calls on the device's queue are recorded and do not
     * run; waiting, allocating, releasing, and copying from or to the host are not allowed. `graph` NULL: the recording is dropped. NULL
     * for devices without graphs. */
    yl_status (*capture_begin)(yl_device *device);
    yl_status (*capture_end)(yl_device *device, void **graph);
    yl_status (*graph_launch)(yl_device *device, void *graph);
    void (*graph_release)(yl_device *device, void *graph);
    /* A communicator of the ranks of `via`, each with a device of its own, for sums of numbers in the devices' memory: `add` and `share`
     * are queued in order with kernels, and its other functions are NULL. All ranks call it, once. It lives as long as the process. NULL
     * for devices whose ranks add in the host's memory. Errors: UNSUPPORTED, on all ranks, where one lacks a library; IO. */
    yl_status (*join)(yl_device *device, struct yl_comm *via, struct yl_comm *out);
    void *state; /* of the backend */
};

/* Where a kernel runs, and on which queue. */
typedef struct yl_ctx {
    yl_device *device;
    void *stream; /* a backend's queue; NULL: its default */
    int threads;  /* of kernels on the CPU */
} yl_ctx;

yl_ctx yl__ctx(yl_device *device); /* with the current number of threads */

#ifdef __cplusplus
}
#endif

#endif
