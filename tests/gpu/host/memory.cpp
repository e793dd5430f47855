/* Device memory of the double: a range of addresses without access, in which each allocation has pages of its own. A file in memory is
 * mapped twice: at the device's addresses, open only while queued work runs, and at the double's own. */
#include "double.h"

#include <algorithm>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace cuda_double
{

namespace
{

constexpr size_t RANGE = size_t(1) << 38, PAGE = 4096, ALIGN = 256;
constexpr unsigned char RED = 0xA5, FRESH = 0xFF; /* of floats, the latter are NaNs */

struct allocation {
    size_t first, pages, start,
        bytes; /* offsets in the range; the allocation ends where its last page does, up to alignment */
};

char *device_side, *own_side;
std::map<size_t, allocation> live; /* by start */
std::map<const char *, size_t> pinned;
size_t next_offset = PAGE, held;
bool is_open;

void on_fault(int, siginfo_t *info, void *)
{
    const char *at = static_cast<const char *>(info->si_addr);
    if (!is_device(at)) {
        signal(SIGSEGV, SIG_DFL);
        return; /* the instruction runs again, and ends the process as usual */
    }
    if (is_open)
        die("%s reads or writes %p, where no allocation is: %s", where().c_str(), static_cast<const void *>(at),
            "it strays beyond one, or uses one that was freed");
    die("the host reads or writes device memory at %p", static_cast<const void *>(at));
}

void map_range()
{
    if (device_side) return;
    int file = memfd_create("cuda_double", 0);
    if (file < 0 || ftruncate(file, off_t(RANGE)) != 0) die("no memory file can be made");
    device_side = static_cast<char *>(mmap(nullptr, RANGE, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0));
    own_side = static_cast<char *>(mmap(nullptr, RANGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0));
    if (device_side == MAP_FAILED || own_side == MAP_FAILED) die("no range of addresses can be had");
    close(file);
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

const allocation *find(const void *pointer)
{
    size_t offset = size_t(static_cast<const char *>(pointer) - device_side);
    auto next = live.upper_bound(offset);
    if (next == live.begin()) return nullptr;
    const allocation *a = &std::prev(next)->second;
    return offset < a->start + std::max<size_t>(a->bytes, 1) ? a : nullptr;
}

void check_red(const allocation &a)
{
    const unsigned char *own = reinterpret_cast<unsigned char *>(own_side);
    auto red = [&](size_t from, size_t to) {
        for (size_t i = from; i < to; i++)
            if (own[i] != RED)
                die("something wrote %s an allocation of %zu bytes", i < a.start ? "before" : "behind", a.bytes);
    };
    red(a.first, a.start);
    red(a.start + a.bytes, a.first + a.pages * PAGE);
}

void protect(const allocation &a, int how)
{
    if (mprotect(device_side + a.first, a.pages * PAGE, how) != 0) die("pages cannot be opened");
}

} // namespace

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("CUDA double: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

bool is_device(const void *pointer)
{
    const char *p = static_cast<const char *>(pointer);
    return device_side && p >= device_side && p < device_side + RANGE;
}

bool is_pinned(const void *pointer, size_t bytes)
{
    const char *p = static_cast<const char *>(pointer);
    auto next = pinned.upper_bound(p);
    return next != pinned.begin() && p + bytes <= std::prev(next)->first + std::prev(next)->second;
}

void check_range(const void *pointer, size_t bytes, const char *what)
{
    if (!is_device(pointer)) die("%s: %p is host memory; expected device memory", what, pointer);
    const allocation *a = find(pointer);
    size_t offset = size_t(static_cast<const char *>(pointer) - device_side);
    if (!a) die("%s: %p was freed, or never allocated", what, pointer);
    if (offset + bytes > a->start + a->bytes)
        die("%s: %zu bytes are more than the %zu that are left of an allocation of %zu", what, bytes,
            a->start + a->bytes - offset, a->bytes);
}

void check_argument(const void *pointer, int number)
{
    if (!pointer) return;
    if (!is_device(pointer)) die("kernel argument %d is host memory; expected device memory", number);
    if (!find(pointer)) die("kernel argument %d was freed, or never allocated", number);
}

void open_memory()
{
    is_open = true;
    for (auto &each : live) protect(each.second, PROT_READ | PROT_WRITE);
}

void close_memory()
{
    for (auto &each : live) {
        protect(each.second, PROT_NONE);
        check_red(each.second);
    }
    is_open = false;
}

} // namespace cuda_double

using namespace cuda_double;

cudaError_t cudaMemGetInfo(size_t *left, size_t *all)
{
    *all = size_t(8) << 30;
    *left = *all - held;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    size_t left, all;
    cudaMemGetInfo(&left, &all);
    check_no_capture("cudaMalloc");
    if (bytes == 0) return *out = nullptr, cudaSuccess;
    if (bytes > left) return cudaErrorMemoryAllocation;
    map_range();
    size_t used = (bytes + ALIGN - 1) / ALIGN * ALIGN, pages = (used + PAGE - 1) / PAGE;
    if (next_offset + (pages + 1) * PAGE > RANGE) die("the range of addresses is used up");
    allocation a = {next_offset, pages, next_offset + pages * PAGE - used, bytes};
    next_offset += (pages + 1) * PAGE;
    memset(own_side + a.first, RED, pages * PAGE);
    memset(own_side + a.start, FRESH, bytes);
    live[a.start] = a;
    held += bytes;
    *out = device_side + a.start;
    return cudaSuccess;
}

cudaError_t cudaFree(void *pointer)
{
    if (!pointer) return cudaSuccess;
    check_no_capture("cudaFree");
    auto at = is_device(pointer) ? live.find(size_t(static_cast<char *>(pointer) - device_side)) : live.end();
    if (at == live.end()) die("cudaFree of %p, which cudaMalloc did not give or which was freed", pointer);
    check_red(at->second);
    held -= at->second.bytes;
    madvise(own_side + at->second.first, at->second.pages * PAGE, MADV_REMOVE);
    live.erase(at);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    *out = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!*out) return cudaErrorMemoryAllocation;
    pinned[static_cast<char *>(*out)] = bytes;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer)
{
    if (pointer && !pinned.erase(static_cast<char *>(pointer))) die("cudaFreeHost of memory that is not pinned");
    free(pointer);
    return cudaSuccess;
}

namespace cuda_double
{
/* Where the double itself reads and writes an address. */
void *own(const void *pointer)
{
    return own_side + (static_cast<const char *>(pointer) - device_side);
}
} // namespace cuda_double
