/* The blocks of a grid, one after the other; the threads of a block are fibers, which run one at a time until they meet a barrier. */
#include "double.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <sys/mman.h>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cuda_double
{

namespace
{

constexpr size_t STACK = 64 * 1024;
constexpr int MOST_THREADS = 1024;

/* ---- a switch from one stack to another ---- */

#if defined(__x86_64__)
typedef void *context;
extern "C" void cuda_double_switch(void **save, void *load);
asm(R"(
.text
.type cuda_double_switch, @function
cuda_double_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size cuda_double_switch, .-cuda_double_switch
)");

void start(context *c, char *stack, void (*body)())
{
    void **top = reinterpret_cast<void **>(stack + STACK) - 1; /* aligned as a call leaves it */
    *--top = reinterpret_cast<void *>(body);
    for (int i = 0; i < 6; i++) *--top = nullptr;
    *c = top;
}

void change(context *from, context *to)
{
    cuda_double_switch(from, *to);
}
#else
typedef ucontext_t context;

void start(context *c, char *stack, void (*body)())
{
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = STACK;
    c->uc_link = nullptr;
    makecontext(c, body, 0);
}

void change(context *from, context *to)
{
    swapcontext(from, to);
}
#endif

/* ---- threads ---- */

enum state { READY, AT_BARRIER, AT_WARP, DONE };

struct fiber {
    context at;
    state is;
    const char *file; /* of the barrier */
    int line;
    unsigned mask;
    uint64_t slot
        [2]; /* what the lane gave in a shuffle; two, so that a fast lane cannot overwrite what a slow one is to read */
    uint32_t a[2][4], b[2][2]; /* likewise, of a matrix product */
    int parity;
    void *fake; /* AddressSanitizer's */
};

fiber fibers[MOST_THREADS];
char *stacks;
context scheduler;
int count, current = -1;
const std::function<void()> *body;

struct shared_array {
    std::unique_ptr<char[]> memory;
    char *at;
};
std::map<const void *, shared_array> shared_memory; /* of the running block, by declaration */
size_t shared_bytes;

#if defined(__SANITIZE_ADDRESS__)
const void *scheduler_bottom;
size_t scheduler_size;
#endif

uint64_t random_state;
uint64_t random_number()
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

template <class T> void shuffle_order(std::vector<T> &list)
{
    for (size_t i = list.size(); i > 1; i--) std::swap(list[i - 1], list[random_number() % i]);
}

void to_scheduler()
{
    fiber &f = fibers[current];
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(f.is == DONE ? nullptr : &f.fake, scheduler_bottom, scheduler_size);
#endif
    change(&f.at, &scheduler);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(f.fake, nullptr, nullptr);
#endif
}

void run_thread()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_bottom, &scheduler_size);
#endif
    (*body)();
    fibers[current].is = DONE;
    to_scheduler();
    abort(); /* nobody resumes it */
}

void resume(int thread)
{
    current = thread;
    unsigned t = unsigned(thread);
    threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
#if defined(__SANITIZE_ADDRESS__)
    void *fake;
    __sanitizer_start_switch_fiber(&fake, stacks + size_t(thread) * STACK, STACK);
#endif
    change(&scheduler, &fibers[thread].at);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
    current = -1;
}

/* Releases the lanes of a warp that all wait for each other. */
bool release_warp(int first)
{
    unsigned waiting = 0, mask = 0;
    int last = std::min(first + 32, count);
    for (int i = first; i < last; i++)
        if (fibers[i].is == AT_WARP) {
            waiting |= 1u << (i - first);
            mask |= fibers[i].mask;
        }
    if (!waiting || waiting != mask) return false;
    for (int i = first; i < last; i++)
        if (fibers[i].is == AT_WARP) {
            const fiber &one = fibers[first + __builtin_ctz(waiting)];
            if (fibers[i].line != one.line || fibers[i].mask != one.mask)
                die("lanes of a warp meet in different shuffles: %s:%d and %s:%d", one.file, one.line, fibers[i].file,
                    fibers[i].line);
        }
    for (int i = first; i < last; i++)
        if (fibers[i].is == AT_WARP) fibers[i].is = READY;
    return true;
}

/* Releases the block where all its threads wait at one barrier. */
bool release_block()
{
    const fiber *one = nullptr;
    for (int i = 0; i < count; i++) {
        if (fibers[i].is != AT_BARRIER) continue;
        if (one && (one->line != fibers[i].line || strcmp(one->file, fibers[i].file) != 0))
            die("threads of a block meet in different barriers: %s:%d and %s:%d", one->file, one->line, fibers[i].file,
                fibers[i].line);
        one = &fibers[i];
    }
    if (!one) return false;
    for (int i = 0; i < count; i++) {
        if (fibers[i].is == DONE)
            die("%s:%d: a thread of the block ended without meeting this barrier", one->file, one->line);
        if (fibers[i].is == AT_WARP)
            die("%s:%d: a lane waits in a shuffle for one that waits at the barrier %s:%d", fibers[i].file,
                fibers[i].line, one->file, one->line);
    }
    for (int i = 0; i < count; i++) fibers[i].is = READY;
    return true;
}

void run_block(std::vector<int> &order)
{
    shared_memory.clear();
    shared_bytes = 0;
    for (int i = 0; i < count; i++) {
        fibers[i].is = READY;
        fibers[i].parity = 0;
        start(&fibers[i].at, stacks + size_t(i) * STACK, run_thread);
    }
    for (;;) {
        int done = 0;
        bool released = false;
        shuffle_order(order);
        for (int i : order)
            if (fibers[i].is == READY) resume(i);
        for (int i = 0; i < count; i++) done += fibers[i].is == DONE;
        if (done == count) return;
        for (int i = 0; i < count; i += 32) released |= release_warp(i);
        if (!released && !release_block()) {
            for (int i = 0; i < count; i++)
                if (fibers[i].is == AT_WARP)
                    die("%s:%d: a lane waits for others of its mask that do not come", fibers[i].file, fibers[i].line);
        }
    }
}

void wait_as(state how, unsigned mask, const char *file, int line)
{
    fiber &f = fibers[current];
    f.is = how;
    f.mask = mask;
    f.file = file;
    f.line = line;
    to_scheduler();
}

/* The mask without lanes that the block does not have. */
unsigned present(unsigned mask)
{
    int first = current / 32 * 32, lanes = std::min(32, count - first);
    return lanes == 32 ? mask : mask & ((1u << lanes) - 1);
}

} // namespace

uint64_t seed()
{
    const char *text = getenv("YOLUA_CUDA_SEED");
    return text ? strtoull(text, nullptr, 10) : 1;
}

std::string where()
{
    if (current < 0) return "a copy";
    char text[160];
    snprintf(text, sizeof text, "a kernel (block %u,%u,%u of %u,%u,%u, thread %u,%u,%u of %u,%u,%u)", blockIdx.x,
             blockIdx.y, blockIdx.z, gridDim.x, gridDim.y, gridDim.z, threadIdx.x, threadIdx.y, threadIdx.z, blockDim.x,
             blockDim.y, blockDim.z);
    return text;
}

int lane()
{
    return current % 32;
}

void block_barrier(const char *file, int line)
{
    wait_as(AT_BARRIER, 0, file, line);
}

void warp_barrier(unsigned mask, const char *file, int line)
{
    wait_as(AT_WARP, present(mask), file, line);
}

uint64_t exchange(unsigned mask, uint64_t mine, int from, const char *file, int line)
{
    fiber &f = fibers[current];
    int parity = f.parity, first = current / 32 * 32;
    mask = present(mask);
    if (!(mask >> (current - first) & 1)) die("%s:%d: a lane is not in the mask of its own shuffle", file, line);
    if (from < 0 || from > 31 || !(mask >> from & 1))
        die("%s:%d: a shuffle reads lane %d, which is not there", file, line, from);
    f.slot[parity] = mine;
    f.parity = !parity;
    wait_as(AT_WARP, mask, file, line);
    return fibers[first + from].slot[parity];
}

namespace
{

/* The i-th number of a word. Of TF32 there is one, and the hardware does not look at its lower 13 bits. */
float number(mma_kind kind, uint32_t word, int half)
{
    float value;
    if (kind == MMA_TF32) {
        word &= ~0x1fffu;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    uint16_t bits = uint16_t(half ? word >> 16 : word);
    if (kind == MMA_F16) {
        _Float16 f16;
        memcpy(&f16, &bits, sizeof f16);
        return float(f16);
    }
    word = uint32_t(bits) << 16;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* Where element (row, column) of a fragment of m16n8k16 is, in the words of the PTX ISA: with groupID = lane / 4 and threadID_in_group =
 * lane % 4,
 *   a_i: row groupID (+ 8 for i = 2, 3, 6, 7), column threadID_in_group * 2 + (i & 1) (+ 8 for i >= 4)
 *   b_i: row threadID_in_group * 2 + (i & 1) (+ 8 for i >= 2), column groupID
 * and two halves share a register, the one with the even i below; and of a fragment of m16n8k8 of TF32, one number to a register,
 *   a_i: row groupID (+ 8 for i = 1, 3), column threadID_in_group (+ 4 for i >= 2)
 *   b_i: row threadID_in_group (+ 4 for i = 1), column groupID */
float element_a(mma_kind kind, int first, int parity, int row, int col)
{
    if (kind == MMA_TF32)
        return number(kind, fibers[first + row % 8 * 4 + col % 4].a[parity][row / 8 + col / 4 * 2], 0);
    int i = col % 2 + (row / 8) * 2 + (col / 8) * 4;
    return number(kind, fibers[first + row % 8 * 4 + col % 8 / 2].a[parity][i / 2], i % 2);
}

float element_b(mma_kind kind, int first, int parity, int row, int col)
{
    if (kind == MMA_TF32) return number(kind, fibers[first + col * 4 + row % 4].b[parity][row / 4], 0);
    int i = row % 2 + (row / 8) * 2;
    return number(kind, fibers[first + col * 4 + row % 8 / 2].b[parity][i / 2], i % 2);
}

/* A warp's factors as numbers: taken apart by the first lane that reads them, for the others too. */
struct warp_product {
    float a[16][16], b[8][16];
    int readers;
} products[MOST_THREADS / 32][2];

} // namespace

void mma(mma_kind kind, float *d, const uint32_t *a, const uint32_t *b, const char *file, int line)
{
    fiber &f = fibers[current];
    int parity = f.parity, lane = current % 32, first = current - lane;
    if (count - first < 32) die("%s:%d: a matrix product wants all 32 lanes of its warp", file, line);
    memcpy(f.a[parity], a, sizeof f.a[parity]);
    memcpy(f.b[parity], b, sizeof f.b[parity]);
    f.parity = !parity;
    wait_as(AT_WARP, ~0u, file, line);
    warp_product &p = products[first / 32][parity];
    int depth = kind == MMA_TF32 ? 8 : 16;
    if (p.readers++ == 0)
        for (int k = 0; k < depth; k++) {
            for (int row = 0; row < 16; row++) p.a[row][k] = element_a(kind, first, parity, row, k);
            for (int col = 0; col < 8; col++) p.b[col][k] = element_b(kind, first, parity, k, col);
        }
    if (p.readers == 32) p.readers = 0;
    for (int i = 0; i < 4; i++) { /* c_i: row groupID (+ 8 for i >= 2), column threadID_in_group * 2 + (i & 1) */
        int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
        for (int k = 0; k < depth; k++) d[i] += p.a[row][k] * p.b[col][k];
    }
}

unsigned ballot(unsigned mask, bool mine, const char *file, int line)
{
    unsigned votes = 0;
    int parity = fibers[current].parity, first = current / 32 * 32;
    exchange(mask, mine, current - first, file, line);
    for (int i = 0; i < 32; i++)
        if (present(mask) >> i & 1 && fibers[first + i].slot[parity]) votes |= 1u << i;
    return votes;
}

void *shared(const void *site, size_t bytes, size_t align)
{
    shared_array &a = shared_memory[site];
    if (a.memory) return a.at;
    shared_bytes += bytes;
    if (shared_bytes > 48 * 1024) die("a block has %zu bytes of shared memory; expected at most 49152", shared_bytes);
    a.memory.reset(new char[bytes + align]);
    a.at = a.memory.get() + (align - reinterpret_cast<uintptr_t>(a.memory.get()) % align) % align;
    memset(a.at, 0xFF, bytes);
    return a.at;
}

void run_grid(dim3 grid, dim3 block, const std::function<void()> &thread)
{
    static uint64_t grids;
    std::vector<uint64_t> blocks(uint64_t(grid.x) * grid.y * grid.z);
    std::vector<int> order(size_t(block.x) * block.y * block.z);
    if (!stacks) {
        void *p = mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) die("no stacks can be had");
        stacks = static_cast<char *>(p);
    }
    random_state = (seed() * 0x9E3779B97F4A7C15u ^ ++grids * 0xD1B54A32D192ED03u) | 1;
    for (size_t i = 0; i < blocks.size(); i++) blocks[i] = i;
    for (size_t i = 0; i < order.size(); i++) order[i] = int(i);
    shuffle_order(blocks);
    blockDim = block, gridDim = grid;
    count = int(order.size());
    body = &thread;
    for (uint64_t b : blocks) {
        blockIdx = {unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / grid.x / grid.y)};
        run_block(order);
    }
    shared_memory.clear();
}

} // namespace cuda_double
