/* Host memory: 64-byte aligned, overflow-checked, with a hook that makes the n-th allocation fail. */
#ifndef YL_CORE_MEMORY_H
#define YL_CORE_MEMORY_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { YL_ALIGNMENT = 64 };

/* Uninitialised memory of count*size bytes in *out (a pointer to any object pointer). A zero size gives a valid pointer.
 * Errors: MEMORY, with the number of bytes. */
yl_status yl__alloc(int64_t count, size_t size, void *out);
/* The same, zeroed. */
yl_status yl__calloc(int64_t count, size_t size, void *out);
/* Grows (or shrinks) *inout to count*size bytes, keeping min(old_count, count) elements; on failure *inout is untouched. */
yl_status yl__realloc(int64_t old_count, int64_t count, size_t size, void *inout);
/* Grows *inout so that it holds at least `need` elements (doubling); *capacity is updated. */
yl_status yl__reserve(int64_t need, int64_t *capacity, size_t size, void *inout);
/* The product of `n` sizes, each at least 0; INT64_MAX on overflow, which every bound check and allocation refuses. YL_PRODUCT(a, b,
 * ...) takes them as arguments. Multiply sizes that come from a file or a caller with this alone. */
int64_t yl__product(int n, const int64_t *sizes);
#define YL_PRODUCT(...)                                                                                                \
    yl__product((int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})
yl_status yl__strdup(const char *text, char **out);
void yl__free(void *pointer); /* NULL is fine */

/* Number of host allocations made so far by this process: a training step must not change it. */
int64_t yl__alloc_count(void);
/* Bytes that are allocated now. */
int64_t yl__alloc_held(void);
/* Makes the n-th allocation from now (1 = the next) fail once; 0 switches the hook off. */
void yl__alloc_fail_at(int64_t n);

#ifdef __cplusplus
}
#endif
#endif
