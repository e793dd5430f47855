/* Element types of tensors and activations. */
#ifndef YL_CORE_DTYPE_H
#define YL_CORE_DTYPE_H

#include <stddef.h>

/* Those that activations can have come first: they are the choices of the option `precision` (net/plan.c). */
#define YL_DTYPES(X)                                                                                                   \
    X(F32, "f32", 4)                                                                                                   \
    X(BF16, "bf16", 2)                                                                                                 \
    X(U8, "u8", 1)                                                                                                     \
    X(I32, "i32", 4)                                                                                                   \
    X(I64, "i64", 8)                                                                                                   \
    X(F64, "f64", 8)

typedef enum yl_dtype {
#define X(name, text, bytes) YL_##name,
    YL_DTYPES(X)
#undef X
} yl_dtype;

static inline size_t yl_dtype_bytes(yl_dtype t)
{
    static const size_t bytes[] = {
#define X(name, text, size) size,
        YL_DTYPES(X)
#undef X
    };
    return bytes[t];
}

static inline const char *yl_dtype_name(yl_dtype t)
{
    static const char *const names[] = {
#define X(name, text, size) text,
        YL_DTYPES(X)
#undef X
    };
    return names[t];
}

#endif
