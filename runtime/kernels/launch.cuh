/* What CUDA kernels share: launching, shared memory, and the loop over a thread's elements. Two compilers read this and every .cu file:
 * nvcc, and the host's C++ compiler with the tests' double of the CUDA runtime. runtime/README.md has the rules. */
#ifndef YL_KERNELS_LAUNCH_CUH
#define YL_KERNELS_LAUNCH_CUH

#include "core/both.h"
#include "kernels/kernels.h"
#include "kernels/number.cuh"

#include <cuda_runtime.h>

#define YL_CUDA(name) yl_cuda_##name

/* The kernels that have a CUDA version. */
extern "C" {
#define YL__TWIN_YES(name, parameters) yl_status YL_CUDA(name) parameters;
#define YL__TWIN_NO(name, parameters)
#define YL__TWIN(name, parameters, cuda) YL__TWIN_##cuda(name, parameters)
YL_KERNELS(YL__TWIN)
}

/* yl_device.state of this backend. */
typedef struct yl__cuda_state {
    int index;                   /* of the device */
    cudaStream_t stream, copies; /* of kernels, and of copies beside them */
    cudaEvent_t reached;         /* where the kernels' stream was when copies were queued last */
    void *results;               /* YL__CUDA_RESULTS bytes of device memory for the results of reductions */
    struct yl__notes *notes;     /* of an imaginary device, which reports its launches (backend/notes.cu) */
} yl__cuda_state;

enum { YL__CUDA_RESULTS = 1 << 20, YL__CUDA_BLOCK = 256, YL__CUDA_MOST_BLOCKS = 4096 };

static inline yl__cuda_state *yl__cuda_state_of(const yl_ctx *ctx)
{
    return (yl__cuda_state *)ctx->device->state;
}

static inline cudaStream_t yl__cuda_stream(const yl_ctx *ctx)
{
    return ctx->stream ? (cudaStream_t)ctx->stream : yl__cuda_state_of(ctx)->stream;
}

/* A CUDA error as a status; `what` failed. */
yl_status yl__cuda_check(cudaError_t error, const char *what);

/* Copies from device memory to the host, after everything launched before has finished. */
yl_status yl__cuda_read(const yl_ctx *ctx, void *to, const void *from, size_t bytes);

/* Sets bytes of device memory, in order with the kernels. */
yl_status yl__cuda_fill(const yl_ctx *ctx, void *to, int value, size_t bytes);

yl_status yl__note_launch(const yl_ctx *ctx, const char *name, dim3 blocks, dim3 threads, const void *kernel);

/* Every launch goes through here. Pointer arguments are to device memory; structs are passed by value and hold no pointers. */
template <class... P, class... A>
yl_status yl__launch(const yl_ctx *ctx, const char *name, dim3 blocks, dim3 threads, void (*kernel)(P...),
                     const A &...arguments)
{
    if (yl__cuda_state_of(ctx)->notes)
        return yl__note_launch(ctx, name, blocks, threads, reinterpret_cast<const void *>(kernel));
    cudaLaunchConfig_t config = {};
    config.gridDim = blocks;
    config.blockDim = threads;
    config.stream = yl__cuda_stream(ctx);
    YL_TRY(yl__cuda_check(cudaSetDevice(yl__cuda_state_of(ctx)->index), name));
    return yl__cuda_check(cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...), name);
}

/* One thread per element, or several elements per thread if there are many; the kernel loops with YL_EACH(i, count). */
template <class... P, class... A>
yl_status yl__launch_each(const yl_ctx *ctx, const char *name, int64_t count, void (*kernel)(P...),
                          const A &...arguments)
{
    if (count == 0) return YL_OK;
    int64_t blocks = (count + YL__CUDA_BLOCK - 1) / YL__CUDA_BLOCK;
    if (blocks > YL__CUDA_MOST_BLOCKS) blocks = YL__CUDA_MOST_BLOCKS;
    return yl__launch(ctx, name, dim3((unsigned)blocks), dim3(YL__CUDA_BLOCK), kernel, arguments...);
}

/* Shared memory: YL_SHARED(float, tile, [16][17]). The double has a definition of its own. */
#ifndef YL_SHARED
#define YL_SHARED(type, name, extents) __shared__ type name extents
#endif

#define YL_EACH(i, count)                                                                                              \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (count); i += (int64_t)gridDim.x * blockDim.x)

#endif
