/* Zstandard's library, opened with the first question: the C interface of libzstd.so.1 is stable (its zstd.h). */
#include "compress/zstd.h"
#include "core/memory.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

enum { LEVEL = 19 };

static struct {
    size_t (*bound)(size_t size);
    size_t (*compress)(void *to, size_t room, const void *from, size_t size, int level);
    unsigned (*is_error)(size_t code);
} zstd;

static bool found;

static bool find(void *library, const char *name, void *out)
{
    void *symbol = dlsym(library, name);
    memcpy(out, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void open_library(void)
{
    void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    found = library && find(library, "ZSTD_compressBound", &zstd.bound) &&
            find(library, "ZSTD_compress", &zstd.compress) && find(library, "ZSTD_isError", &zstd.is_error);
}

yl_status yl__zstd_bytes(int64_t count, const uint16_t *symbols, int64_t values, int64_t *bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *bytes = -1;
    if (!found) return YL_OK;
    int width = values > 256 ? 2 : 1;
    size_t size = (size_t)(count * width), room = zstd.bound(size);
    uint8_t *from = NULL, *to = NULL;
    yl_status status = yl__alloc(count * width, 1, &from);
    if (status == YL_OK) status = yl__alloc((int64_t)room, 1, &to);
    for (int64_t i = 0; status == YL_OK && i < count; i++)
        for (int b = 0; b < width; b++) from[i * width + b] = (uint8_t)(symbols[i] >> 8 * b);
    if (status == YL_OK) {
        size_t made = zstd.compress(to, room, from, size, LEVEL);
        if (zstd.is_error(made)) /* there is room for whatever it makes: it lacks memory of its own */
            status = yl__fail(YL_MEMORY, "not enough memory to compress %lld bytes with Zstandard", (long long)size);
        *bytes = (int64_t)made;
    }
    yl__free(from);
    yl__free(to);
    return status;
}
