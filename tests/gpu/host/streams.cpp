/* Streams and events of the double: queues whose work runs when somebody waits for it, and not before. */
#include "double.h"

#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

struct CUevent_st {
    uint64_t recorded = 0, done = 0; /* how often it was recorded, and up to which of these its work has run */
    CUstream_st *stream = nullptr;   /* of the last record */
};

struct CUgraph_st {
    std::vector<std::function<void()>> nodes; /* one after the other, as one stream gives them */
};

struct CUgraphExec_st {
    std::shared_ptr<const CUgraph_st> graph; /* launches that are queued keep it */
};

struct CUstream_st {
    std::deque<std::function<void()>> work;
    CUgraph_st *captured = nullptr; /* what is queued goes there instead */
};

namespace cuda_double
{
void *own(const void *pointer);

namespace
{

std::recursive_mutex mutex; /* one call of the runtime at a time */
std::set<CUstream_st *> streams;
std::set<CUgraphExec_st *> executables;
int captures; /* that have begun and not ended */
int running;

void check_stream(CUstream_st *stream)
{
    if (!stream)
        die("the default stream is used, which would wait for every other one; expected a stream of the device");
    if (!streams.count(stream)) die("a stream is used that was destroyed");
}

void queue(CUstream_st *stream, std::function<void()> work)
{
    if (stream->captured)
        stream->captured->nodes.push_back(std::move(work));
    else
        stream->work.push_back(std::move(work));
}

void not_captured(CUstream_st *stream, const char *what)
{
    if (stream->captured) die("%s while the stream is captured: nothing of it has run", what);
}

void run_first(CUstream_st *stream)
{
    std::function<void()> work = std::move(stream->work.front());
    stream->work.pop_front();
    work();
}

void drain(CUstream_st *stream)
{
    while (!stream->work.empty()) run_first(stream);
}

void wait_for(CUevent_st *event, uint64_t which)
{
    while (event->done < which) {
        if (event->stream->work.empty()) die("an event waits for itself");
        run_first(event->stream);
    }
}

/* Runs what `f` runs with device memory open. */
template <class F> void with_memory(F f)
{
    if (running++ == 0) open_memory();
    f();
    if (--running == 0) close_memory();
}

void check_copy(const void *dst, const void *src, size_t bytes, cudaMemcpyKind kind)
{
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (to_device) check_range(dst, bytes, "the target of a copy");
    if (from_device) check_range(src, bytes, "the source of a copy");
    if (!to_device && is_device(dst)) die("the target of a copy is device memory; expected host memory");
    if (!from_device && is_device(src)) die("the source of a copy is device memory; expected host memory");
}

} // namespace

void check_no_capture(const char *what)
{
    if (captures)
        die("%s while a stream is captured: it would happen once, and not with each launch of the graph", what);
}

void run_later(cudaStream_t stream, std::function<void()> work)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    queue(stream, std::move(work));
}

cudaError_t launch(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, std::function<void()> thread)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    if (shared_bytes) die("dynamic shared memory is not part of the double");
    size_t threads = size_t(block.x) * block.y * block.z;
    bool fits = threads >= 1 && threads <= 1024 && block.z <= 64 && grid.x >= 1 && grid.x <= 0x7fffffff &&
                grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535;
    if (!fits) return cudaErrorInvalidConfiguration;
    queue(stream, [=] { run_grid(grid, block, thread); });
    return cudaSuccess;
}

} // namespace cuda_double

using namespace cuda_double;

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInvalidConfiguration:
        return "invalid configuration argument";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    default:
        return "invalid argument";
    }
}

cudaError_t cudaGetLastError()
{
    return cudaSuccess;
}

/* YOLUA_CUDA_DOUBLE: what kind of machine this is: empty, no_driver, old_driver, no_device, old_device. */
static bool machine_is(const char *kind)
{
    const char *set = getenv("YOLUA_CUDA_DOUBLE");
    return set && strcmp(set, kind) == 0;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = machine_is("no_driver") ? 0 : machine_is("old_driver") ? 11080 : 13000;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = machine_is("no_device") || machine_is("no_driver") || machine_is("old_driver") ? 0 : 2;
    if (machine_is("no_driver") || machine_is("old_driver")) return cudaErrorInsufficientDriver;
    return *count ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaSetDevice(int index)
{
    return index >= 0 && index < 2 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int index)
{
    *p = {};
    snprintf(p->name, sizeof p->name, "Host double %d", index);
    p->totalGlobalMem = size_t(8) << 30;
    p->major = machine_is("old_device") ? 7 : 9;
    p->multiProcessorCount = 4;
    return cudaSetDevice(index);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    check_copy(dst, src, bytes, kind);
    void *to = is_device(dst) ? own(dst) : dst;
    const void *from = is_device(src) ? own(src) : src;
    if (stream->captured && kind != cudaMemcpyDeviceToDevice)
        die("a copy %s the host is captured: every launch of the graph would repeat it at the same address",
            kind == cudaMemcpyHostToDevice ? "from" : "to");
    if (kind != cudaMemcpyHostToDevice || is_pinned(src, bytes)) {
        queue(stream, [=] {
            check_copy(dst, src, bytes, kind);
            memmove(to, from, bytes);
        });
        return cudaSuccess;
    }
    const char *first = static_cast<const char *>(src);
    std::vector<char> taken(first, first + bytes);
    queue(stream, [=, taken = std::move(taken)] {
        check_range(dst, bytes, "the target of a copy");
        memcpy(to, taken.data(), bytes);
    });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *dst, int value, size_t bytes, cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    check_range(dst, bytes, "memset");
    queue(stream, [=] {
        check_range(dst, bytes, "memset");
        memset(own(dst), value, bytes);
    });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    streams.insert(*out = new CUstream_st);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    not_captured(stream, "a wait");
    if (!stream->work.empty()) with_memory([=] { drain(stream); });
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    cudaStreamSynchronize(stream);
    streams.erase(stream);
    delete stream;
    return cudaSuccess;
}

/* ---- graphs: what a stream was given while it was captured, to be launched as one ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    not_captured(stream, "a capture begins");
    stream->captured = new CUgraph_st;
    captures++;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    if (!stream->captured) die("a capture ends that never began");
    *out = stream->captured;
    stream->captured = nullptr;
    captures--;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    *out = new CUgraphExec_st{std::make_shared<CUgraph_st>(*graph)};
    executables.insert(*out);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    not_captured(stream, "a graph is launched");
    if (!executables.count(exec)) die("a graph is launched that was destroyed");
    stream->work.push_back([graph = exec->graph] {
        for (const std::function<void()> &node : graph->nodes) node();
    });
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    if (!executables.erase(exec)) die("a graph is destroyed twice");
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned)
{
    *out = new CUevent_st;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaEventSynchronize(event);
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    not_captured(stream, "an event");
    uint64_t which = ++event->recorded;
    event->stream = stream;
    stream->work.push_back([=] { event->done = which; });
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    check_stream(stream);
    not_captured(stream, "a wait for an event");
    uint64_t which = event->recorded;
    stream->work.push_back([=] { wait_for(event, which); });
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    std::lock_guard<std::recursive_mutex> lock(mutex);
    with_memory([=] { wait_for(event, event->recorded); });
    return cudaSuccess;
}
