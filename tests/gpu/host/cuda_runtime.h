/* A double of the CUDA runtime, for tests: what the project's .cu files use of it, on the host, with the rules that a GPU has and a
 * host has not. double.h says what is checked. */
#ifndef DOUBLE_CUDA_RUNTIME_H
#define DOUBLE_CUDA_RUNTIME_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <tuple>
#include <type_traits>

/* ---- what the compiler knows on a GPU ---- */

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

struct alignas(16) float4 {
    float x, y, z, w;
};

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

/* Of the thread that runs now. */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
enum { warpSize = 32 };

namespace cuda_double
{
void block_barrier(const char *file, int line);
void warp_barrier(unsigned mask, const char *file, int line);
/* Every lane of the mask gives 8 bytes and gets those of lane `from`. */
uint64_t exchange(unsigned mask, uint64_t mine, int from, const char *file, int line);
unsigned ballot(unsigned mask, bool mine, const char *file, int line);
int lane();
/* A product of the warp's tensor cores, d {16, 8} += a b: fragments as the PTX ISA documents them. */
enum mma_kind { MMA_BF16, MMA_F16, MMA_TF32 };
void mma(mma_kind kind, float *d, const uint32_t *a, const uint32_t *b, const char *file, int line);
/* cvt.rna.tf32.f32: to the nearest number of 10 bits behind the point, of two the one farther from zero. */
inline uint32_t to_tf32(uint32_t bits)
{
    bool finite = (bits >> 23 & 255) != 255;
    return finite ? (bits + 0x1000) & ~0x1fffu : (bits & 0x7fffff ? bits | 0x400000 : bits) & ~0x1fffu;
}
/* Shared memory of the running block, poisoned; `site` tells the declarations apart. */
void *shared(const void *site, size_t bytes, size_t align);

template <class T> T shuffle(unsigned mask, T value, int from, const char *file, int line)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, from, file, line);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
} // namespace cuda_double

#define __syncthreads() cuda_double::block_barrier(__FILE__, __LINE__)
#define __syncwarp(...) cuda_double::warp_barrier(0xffffffffu, __FILE__, __LINE__)
#define __shfl_sync(mask, value, from) cuda_double::shuffle(mask, value, from, __FILE__, __LINE__)
#define __shfl_xor_sync(mask, value, by)                                                                               \
    cuda_double::shuffle(mask, value, cuda_double::lane() ^ (by), __FILE__, __LINE__)
#define __shfl_down_sync(mask, value, by)                                                                              \
    cuda_double::shuffle(mask, value,                                                                                  \
                         cuda_double::lane() + (by) < 32 ? cuda_double::lane() + (by) : cuda_double::lane(), __FILE__, \
                         __LINE__)
#define __ballot_sync(mask, mine) cuda_double::ballot(mask, mine, __FILE__, __LINE__)
#define __any_sync(mask, mine) (cuda_double::ballot(mask, mine, __FILE__, __LINE__) != 0)

/* The instructions of kernels/mma.cuh. */
#define YL_MMA_BF16(d, a, b) cuda_double::mma(cuda_double::MMA_BF16, d, a, b, __FILE__, __LINE__)
#define YL_MMA_F16(d, a, b) cuda_double::mma(cuda_double::MMA_F16, d, a, b, __FILE__, __LINE__)
#define YL_MMA_TF32(d, a, b) cuda_double::mma(cuda_double::MMA_TF32, d, a, b, __FILE__, __LINE__)
#define YL_TO_TF32(to, bits) ((to) = cuda_double::to_tf32(bits))

/* Kernels declare shared memory through this macro of kernels/launch.cuh; here it is heap memory of the block. */
#define YL_SHARED(type, name, extents)                                                                                 \
    static const char name##_site = 0;                                                                                 \
    using name##_type = type extents;                                                                                  \
    name##_type &name =                                                                                                \
        *static_cast<name##_type *>(cuda_double::shared(&name##_site, sizeof(name##_type), alignof(name##_type)))

template <class T> T atomicAdd(T *at, T value)
{
    T old = *at;
    *at = old + value;
    return old;
}
template <class T> T atomicMax(T *at, T value)
{
    T old = *at;
    *at = old > value ? old : value;
    return old;
}
template <class T> T atomicMin(T *at, T value)
{
    T old = *at;
    *at = old < value ? old : value;
    return old;
}

/* ---- the runtime ---- */

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorInvalidResourceHandle = 400,
    cudaErrorInvalidConfiguration = 9,
};

enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal,
    cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };

struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;
typedef CUgraph_st *cudaGraph_t;
typedef CUgraphExec_st *cudaGraphExec_t;
typedef CUstream_st *cudaStream_t;
typedef CUevent_st *cudaEvent_t;

struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor, multiProcessorCount;
};

struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    size_t dynamicSmemBytes;
    cudaStream_t stream;
    void *attrs;
    unsigned numAttrs;
};

const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int index);
cudaError_t cudaMemGetInfo(size_t *left, size_t *all);
cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaFree(void *pointer);
cudaError_t cudaMallocHost(void **out, size_t bytes);
cudaError_t cudaFreeHost(void *pointer);
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *dst, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);

namespace cuda_double
{
/* Dies where a kernel is handed a pointer that is not to live device memory. */
void check_argument(const void *pointer, int number);
cudaError_t launch(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, std::function<void()> thread);

template <class T> void check_one(const T &argument, int number)
{
    if constexpr (std::is_pointer_v<T>) check_argument(argument, number);
}
} // namespace cuda_double

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...), A &&...arguments)
{
    int number = 0;
    (cuda_double::check_one(static_cast<P>(arguments), ++number), ...);
    std::tuple<std::decay_t<P>...> copies(static_cast<P>(arguments)...);
    return cuda_double::launch(config->gridDim, config->blockDim, config->dynamicSmemBytes, config->stream,
                               [kernel, copies] { std::apply(kernel, copies); });
}

#endif
