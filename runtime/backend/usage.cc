/* What the plug-in's kernels use. The CUDA runtime hears of each kernel when the plug-in is loaded, under its name and by its function
 * on the host; the linker sends these calls here first (--wrap), so that functions are known by name without a driver. */
#include "backend/usage.h"

#include <map>
#include <string>
#include <utility>

#include <vector_types.h>

static const yl_usage rows[] = {
#define USAGE(arch, entry, registers, shared, stack, stores, loads)                                                    \
    {entry, arch, registers, shared, stack, stores, loads},
#include "usage.inc"
    {},
};

typedef std::map<const void *, std::string> named_kernels;

static named_kernels &kernels()
{
    static named_kernels map;
    return map;
}

extern "C" {
void __real___cudaRegisterFunction(void **, const char *, char *, const char *, int, uint3 *, uint3 *, dim3 *, dim3 *,
                                   int *);

void __wrap___cudaRegisterFunction(void **handle, const char *on_host, char *on_device, const char *name, int limit,
                                   uint3 *thread, uint3 *block, dim3 *threads, dim3 *blocks, int *warp)
{
    kernels()[on_host] = name;
    __real___cudaRegisterFunction(handle, on_host, on_device, name, limit, thread, block, threads, blocks, warp);
}
}

const yl_usage *yl__usage_of(const void *kernel, int arch)
{
    static std::map<std::pair<std::string, int>, const yl_usage *> index;
    if (index.empty())
        for (const yl_usage *row = rows; row->entry; row++) index[{row->entry, row->arch}] = row;
    auto named = kernels().find(kernel);
    if (named == kernels().end()) return nullptr;
    auto found = index.find({named->second, arch});
    return found == index.end() ? nullptr : found->second;
}

bool yl__usage_known(int arch)
{
    for (const yl_usage *row = rows; row->entry; row++)
        if (row->arch == arch) return true;
    return false;
}
