/* Element types of tensors and activations. */
#ifndef YL_CORE_DTYPE_H
#define YL_CORE_DTYPE_H

#include <stddef.h>
#include <stdint.h>

/* Those that activations can have come first: they are the choices of the option `precision` (net/plan.c), where u8 is called int8. */
#define YL_DTYPES(X)                                                                                                   \
    X(F32, "f32", 4)                                                                                                   \
    X(BF16, "bf16", 2)                                                                                                 \
    X(F16, "f16", 2)                                                                                                   \
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

/* What a byte q of a quantised activation stands for: scale * (q - zero). A scale of 0: not quantised. */
typedef struct yl_quant {
    float scale;
    int32_t zero; /* 0..255; the byte of the number 0 */
} yl_quant;

static inline float yl_quant_real(yl_quant q, uint8_t byte)
{
    return q.scale * (float)((int32_t)byte - q.zero);
}

#endif
