// What the double of the CUDA runtime is for: kernels and calls with a mistake that a host would forgive, each beside its correct
// form. The correct one gives the right numbers with every seed; the other ends the process with a sentence, or gives wrong numbers.
#include "bugs.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace
{

constexpr int N = 1000, BLOCK = 256;

template <class... P, class... A> void launch(cudaStream_t stream, int blocks, void (*kernel)(P...), A... arguments)
{
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(unsigned(blocks));
    config.blockDim = dim3(BLOCK);
    config.stream = stream;
    if (cudaLaunchKernelEx(&config, kernel, arguments...) != cudaSuccess) _exit(3);
}

std::vector<float> numbers(int count)
{
    std::vector<float> x(size_t(count), 0.0f);
    for (int i = 0; i < count; i++) x[size_t(i)] = float(i * 7 % 101);
    return x;
}

// ---- kernels; `bug` is the mistake ----

__global__ void reverse(bool bug, const float *x, float *y) // each block's numbers backwards
{
    YL_SHARED(float, tile, [BLOCK]);
    int t = int(threadIdx.x), first = int(blockIdx.x) * BLOCK;
    tile[t] = x[first + t];
    if (!bug) __syncthreads();
    y[first + t] = tile[BLOCK - 1 - t];
}

__global__ void rotate_twice(bool bug, const float *x, float *y) // two steps to the left within each block
{
    YL_SHARED(float, tile, [BLOCK]);
    int t = int(threadIdx.x), first = int(blockIdx.x) * BLOCK;
    float value = x[first + t];
    for (int step = 0; step < 2; step++) {
        tile[t] = value;
        __syncthreads();
        value = tile[(t + 1) % BLOCK];
        if (!bug) __syncthreads(); // before anybody writes again
    }
    y[first + t] = value;
}

__global__ void twice(int count, const float *x, float *y)
{
    int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) y[i] = 2 * x[i];
}

__global__ void twice_unbounded(const float *x, float *y)
{
    int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    y[i] = 2 * x[i % N];
}

__global__ void column(int rows, int cols, int stride, const float *x, float *y) // column 3
{
    int r = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (r < rows && cols > 3) y[r] = x[r * stride + 3];
}

__global__ void half_barrier(bool bug, float *y)
{
    if (!bug || threadIdx.x < BLOCK / 2) __syncthreads();
    y[blockIdx.x * blockDim.x + threadIdx.x] = 1;
}

__global__ void warp_sum(bool bug, const float *x, float *y)
{
    float value = x[threadIdx.x];
    if (bug && threadIdx.x % 32 == 5) return;
    for (int by = 16; by > 0; by /= 2) value += __shfl_xor_sync(0xffffffffu, value, by);
    y[threadIdx.x] = value;
}

// ---- cases: true where the numbers are right ----

template <void (*Kernel)(bool, const float *, float *)>
std::vector<float> blocks_of(bool bug, const std::vector<float> &x)
{
    int count = int(x.size());
    device_array from(count), to(count);
    give(from.at, x);
    launch(stream_a, count / BLOCK, Kernel, bug, from.at, to.at);
    return take(to.at, count);
}

// A product on tensor cores, 16 x 16 times 16 x 8, of small whole numbers in bf16, by the documented fragments.
__global__ void tensor_product(bool bug, const float *x, float *y)
{
    int lane = int(threadIdx.x), g = lane / 4, t = lane % 4;
    auto pair = [&](int row, int col) { // two neighbours of x {16, 16}: the upper halves of f32
        uint32_t low, high;
        memcpy(&low, x + row * 16 + col, sizeof low);
        memcpy(&high, x + row * 16 + col + 1, sizeof high);
        return low >> 16 | (high & 0xFFFF0000u);
    };
    uint32_t a[4] = {pair(g, 2 * t), pair(g + 8, 2 * t), pair(g, 2 * t + 8), pair(g + 8, 2 * t + 8)};
    uint32_t b[2] = {pair(g, 2 * t), pair(g, 2 * t + 8)}; // B(k, n) = x(n, k)
    if (bug) std::swap(a[1], a[2]);
    float d[4] = {};
    YL_MMA_BF16(d, a, b);
    for (int e = 0; e < 4; e++) y[(g + e / 2 * 8) * 8 + 2 * t + e % 2] = d[e];
}

// Whether a warp makes of x {16, 16} the products, over `depth` columns, that the factors {16, 16} have.
bool multiplies(void (*kernel)(bool, const float *, float *), bool bug, const std::vector<float> &x,
                const std::vector<float> &factors, int depth)
{
    device_array from(256), to(128);
    std::vector<float> want(128, 0.0f);
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 8; n++)
            for (int k = 0; k < depth; k++)
                want[size_t(m * 8 + n)] += factors[size_t(m * 16 + k)] * factors[size_t(n * 16 + k)];
    give(from.at, x);
    cudaLaunchConfig_t config = {};
    config.blockDim = dim3(32);
    config.stream = stream_a;
    cudaLaunchKernelEx(&config, kernel, bug, static_cast<const float *>(from.at), to.at);
    return same(take(to.at, 128), want);
}

bool mixed_fragments(bool bug)
{
    std::vector<float> x = numbers(256);
    return multiplies(tensor_product, bug, x, x, 16);
}

// The same of TF32: 16 x 8 times 8 x 8. The numbers are not rounded beforehand where that is forgotten.
__global__ void tensor_product_tf32(bool bug, const float *x, float *y)
{
    int lane = int(threadIdx.x), g = lane / 4, t = lane % 4;
    auto word = [&](int row, int col) {
        uint32_t bits;
        memcpy(&bits, x + row * 16 + col, sizeof bits);
        if (!bug) YL_TO_TF32(bits, bits);
        return bits;
    };
    uint32_t a[4] = {word(g, t), word(g + 8, t), word(g, t + 4), word(g + 8, t + 4)};
    uint32_t b[2] = {word(g, t), word(g, t + 4)}; // B(k, n) = x(n, k)
    float d[4] = {};
    YL_MMA_TF32(d, a, b);
    for (int e = 0; e < 4; e++) y[(g + e / 2 * 8) * 8 + 2 * t + e % 2] = d[e];
}

bool unrounded(bool bug)
{
    std::vector<float> x = numbers(256), factors = x;
    for (float &factor : factors) factor += 1;
    for (float &value : x) value += 1 - std::ldexp(1.0f, -17); // what is cut off makes it less by a unit
    return multiplies(tensor_product_tf32, bug, x, factors, 8);
}

bool missing_barrier(bool bug)
{
    std::vector<float> x = numbers(4 * BLOCK), want(x.size());
    for (size_t i = 0; i < x.size(); i++) want[i] = x[i / BLOCK * BLOCK + BLOCK - 1 - i % BLOCK];
    return same(blocks_of<reverse>(bug, x), want);
}

bool shared_race(bool bug)
{
    std::vector<float> x = numbers(4 * BLOCK), want(x.size());
    for (size_t i = 0; i < x.size(); i++) want[i] = x[i / BLOCK * BLOCK + (i % BLOCK + 2) % BLOCK];
    return same(blocks_of<rotate_twice>(bug, x), want);
}

bool doubled(const float *from, float *to, int blocks)
{
    std::vector<float> x = numbers(N), want(N);
    for (int i = 0; i < N; i++) want[size_t(i)] = 2 * x[size_t(i)];
    launch(stream_a, blocks, twice, N, from, to);
    return same(take(to, N), want);
}

bool block_too_few(bool bug)
{
    device_array from(N), to(N);
    give(from.at, numbers(N));
    return doubled(from.at, to.at, bug ? N / BLOCK : (N + BLOCK - 1) / BLOCK);
}

bool missing_bound(bool bug)
{
    device_array from(N), to(N);
    give(from.at, numbers(N));
    if (!bug) return doubled(from.at, to.at, 4);
    launch(stream_a, 4, twice_unbounded, static_cast<const float *>(from.at), to.at);
    take(to.at, N);
    return true;
}

bool wrong_stride(bool bug)
{
    int rows = 100, cols = 10;
    std::vector<float> x = numbers(rows * cols), want(size_t(rows), 0.0f);
    for (int r = 0; r < rows; r++) want[size_t(r)] = x[size_t(r * cols + 3)];
    device_array from(rows * cols), to(rows);
    give(from.at, x);
    launch(stream_a, 1, column, rows, cols, bug ? cols + 1 : cols, static_cast<const float *>(from.at), to.at);
    return same(take(to.at, rows), want);
}

bool use_after_free(bool bug)
{
    device_array from(N), to(N);
    give(from.at, numbers(N));
    cudaStreamSynchronize(stream_a);
    if (bug) cudaFree(from.at);
    return doubled(from.at, to.at, 4);
}

bool host_pointer(bool bug)
{
    std::vector<float> x = numbers(N);
    device_array from(N), to(N);
    give(from.at, x);
    return doubled(bug ? x.data() : from.at, to.at, 4);
}

bool wrong_stream(bool bug)
{
    std::vector<float> x = numbers(N), want(N);
    device_array from(N), to(N);
    cudaEvent_t ready;
    for (int i = 0; i < N; i++) want[size_t(i)] = 2 * x[size_t(i)];
    give(from.at, x);
    launch(stream_a, 4, twice, N, static_cast<const float *>(from.at), to.at);
    cudaEventCreateWithFlags(&ready, cudaEventDisableTiming);
    cudaEventRecord(ready, stream_a);
    if (!bug) cudaStreamWaitEvent(stream_b, ready);
    return same(take(to.at, N, stream_b), want);
}

bool missing_wait(bool bug)
{
    std::vector<float> x = numbers(N), y(N);
    device_array from(N);
    give(from.at, x);
    cudaMemcpyAsync(y.data(), from.at, N * sizeof(float), cudaMemcpyDeviceToHost, stream_a);
    if (!bug) cudaStreamSynchronize(stream_a);
    return same(x, y);
}

bool host_reads(bool bug)
{
    device_array from(N);
    give(from.at, numbers(N));
    cudaStreamSynchronize(stream_a);
    volatile float *at = from.at;
    return bug ? at[3] == 21 : take(from.at, N)[3] == 21;
}

bool half_a_barrier(bool bug)
{
    device_array to(BLOCK);
    launch(stream_a, 1, half_barrier, bug, to.at);
    return take(to.at, BLOCK)[7] == 1;
}

bool missing_lane(bool bug)
{
    std::vector<float> x = numbers(BLOCK);
    device_array from(BLOCK), to(BLOCK);
    float want = 0;
    for (int i = 32; i < 64; i++) want += x[size_t(i)];
    give(from.at, x);
    launch(stream_a, 1, warp_sum, bug, static_cast<const float *>(from.at), to.at);
    return take(to.at, BLOCK)[40] == want;
}

// ---- graphs ----

__global__ void add_step(int by_value, const float *step, float *y) // y += the step's number
{
    int i = int(threadIdx.x);
    y[i] += by_value >= 0 ? float(by_value) : *step;
}

enum graph_bug { NONE, VALUE, WAIT, COPY, ALLOCATION };

// Three steps by one graph: 0 + 1 + 2, each number written to device memory before its launch.
bool graph_steps(graph_bug bug)
{
    device_array step(1), y(BLOCK), other(1);
    std::vector<float> zeros(BLOCK, 0.0f);
    float number[1] = {0};
    give(y.at, zeros);
    cudaStreamBeginCapture(stream_a, cudaStreamCaptureModeThreadLocal);
    launch(stream_a, 1, add_step, bug == VALUE ? 0 : -1, static_cast<const float *>(step.at), y.at);
    if (bug == WAIT) cudaStreamSynchronize(stream_a);
    if (bug == COPY) cudaMemcpyAsync(step.at, number, sizeof number, cudaMemcpyHostToDevice, stream_a);
    if (bug == ALLOCATION) cudaFree(other.at);
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaStreamEndCapture(stream_a, &graph);
    cudaGraphInstantiate(&exec, graph);
    cudaGraphDestroy(graph);
    for (number[0] = 0; number[0] < 3; number[0]++) {
        cudaMemcpyAsync(step.at, number, sizeof number, cudaMemcpyHostToDevice, stream_a);
        cudaGraphLaunch(exec, stream_a);
    }
    cudaGraphExecDestroy(exec); // what was launched runs all the same
    return take(y.at, BLOCK) == std::vector<float>(BLOCK, 3.0f);
}

bool graph_value(bool bug)
{
    return graph_steps(bug ? VALUE : NONE);
}

bool graph_wait(bool bug)
{
    return graph_steps(bug ? WAIT : NONE);
}

bool graph_copy(bool bug)
{
    return graph_steps(bug ? COPY : NONE);
}

bool graph_allocation(bool bug)
{
    return graph_steps(bug ? ALLOCATION : NONE);
}

// Captured work has not run: its result is there once the graph was launched.
bool graph_not_launched(bool bug)
{
    device_array y(BLOCK), step(1);
    give(y.at, std::vector<float>(BLOCK, 0.0f));
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaStreamBeginCapture(stream_a, cudaStreamCaptureModeThreadLocal);
    launch(stream_a, 1, add_step, 5, static_cast<const float *>(step.at), y.at);
    cudaStreamEndCapture(stream_a, &graph);
    cudaGraphInstantiate(&exec, graph);
    if (!bug) cudaGraphLaunch(exec, stream_a);
    return take(y.at, BLOCK) == std::vector<float>(BLOCK, 5.0f);
}

const test tests[] = {
    {"missing barrier", missing_barrier, ""},
    {"race on shared memory", shared_race, ""},
    {"one block too few", block_too_few, ""},
    {"missing bound", missing_bound, "something wrote behind an allocation"},
    {"wrong stride", wrong_stride, "where no allocation is"},
    {"use after free", use_after_free, "kernel argument 2 was freed"},
    {"host pointer", host_pointer, "kernel argument 2 is host memory"},
    {"wrong stream", wrong_stream, ""},
    {"missing wait", missing_wait, ""},
    {"host reads device memory", host_reads, "the host reads or writes device memory"},
    {"barrier that half of a block meets", half_a_barrier, "a thread of the block ended without meeting this barrier"},
    {"shuffle without one lane", missing_lane, "a lane waits for others of its mask that do not come"},
    {"fragments of a matrix product mixed up", mixed_fragments, ""},
    {"factors that are not rounded to TF32", unrounded, ""},
    {"value in a graph", graph_value, ""},
    {"wait in a graph", graph_wait, "a wait while the stream is captured"},
    {"copy from the host in a graph", graph_copy, "a copy from the host is captured"},
    {"allocation in a graph", graph_allocation, "cudaFree while a stream is captured"},
    {"graph that is not launched", graph_not_launched, ""},
};

// Runs it in a process of its own: its exit status (0 right, 1 wrong numbers, -1 it died), and what it said.
int run(const test &t, bool bug, std::string &said)
{
    int pipes[2];
    if (pipe(pipes) != 0) return 2;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], 2);
        cudaStreamCreateWithFlags(&stream_a, cudaStreamNonBlocking);
        cudaStreamCreateWithFlags(&stream_b, cudaStreamNonBlocking);
        _exit(t.run(bug) ? 0 : 1);
    }
    close(pipes[1]);
    char text[4096];
    said.clear();
    for (ssize_t n; (n = read(pipes[0], text, sizeof text)) > 0;) said.append(text, size_t(n));
    close(pipes[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool passes(const test &t)
{
    std::string said;
    int status = run(t, false, said);
    if (status != 0) return printf("%s: the correct form ended with %d: %s\n", t.name, status, said.c_str()), false;
    status = run(t, true, said);
    bool caught = *t.sentence ? status != 0 && said.find(t.sentence) != std::string::npos : status == 1;
    if (!caught) printf("%s: not caught: status %d, said: %s\n", t.name, status, said.c_str());
    return caught;
}

} // namespace

int main()
{
    int failed = 0;
    for (const char *seed : {"1", "2", "3"}) {
        setenv("YOLUA_CUDA_SEED", seed, 1);
        for (const test &t : tests) failed += !passes(t);
        for (const test &t : cudnn_tests()) failed += !passes(t);
        for (const test &t : nccl_tests()) failed += !passes(t);
    }
    printf("%zu mistakes, 3 seeds, %d failures\n", sizeof tests / sizeof *tests + cudnn_tests().size(), failed);
    return failed != 0;
}
