/* The plug-in libyolua_cuda.so: devices, their memory, and the table of kernels. Everything is queued on a device's own stream; what
 * the device interface promises to be complete is waited for. */
#include "backend/nccl.h"
#include "backend/notes.h"
#include "kernels/cudnn.cuh"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const yl_plugin_host *host;

/* Sentences are the program's: this is the yl__fail that the kernels of this file's library call. */
extern "C" yl_status yl__fail(yl_status status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->fail(status, text);
    return status;
}

yl_status yl__cuda_check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return YL_OK;
    cudaGetLastError();
    return yl__fail(error == cudaErrorMemoryAllocation ? YL_MEMORY : YL_UNSUPPORTED, "%s: CUDA says: %s", what,
                    cudaGetErrorString(error));
}

static yl__cuda_state *state_of(yl_device *device)
{
    return (yl__cuda_state *)device->state;
}

yl_status yl__cuda_fill(const yl_ctx *ctx, void *to, int value, size_t bytes)
{
    if (yl__cuda_state_of(ctx)->notes) return YL_OK;
    YL_TRY(yl__cuda_check(cudaSetDevice(yl__cuda_state_of(ctx)->index), "fill"));
    return yl__cuda_check(cudaMemsetAsync(to, value, bytes, yl__cuda_stream(ctx)), "fill");
}

yl_status yl__cuda_read(const yl_ctx *ctx, void *to, const void *from, size_t bytes)
{
    if (yl__cuda_state_of(ctx)->notes) return ctx->device->from_device(ctx->device, to, from, bytes);
    YL_TRY(yl__cuda_check(cudaSetDevice(yl__cuda_state_of(ctx)->index), "read"));
    cudaStream_t stream = yl__cuda_stream(ctx);
    YL_TRY(yl__cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "read"));
    return yl__cuda_check(cudaStreamSynchronize(stream), "read");
}

/* ---- memory ---- */

static yl_status select_device(yl_device *device)
{
    return yl__cuda_check(cudaSetDevice(state_of(device)->index), device->name);
}

static yl_status out_of_memory(yl_device *device, size_t bytes)
{
    size_t left = 0, all = 0;
    cudaGetLastError();
    cudaMemGetInfo(&left, &all);
    return yl__fail(YL_MEMORY,
                    "%s: out of memory: %zu bytes were requested, and %zu of %zu are free; try a smaller batch",
                    device->name, bytes, left, all);
}

static yl_status cuda_alloc(yl_device *device, size_t bytes, void **out)
{
    YL_TRY(select_device(device));
    size_t rounded = bytes ? bytes : 1;
    if (cudaMalloc(out, rounded) != cudaSuccess) return out_of_memory(device, bytes);
    return yl__cuda_check(cudaMemsetAsync(*out, 0, rounded, state_of(device)->stream), "alloc");
}

static void cuda_release(yl_device *device, void *pointer)
{
    if (!pointer || select_device(device) != YL_OK) return;
    cudaStreamSynchronize(state_of(device)->stream);
    cudaFree(pointer);
}

static yl_status queue_copy(yl_device *device, void *dst, const void *src, size_t bytes, cudaMemcpyKind kind)
{
    if (bytes == 0) return YL_OK;
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaMemcpyAsync(dst, src, bytes, kind, state_of(device)->stream), "copy");
}

/* From ordinary memory, CUDA has taken the bytes when the call returns, and the kernels that read them are queued behind it. */
static yl_status cuda_to_device(yl_device *device, void *dst, const void *src, size_t bytes)
{
    return queue_copy(device, dst, src, bytes, cudaMemcpyHostToDevice);
}

static yl_status cuda_from_device(yl_device *device, void *dst, const void *src, size_t bytes)
{
    YL_TRY(queue_copy(device, dst, src, bytes, cudaMemcpyDeviceToHost));
    return yl__cuda_check(cudaStreamSynchronize(state_of(device)->stream), "copy");
}

/* This and zeroing are in order with the kernels of the stream, which is all that their callers can see. */
static yl_status cuda_copy(yl_device *device, void *dst, const void *src, size_t bytes)
{
    return queue_copy(device, dst, src, bytes, cudaMemcpyDeviceToDevice);
}

static yl_status cuda_zero(yl_device *device, void *dst, size_t bytes)
{
    if (bytes == 0) return YL_OK;
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaMemsetAsync(dst, 0, bytes, state_of(device)->stream), "zero");
}

static yl_status cuda_sync(yl_device *device)
{
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaStreamSynchronize(state_of(device)->stream), "sync");
}

/* ---- copies beside kernels ---- */

static yl_status cuda_room(yl_device *device, int64_t *bytes)
{
    size_t left, all;
    YL_TRY(select_device(device));
    YL_TRY(yl__cuda_check(cudaMemGetInfo(&left, &all), device->name));
    *bytes = (int64_t)left;
    return YL_OK;
}

static yl_status cuda_pin(yl_device *device, size_t bytes, void **out)
{
    YL_TRY(select_device(device));
    if (cudaMallocHost(out, bytes) == cudaSuccess) return YL_OK;
    cudaGetLastError();
    return yl__fail(YL_MEMORY, "%s: out of memory: %zu pinned bytes of the host were requested", device->name, bytes);
}

static void cuda_unpin(yl_device *device, void *pointer)
{
    if (pointer && select_device(device) == YL_OK) cudaFreeHost(pointer);
}

static yl_status queue_copies(yl__cuda_state *s, const yl_copy *copies, int64_t count, cudaEvent_t sent)
{
    YL_TRY(yl__cuda_check(cudaEventRecord(s->reached, s->stream), "send"));
    YL_TRY(yl__cuda_check(cudaStreamWaitEvent(s->copies, s->reached, 0), "send"));
    for (int64_t i = 0; i < count; i++)
        YL_TRY(yl__cuda_check(
            cudaMemcpyAsync(copies[i].to, copies[i].from, copies[i].bytes, cudaMemcpyHostToDevice, s->copies), "send"));
    return yl__cuda_check(cudaEventRecord(sent, s->copies), "send");
}

static yl_status cuda_send(yl_device *device, const yl_copy *copies, int64_t count, void **sent)
{
    YL_TRY(select_device(device));
    if (!*sent) {
        cudaEvent_t event;
        YL_TRY(yl__cuda_check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "send"));
        *sent = event;
    }
    return queue_copies(state_of(device), copies, count, (cudaEvent_t)*sent);
}

static yl_status cuda_await(yl_device *device, void *sent)
{
    if (!sent) return YL_OK;
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaStreamWaitEvent(state_of(device)->stream, (cudaEvent_t)sent, 0), "await");
}

static yl_status cuda_settle(yl_device *device, void *sent)
{
    if (!sent) return YL_OK;
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaEventSynchronize((cudaEvent_t)sent), "settle");
}

static void cuda_forget(yl_device *device, void *sent)
{
    if (sent && cuda_settle(device, sent) == YL_OK) cudaEventDestroy((cudaEvent_t)sent);
}

/* ---- graphs ---- */

static yl_status capture_begin(yl_device *device)
{
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaStreamBeginCapture(state_of(device)->stream, cudaStreamCaptureModeThreadLocal),
                          "capture");
}

static yl_status capture_end(yl_device *device, void **out)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;
    YL_TRY(yl__cuda_check(cudaStreamEndCapture(state_of(device)->stream, &graph), "capture"));
    cudaError_t error = out ? cudaGraphInstantiate(&exec, graph, 0) : cudaSuccess;
    cudaGraphDestroy(graph);
    YL_TRY(yl__cuda_check(error, "capture"));
    if (out) *out = exec;
    return YL_OK;
}

static yl_status graph_launch(yl_device *device, void *graph)
{
    YL_TRY(select_device(device));
    return yl__cuda_check(cudaGraphLaunch((cudaGraphExec_t)graph, state_of(device)->stream), "graph");
}

static void graph_release(yl_device *device, void *graph)
{
    if (select_device(device) != YL_OK) return;
    cudaStreamSynchronize(state_of(device)->stream);
    cudaGraphExecDestroy((cudaGraphExec_t)graph);
}

/* YOLUA_CUDA_GRAPHS=0: every kernel is launched by itself. */
static bool wants_graphs(void)
{
    const char *set = getenv("YOLUA_CUDA_GRAPHS");
    return !set || strcmp(set, "0") != 0;
}

/* ---- the table ---- */

#define NAME(name, parameters, cuda) #name,
static const char *const names[] = {YL_KERNELS(NAME)};

#define LINE(name, parameters, cuda) LINE_##name,
enum { YL_KERNELS(LINE) };

/* A kernel without a twin says so when it is called. */
template <int line, class... P> yl_status missing(P...)
{
    return yl__fail(YL_UNSUPPORTED, "%s has no CUDA kernel yet; expected device=cpu", names[line]);
}

#define TEXT(name, parameters, cuda) #name #parameters
static const char kernels[] = YL_KERNELS(TEXT);

#define ENTRY_YES(name) YL_CUDA(name)
#define ENTRY_NO(name) missing<LINE_##name>
#define ENTRY(name, parameters, cuda) ENTRY_##cuda(name),
static const yl_kernels table = {YL_KERNELS(ENTRY) sizeof names / sizeof *names};

/* ---- the plug-in ---- */

static yl_status look(int *driver, int *runtime, int *count)
{
    *driver = *runtime = *count = 0;
    if (cudaDriverGetVersion(driver) != cudaSuccess || *driver == 0)
        return yl__fail(YL_UNSUPPORTED, "this machine has no NVIDIA driver");
    cudaRuntimeGetVersion(runtime);
    cudaError_t error = cudaGetDeviceCount(count);
    if (error == cudaErrorInsufficientDriver)
        return yl__fail(YL_UNSUPPORTED, "the NVIDIA driver supports CUDA %d.%d, and this build needs %d.%d or newer",
                        *driver / 1000, *driver % 1000 / 10, *runtime / 1000, *runtime % 1000 / 10);
    if (error == cudaErrorNoDevice || (error == cudaSuccess && *count == 0))
        return yl__fail(YL_UNSUPPORTED, "the NVIDIA driver finds no GPU");
    return yl__cuda_check(error, "looking for GPUs");
}

/* Does this library hold code that the device can run? */
static bool has_code(int index)
{
    cudaStream_t stream;
    if (cudaSetDevice(index) != cudaSuccess ||
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) {
        cudaGetLastError();
        return false;
    }
    cudaStreamDestroy(stream);
    return true;
}

static yl_status facts(int index, yl_device_facts *out)
{
    cudaDeviceProp p;
    size_t left = 0, all = 0;
    YL_TRY(yl__cuda_check(cudaGetDeviceProperties(&p, index), "looking at a GPU"));
    memset(out, 0, sizeof *out);
    snprintf(out->chip, sizeof out->chip, "%s", p.name);
    snprintf(out->isa, sizeof out->isa, "sm_%d%d", p.major, p.minor);
    out->multiprocessors = p.multiProcessorCount;
    out->memory_bytes = (int64_t)p.totalGlobalMem;
    out->usable = p.major >= 8 && has_code(index);
    if (out->usable && cudaMemGetInfo(&left, &all) == cudaSuccess) out->free_bytes = (int64_t)left;
    cudaGetLastError();
    return YL_OK;
}

static void fill(yl_device *out, yl__cuda_state *s, char *isa)
{
    out->isa = isa;
    out->dtypes = YL__CUDA_DTYPES;
    out->host_memory = false;
    out->kernels = &table;
    out->alloc = cuda_alloc;
    out->release = cuda_release;
    out->to_device = cuda_to_device;
    out->from_device = cuda_from_device;
    out->copy = cuda_copy;
    out->zero = cuda_zero;
    out->sync = cuda_sync;
    out->room = cuda_room;
    out->pin = cuda_pin;
    out->unpin = cuda_unpin;
    out->send = cuda_send;
    out->await = cuda_await;
    out->settle = cuda_settle;
    out->forget = cuda_forget;
    out->join = yl__nccl_join;
    out->state = s;
    if (!wants_graphs()) return;
    out->capture_begin = capture_begin;
    out->capture_end = capture_end;
    out->graph_launch = graph_launch;
    out->graph_release = graph_release;
}

/* The device stays open as long as the process. */
static yl_status open_device(int index, yl_device *out)
{
    yl_device_facts f;
    if (index == YL_NO_GPU) {
        yl__notes_open(&table, out);
        return YL_OK;
    }
    YL_TRY(facts(index, &f));
    if (!f.usable)
        return yl__fail(YL_UNSUPPORTED, "%s is a GPU of architecture %s; expected sm_80 or newer", f.chip, f.isa);
    yl__cuda_state *s = (yl__cuda_state *)calloc(1, sizeof *s);
    char *isa = (char *)malloc(sizeof f.isa);
    if (!s || !isa) {
        free(s);
        free(isa);
        return yl__fail(YL_MEMORY, "out of memory");
    }
    memcpy(isa, f.isa, sizeof f.isa);
    s->index = index;
    yl_status status = yl__cuda_check(cudaSetDevice(index), f.chip);
    if (status == YL_OK) status = yl__cuda_check(cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking), f.chip);
    if (status == YL_OK) status = yl__cuda_check(cudaStreamCreateWithFlags(&s->copies, cudaStreamNonBlocking), f.chip);
    if (status == YL_OK) status = yl__cuda_check(cudaEventCreateWithFlags(&s->reached, cudaEventDisableTiming), f.chip);
    if (status == YL_OK) status = yl__cuda_check(cudaMalloc(&s->results, YL__CUDA_RESULTS), f.chip);
    if (status == YL_OK) {
        fill(out, s, isa);
        return YL_OK;
    }
    if (s->reached) cudaEventDestroy(s->reached);
    if (s->copies) cudaStreamDestroy(s->copies);
    if (s->stream) cudaStreamDestroy(s->stream);
    free(s);
    free(isa);
    return status;
}

extern "C" __attribute__((visibility("default"))) const yl_plugin *yl_plugin_entry(const yl_plugin_host *from)
{
    static const yl_plugin plugin = {YL_PLUGIN_VERSION, look, facts, yl__cudnn_version, open_device, yl__notes_take};
    if (from->version != YL_PLUGIN_VERSION || strcmp(from->kernels, kernels) != 0) return NULL;
    host = from;
    return &plugin;
}
