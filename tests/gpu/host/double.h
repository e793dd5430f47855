/* The inside of the double.
 *
 * What it checks, each with one sentence on standard error and an abort:
 *   - device memory has addresses of its own, which the host cannot read: pages are opened while queued work runs, and closed again;
 *   - each allocation has pages of its own between guard pages, and a pattern up to them: a stray read or write is seen, freed memory
 *     never comes back;
 *   - a kernel's pointers, and both sides of a copy, are of the kind that they should be, and the copy's bytes lie in one allocation;
 *   - work is queued and runs only where somebody waits for its stream, in the order of the stream: a missing wait is seen. A copy
 *     from the host's ordinary memory takes the bytes at once, as CUDA does; one from pinned memory reads them when it runs;
 *   - while a stream is captured nothing may be waited for, allocated, or copied from or to the host: it would not be part of the graph;
 *   - the threads of a block are fibers that run one at a time until they meet a barrier, in an order that YOLUA_CUDA_SEED shuffles, and
 *     so are the blocks: a missing barrier gives another result; a barrier that some threads miss, and a shuffle whose lanes are not
 *     there, are reported;
 *   - shared memory is new for every block, filled with NaNs, and separate: AddressSanitizer sees who strays.
 * What it cannot show: speed, races within one barrier-free stretch that happen to be harmless in every order, and how a GPU rounds. */
#ifndef DOUBLE_H
#define DOUBLE_H

#include "cuda_runtime.h"

#include <functional>
#include <string>

namespace cuda_double
{
[[noreturn]] void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t seed();

/* memory.cpp */
bool is_device(const void *pointer);
bool is_pinned(const void *pointer, size_t bytes);
/* Dies unless the bytes lie within one live allocation. */
void check_range(const void *pointer, size_t bytes, const char *what);
void open_memory();  /* for device code; */
void close_memory(); /* and the red zones are looked at */

/* streams.cpp: dies where `what` is done while a stream is captured */
void check_no_capture(const char *what);
/* Queues work of a library's on a stream; `own` is where device memory is open to it. */
void run_later(cudaStream_t stream, std::function<void()> work);
void *own(const void *pointer);

/* blocks.cpp */
void run_grid(dim3 grid, dim3 block, const std::function<void()> &thread);
std::string where(); /* the running thread, for sentences */
} // namespace cuda_double

#endif
