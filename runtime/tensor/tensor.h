/* Tensors: up to six dimensions over reference-counted memory; views share it.
 *
 * An element of t stands at offset + sum over d of index[d] * strides[d], counted in elements. Functions that make a
 * tensor put one with a reference count of 1 into *out; where memory runs out they leave *out alone. Axes and indices
 * count from 0. Memory that someone else owns (a network's slab, a layer call's activation) is wrapped; when its owner
 * goes, the storage is declared dead, and touching any tensor over it is an error and nothing worse. Not thread-safe:
 * one thread at a time. */
#ifndef YL_TENSOR_TENSOR_H
#define YL_TENSOR_TENSOR_H

#include "core/device.h"
#include "core/dtype.h"
#include "core/rng.h"
#include "core/text.h"

enum { YL_TENSOR_DIMS = 6 };

typedef struct yl_storage yl_storage;

typedef struct yl_tensor {
    yl_storage *storage;
    yl_dtype dtype;
    int n_dims;
    int64_t dims[YL_TENSOR_DIMS], strides[YL_TENSOR_DIMS], offset;
    int64_t references;
    bool
        spread; /* by expand: an element stands for several places, so that writing is refused, through further views too */
} yl_tensor;

/* Someone else's memory. The callbacks may be NULL. */
typedef struct yl_owner {
    void *context;
    void (*release)(void *context);      /* the last tensor over this memory has gone */
    yl_status (*writes)(void *context);  /* an in-place function is about to change it; may refuse */
    yl_status (*written)(void *context); /* it has changed (a range's version is bumped here) */
} yl_owner;

/* ---- making and releasing ---------------------------------------------------------------------------------------- */

/* Zeros. Errors: INVALID for a negative size or more than six dimensions, MEMORY. */
yl_status yl_tensor_new(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out);
/* A contiguous tensor over `data`, which the caller keeps valid until the release callback or yl_tensor_kill. */
yl_status yl_tensor_wrap(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, void *data,
                         const yl_owner *owner, yl_tensor **out);
/* Declares the memory gone, for this tensor and every view of it; the release callback is called now and not again. */
void yl_tensor_kill(yl_tensor *t);
yl_tensor *yl_tensor_retain(yl_tensor *t);
void yl_tensor_release(yl_tensor *t); /* NULL is fine */

/* ---- asking ---------------------------------------------------------------------------------------------------------
 */

int64_t yl_tensor_count(const yl_tensor *t);
size_t yl_tensor_bytes(const yl_tensor *t); /* of a contiguous copy */
bool yl_tensor_contiguous(const yl_tensor *t);
bool yl_tensor_alive(const yl_tensor *t);
yl_device *yl_tensor_device(const yl_tensor *t);
/* The address of the first element. Errors: INVALID if the tensor is no longer valid. */
yl_status yl_tensor_data(const yl_tensor *t, void **out);
/* One element, as a double or an integer (exact for integer types). Errors: INVALID for an index out of range. */
yl_status yl_tensor_get(const yl_tensor *t, const int64_t *index, double *number, int64_t *integer);
yl_status yl_tensor_set(yl_tensor *t, const int64_t *index, double number);
/* "f32 {2, 3}" */
void yl_tensor_describe(const yl_tensor *t, char *out, size_t size);
/* The description and the numbers, abbreviated to lines of at most `columns` characters where two numbers fit: at most six of a row
 * and of a column, the first three and the last three; of more than six matrices the first and last along each axis. */
yl_status yl_tensor_text(const yl_tensor *t, int columns, yl_text *out);

/* ---- views ------------------------------------------------------------------------------------------------------- */

/* The same elements once more. */
yl_status yl_tensor_view(const yl_tensor *t, yl_tensor **out);
/* Elements first..first+count-1 of an axis, every step-th (step >= 1; count counts after stepping). */
yl_status yl_tensor_slice(const yl_tensor *t, int axis, int64_t first, int64_t count, int64_t step, yl_tensor **out);
/* The axis fixed at an index, and gone. */
yl_status yl_tensor_select(const yl_tensor *t, int axis, int64_t index, yl_tensor **out);
/* A copy: `count` places of an axis, in the order of `indices`, which may repeat. */
yl_status yl_tensor_gather(const yl_tensor *t, int axis, int64_t count, const int64_t *indices, yl_tensor **out);
/* Axis d of the result is axis order[d] of t. */
yl_status yl_tensor_permute(const yl_tensor *t, const int *order, yl_tensor **out);
/* Other dims over the same elements in the same order; one may be -1 and follows from the rest. A view where t is
 * contiguous, else a copy. */
yl_status yl_tensor_reshape(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out);
/* Broadcast: axes of size 1 and axes that t lacks in front repeat. Writing into the result is INVALID: clone it first. */
yl_status yl_tensor_expand(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out);

/* ---- copies ------------------------------------------------------------------------------------------------------ */

yl_status yl_tensor_clone(const yl_tensor *t, yl_tensor **out); /* contiguous */
/* The same elements as another type. To integers: rounded to nearest, ties to even, clamped to the type's range, NaN to
 * 0. */
yl_status yl_tensor_convert(const yl_tensor *t, yl_dtype dtype, yl_tensor **out);
/* to = from, broadcast and converted. */
yl_status yl_tensor_copy(const yl_tensor *from, yl_tensor *to);
yl_status yl_tensor_fill(yl_tensor *t, double value);
/* From and to host memory, contiguous, of t's type. */
yl_status yl_tensor_read(const yl_tensor *t, void *host);
yl_status yl_tensor_write(yl_tensor *t, const void *host);

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

/* Binary operations broadcast. Types: the later of u8 < i32 < i64 < f32 < f64, where u8 with u8 gives i32, so that
 * nothing wraps; i32 results that do not fit are clamped. DIV and POW of integers give f32; FLOORDIV and MOD follow
 * Lua's signs. Comparisons give u8 of 0 and 1. */
#define YL_BINARIES(X)                                                                                                 \
    X(ADD, "add")                                                                                                      \
    X(SUB, "sub")                                                                                                      \
    X(MUL, "mul")                                                                                                      \
    X(DIV, "div")                                                                                                      \
    X(FLOORDIV, "floordiv")                                                                                            \
    X(MOD, "mod")                                                                                                      \
    X(POW, "pow")                                                                                                      \
    X(MIN, "minimum") X(MAX, "maximum") X(EQ, "eq") X(NE, "ne") X(LT, "lt") X(LE, "le") X(GT, "gt") X(GE, "ge")

/* NEG, ABS and SIGN keep the type (of u8: i32); the others give floats. */
#define YL_UNARIES(X)                                                                                                  \
    X(NEG, "neg")                                                                                                      \
    X(ABS, "abs")                                                                                                      \
    X(SIGN, "sign")                                                                                                    \
    X(SQRT, "sqrt")                                                                                                    \
    X(EXP, "exp")                                                                                                      \
    X(LOG, "log")                                                                                                      \
    X(TANH, "tanh")                                                                                                    \
    X(SIGMOID, "sigmoid")                                                                                              \
    X(ERF, "erf")                                                                                                      \
    X(SIN, "sin")                                                                                                      \
    X(COS, "cos")                                                                                                      \
    X(LOG1P, "log1p")                                                                                                  \
    X(EXPM1, "expm1") X(FLOOR, "floor") X(CEIL, "ceil") X(ROUND, "round") X(ISNAN, "isnan")

/* Over one axis, which goes, or over all elements (axis -1: the result has no dimensions). SUM, MEAN, MIN, MAX add up
 * or compare in double precision (integers: exactly), in the order of the elements. A NaN wins MIN and MAX and their
 * places. ARGMIN and ARGMAX give the first place, counted from 0, as i64. MEAN gives floats. */
#define YL_REDUCTIONS(X)                                                                                               \
    X(SUM, "sum") X(MEAN, "mean") X(MIN, "min") X(MAX, "max") X(ARGMIN, "argmin") X(ARGMAX, "argmax")

typedef enum yl_binary {
#define X(name, text) YL_BINARY_##name,
    YL_BINARIES(X)
#undef X
} yl_binary;

typedef enum yl_unary {
#define X(name, text) YL_UNARY_##name,
    YL_UNARIES(X)
#undef X
} yl_unary;

typedef enum yl_reduction {
#define X(name, text) YL_REDUCE_##name,
    YL_REDUCTIONS(X)
#undef X
} yl_reduction;

yl_status yl_tensor_binary(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor **out);
/* a number on the right (or on the left); `integer` tells whether it was written as one */
yl_status yl_tensor_binary_number(yl_binary op, const yl_tensor *a, double b, bool integer, bool left, yl_tensor **out);
/* to = to op b, in to's type */
yl_status yl_tensor_binary_into(yl_binary op, yl_tensor *to, const yl_tensor *b);
yl_status yl_tensor_unary(yl_unary op, const yl_tensor *a, yl_tensor **out);
yl_status yl_tensor_unary_into(yl_unary op, yl_tensor *to);
/* The same result into a tensor of its dims, in that tensor's type; it may share memory with an operand. */
yl_status yl_tensor_binary_to(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor *to);
yl_status yl_tensor_unary_to(yl_unary op, const yl_tensor *a, yl_tensor *to);
/* to = to + a b, where a and b broadcast to `to`; rounded once. */
yl_status yl_tensor_add_product(yl_tensor *to, const yl_tensor *a, const yl_tensor *b);
/* a where the mask is not zero, else b; all three broadcast. The type is that of minimum(a, b). */
yl_status yl_tensor_where(const yl_tensor *mask, const yl_tensor *a, const yl_tensor *b, yl_tensor **out);

yl_status yl_tensor_reduce(yl_reduction op, const yl_tensor *a, int axis, yl_tensor **out);
/* Over the axes d whose bit 1 << d is set (one at least). Sums of axes that do not lie side by side in memory are rounded in
 * between. Errors: INVALID for ARGMIN and ARGMAX of several axes. */
yl_status yl_tensor_reduce_axes(yl_reduction op, const yl_tensor *a, unsigned axes, yl_tensor **out);

/* t {m, n} = u {m, k} diag(s) v {k, n}, k = min(m, n): u's columns and v's rows are orthonormal, s {k} falls and is not negative. Of t's
 * type, f32 or f64, computed in double precision. Errors: INVALID for another shape or type; NUMERIC for a number that is not finite, or
 * where the iteration does not converge; *u and *s may be made then. */
yl_status yl_tensor_svd(const yl_tensor *t, yl_tensor **u, yl_tensor **s, yl_tensor **v);
/* f32 {m, k} times f32 {k, n}; a vector {k} counts as a row on the left and a column on the right, and its axis goes.
 */
yl_status yl_tensor_matmul(const yl_tensor *a, const yl_tensor *b, yl_tensor **out);
/* The same into a tensor of the product's dims, or added to it. It may share memory with a or b. */
yl_status yl_tensor_matmul_to(const yl_tensor *a, const yl_tensor *b, bool add, yl_tensor *to);

/* Element i (in the order of the elements) is draw i of the stream. */
yl_status yl_tensor_uniform(yl_tensor *t, yl_rng *rng, double low, double high);
yl_status yl_tensor_normal(yl_tensor *t, yl_rng *rng, double mean, double deviation);

#endif
