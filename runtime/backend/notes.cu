/* A GPU that is not there: its memory is addresses that nobody may touch, its kernels are not launched but told of, with what each
 * kernel of the table moves and computes. So a plan's launches are known without a device. backend/plugin.h says what is told. */
#include "backend/notes.h"
#include "backend/usage.h"
#include "backend/work.h"
#include "kernels/launch.cuh"

#include <map>
#include <mutex>
#include <string.h>
#include <sys/mman.h>

struct yl__notes {
    const yl_launch_notes *told; /* NULL: nobody listens */
    int arch;
    int launches; /* since the last call was told of */
};

static yl__notes *notes_of(const yl_ctx *ctx)
{
    return yl__cuda_state_of(ctx)->notes;
}

yl_status yl__note_launch(const yl_ctx *ctx, const char *name, dim3 blocks, dim3 threads, const void *kernel)
{
    yl__notes *notes = notes_of(ctx);
    if (!notes->told) return YL_OK;
    const yl_usage *usage = yl__usage_of(kernel, notes->arch);
    yl_launch launch = {usage ? usage->entry : name,
                        (int64_t)blocks.x * blocks.y * blocks.z,
                        (int)(threads.x * threads.y * threads.z),
                        -1,
                        -1,
                        -1,
                        -1};
    if (usage) {
        launch.registers = usage->registers, launch.shared = usage->shared;
        launch.stack = usage->stack, launch.spills = usage->spill_stores + usage->spill_loads;
    }
    notes->launches++;
    notes->told->launch(notes->told->user, &launch);
    return YL_OK;
}

static void tell_call(const yl_ctx *ctx, const char *name, yl__work work)
{
    yl__notes *notes = notes_of(ctx);
    if (notes->told && notes->launches) notes->told->call(notes->told->user, name, work.bytes, work.flops);
    notes->launches = 0;
}

/* ---- the table: each kernel as it is, and told of afterwards ---- */

static const yl_kernels *real;

#define NAME(name, parameters, cuda) #name,
static const char *const names[] = {YL_KERNELS(NAME)};

#define PARAMETERS(name, parameters, cuda) #parameters,
static const char *const parameters[] = {YL_KERNELS(PARAMETERS)};

#define LINE(name, parameters, cuda) LINE_##name,
enum { YL_KERNELS(LINE) };

template <int line, class... P> struct noted {
    static inline yl_status (*twin)(P...);
    static yl_status call(P... p)
    {
        YL_TRY(twin(p...));
        return tell(p...);
    }
    template <class... Q> static yl_status tell(const yl_ctx *ctx, const Q &...rest)
    {
        tell_call(ctx, names[line], yl__work_of(parameters[line], ctx, rest...));
        return YL_OK;
    }
};

/* A convolution's algorithms are structs of functions: those that run get one in front of them. */
enum { MOST_ALGORITHMS = 8 };
static const yl_conv2d_algo *originals[MOST_ALGORITHMS];

template <int i>
yl_status run_noted(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    static const char *const directions[] = {"forward", "data", "weights"};
    YL_TRY(originals[i]->run(ctx, g, d, run));
    yl__operands o = yl__operands_of(g);
    double size = (double)yl_dtype_bytes(g->dtype), moves = (o.in + o.out) * size;
    if (d == YL_BACKWARD_DATA && run->beta != 0) moves += o.in * size;
    char name[64];
    snprintf(name, sizeof name, "conv2d %s %s", directions[d], originals[i]->name);
    tell_call(ctx, name, {moves + o.weights * (d == YL_BACKWARD_WEIGHTS ? 8 : 4), o.flops});
    return YL_OK;
}

typedef yl_status run_function(const yl_ctx *, const yl_conv2d_geom *, yl_direction, const yl_conv2d_run *);

static yl_status noted_algorithms(const yl_conv2d_algo *const **list)
{
    static run_function *const runs[MOST_ALGORITHMS] = {run_noted<0>, run_noted<1>, run_noted<2>, run_noted<3>,
                                                        run_noted<4>, run_noted<5>, run_noted<6>, run_noted<7>};
    static yl_conv2d_algo copies[MOST_ALGORITHMS];
    static const yl_conv2d_algo *out[MOST_ALGORITHMS + 1];
    const yl_conv2d_algo *const *found;
    YL_TRY(real->conv2d_algorithms(&found));
    for (int i = 0; found[i] && i < MOST_ALGORITHMS; i++) {
        originals[i] = found[i];
        copies[i] = *found[i];
        copies[i].run = runs[i];
        out[i] = &copies[i], out[i + 1] = NULL;
    }
    *list = out;
    return YL_OK;
}

template <int line, class... P> auto note(yl_status (*twin)(P...))
{
    noted<line, P...>::twin = twin;
    return &noted<line, P...>::call;
}

template <int line> auto note(yl_status (*)(const yl_conv2d_algo *const **))
{
    return &noted_algorithms;
}

#define ENTRY_YES(name) note<LINE_##name>(of->name)
#define ENTRY_NO(name) of->name
#define ENTRY(name, parameters, cuda) ENTRY_##cuda(name),
static yl_kernels noted_table(const yl_kernels *of)
{
    real = of;
    return {YL_KERNELS(ENTRY) of->count};
}

/* ---- memory: addresses of their own, without access ---- */

static std::mutex mutex;
static std::map<void *, size_t> memory;

static yl_status no_alloc(yl_device *device, size_t bytes, void **out)
{
    size_t size = bytes ? bytes : 1;
    void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return yl__fail(YL_MEMORY, "%s: no room for %zu bytes of addresses", device->name, bytes);
    std::lock_guard<std::mutex> lock(mutex);
    memory[ *out = at] = size;
    return YL_OK;
}

static void no_release(yl_device *, void *pointer)
{
    std::lock_guard<std::mutex> lock(mutex);
    auto at = memory.find(pointer);
    if (at == memory.end()) return;
    munmap(at->first, at->second);
    memory.erase(at);
}

static yl_status no_copy(yl_device *, void *, const void *, size_t)
{
    return YL_OK;
}

/* What a kernel would have left is not known: zeros while launches are told, and an error for who wants a result. */
static yl_status no_results(yl_device *device, void *dst, const void *, size_t bytes)
{
    if (!((yl__cuda_state *)device->state)->notes->told)
        return yl__fail(YL_UNSUPPORTED, "%s is a GPU that is not there and computes nothing; expected device=cuda",
                        device->name);
    memset(dst, 0, bytes);
    return YL_OK;
}

static yl_status no_zero(yl_device *, void *, size_t)
{
    return YL_OK;
}

static yl_status no_sync(yl_device *)
{
    return YL_OK;
}

void yl__notes_open(const yl_kernels *kernels, yl_device *out)
{
    static yl__notes notes;
    static yl__cuda_state state;
    static yl_kernels table = noted_table(kernels);
    state.notes = &notes;
    state.results = &state; /* an address, for kernels that are not launched */
    out->isa = "none";
    out->dtypes = YL__CUDA_DTYPES;
    out->host_memory = false;
    out->kernels = &table;
    out->alloc = no_alloc;
    out->release = no_release;
    out->to_device = out->copy = no_copy;
    out->from_device = no_results;
    out->zero = no_zero;
    out->sync = no_sync;
    out->state = &state;
}

yl_status yl__notes_take(yl_device *device, int arch, const yl_launch_notes *told)
{
    yl__notes *notes = ((yl__cuda_state *)device->state)->notes;
    if (told && !yl__usage_known(arch))
        return yl__fail(YL_UNSUPPORTED,
                        "the CUDA plug-in has no code for sm_%d: YOLUA_CUDA_ARCHITECTURES names what it is built for",
                        arch);
    notes->told = told;
    notes->arch = arch;
    notes->launches = 0;
    return YL_OK;
}
