/* The CPU device: host memory, and the kernel table of the best instruction set that this processor has. */
#include "backend/device.h"
#include "core/memory.h"
#include "kernels/kernels.h"

#include <string.h>

/* YL_ISAS(X) comes from the build: X(name) for each instruction set that the kernels were compiled for, the best first. */
#define X(isa) extern const yl_kernels yl_cpu_##isa##_table;
YL_ISAS(X)
#undef X

static yl_status cpu_alloc(yl_device *device, size_t bytes, void **out)
{
    (void)device;
    return yl__calloc((int64_t)bytes, 1, out);
}

static void cpu_release(yl_device *device, void *pointer)
{
    (void)device;
    yl__free(pointer);
}

static yl_status cpu_copy(yl_device *device, void *dst, const void *src, size_t bytes)
{
    (void)device;
    memmove(dst, src, bytes);
    return YL_OK;
}

static yl_status cpu_zero(yl_device *device, void *dst, size_t bytes)
{
    (void)device;
    memset(dst, 0, bytes);
    return YL_OK;
}

static yl_status cpu_sync(yl_device *device)
{
    (void)device;
    return YL_OK;
}

static yl_device cpu = {
    .name = "cpu",
    .dtypes = 1u << YL_F32 | 1u << YL_U8,
    .host_memory = true,
    .alloc = cpu_alloc,
    .release = cpu_release,
    .to_device = cpu_copy,
    .from_device = cpu_copy,
    .copy = cpu_copy,
    .zero = cpu_zero,
    .sync = cpu_sync,
};

#if defined(__x86_64__)
/* The levels by their features: not every compiler knows the levels' names. */
static inline bool has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

static inline bool has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static inline bool has_v2(void)
{
    return true;
}

/* Pairs of bf16 are multiplied by kernels of v4, where the processor has that too. */
static inline bool multiplies_bf16(void)
{
    return strcmp(cpu.isa, "v4") == 0 && __builtin_cpu_supports("avx512bf16");
}
#else
static inline bool has_neon(void)
{
    return true;
}

static inline bool has_generic(void)
{
    return true;
}

static inline bool multiplies_bf16(void)
{
    return false;
}
#endif

static void pick_table(void)
{
#define X(level)                                                                                                       \
    if (!cpu.kernels && has_##level()) {                                                                               \
        cpu.kernels = &yl_cpu_##level##_table;                                                                         \
        cpu.isa = #level;                                                                                              \
    }
    YL_ISAS(X)
#undef X
    if (cpu.kernels && multiplies_bf16()) cpu.factors = 1u << YL_BF16;
}

yl_status yl__cpu_device(yl_device **out)
{
    if (!cpu.kernels) pick_table();
    if (!cpu.kernels) return yl__fail(YL_UNSUPPORTED, "the kernels were compiled for a processor that this one is not");
    *out = &cpu;
    return YL_OK;
}
