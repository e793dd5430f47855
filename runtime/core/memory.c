/* Host memory. Counters are atomic, since loader workers allocate too. */
#include "core/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_int_least64_t allocations, held;
static atomic_int_least64_t fail_countdown;

static bool injected_failure(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0) return false;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

yl_status yl__alloc(int64_t count, size_t size, void *out)
{
    if (count < 0 || (size != 0 && (uint64_t)count > (SIZE_MAX - YL_ALIGNMENT) / size))
        return yl__fail(YL_MEMORY, "cannot allocate %lld elements of %zu bytes", (long long)count, size);
    size_t bytes = ((size_t)count * size + YL_ALIGNMENT - 1) / YL_ALIGNMENT * YL_ALIGNMENT;
    void *p = injected_failure() ? NULL : aligned_alloc(YL_ALIGNMENT, bytes ? bytes : YL_ALIGNMENT);
    if (!p) return yl__fail(YL_MEMORY, "out of memory: %zu bytes were asked for", bytes);
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&held, (int64_t)malloc_usable_size(p), memory_order_relaxed);
    memcpy(out, &p, sizeof p);
    return YL_OK;
}

yl_status yl__calloc(int64_t count, size_t size, void *out)
{
    void *p;
    YL_TRY(yl__alloc(count, size, &p));
    memset(p, 0, (size_t)count * size);
    memcpy(out, &p, sizeof p);
    return YL_OK;
}

yl_status yl__realloc(int64_t old_count, int64_t count, size_t size, void *inout)
{
    void *old, *fresh;
    memcpy(&old, inout, sizeof old);
    YL_TRY(yl__alloc(count, size, &fresh));
    if (old) memcpy(fresh, old, (size_t)(old_count < count ? old_count : count) * size);
    yl__free(old);
    memcpy(inout, &fresh, sizeof fresh);
    return YL_OK;
}

yl_status yl__reserve(int64_t need, int64_t *capacity, size_t size, void *inout)
{
    if (need <= *capacity) return YL_OK;
    int64_t grown = *capacity < 8 ? 8 : *capacity * 2;
    if (grown < need) grown = need;
    YL_TRY(yl__realloc(*capacity, grown, size, inout));
    *capacity = grown;
    return YL_OK;
}

int64_t yl__product(int n, const int64_t *sizes)
{
    int64_t product = 1;
    bool over = false;
    for (int i = 0; i < n; i++) {
        if (sizes[i] == 0) return 0;
        over |= product > INT64_MAX / sizes[i];
        if (!over) product *= sizes[i];
    }
    return over ? INT64_MAX : product;
}

yl_status yl__strdup(const char *text, char **out)
{
    size_t length = strlen(text) + 1;
    YL_TRY(yl__alloc((int64_t)length, 1, out));
    memcpy(*out, text, length);
    return YL_OK;
}

void yl__free(void *pointer)
{
    if (pointer) atomic_fetch_sub_explicit(&held, (int64_t)malloc_usable_size(pointer), memory_order_relaxed);
    free(pointer);
}

int64_t yl__alloc_held(void)
{
    return atomic_load_explicit(&held, memory_order_relaxed);
}

int64_t yl__alloc_count(void)
{
    return atomic_load(&allocations);
}

void yl__alloc_fail_at(int64_t n)
{
    atomic_store(&fail_countdown, n);
}
