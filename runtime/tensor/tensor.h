/* Tensors: up to six dimensions over reference-counted memory, which views share.
 *
 * An element of t lies at offset + sum over d of index[d] * strides[d], counted in elements. Functions that make a tensor store one
 * with a reference count of 1 in *out; if memory runs out they leave *out unchanged. Axes and indices count from 0. A tensor can also
 * wrap memory that someone else owns (a network's slab, a layer call's activation). When the owner releases it, every use of a tensor
 * over it fails with an error. Not thread-safe. */
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
    bool spread;   /* made by expand: elements share memory, so that writing is refused, as it is for views of this */
    bool detached; /* takes no part in gradients, as views of this do not */
} yl_tensor;

/* Someone else's memory. The callbacks may be NULL. */
typedef struct yl_owner {
    void *context;
    void (*release)(void *context);      /* the last tensor over this memory was released */
    yl_status (*writes)(void *context);  /* an in-place function is about to change it; an error refuses that */
    yl_status (*written)(void *context); /* it has changed (a range increments its version here) */
    int64_t (*version)(void *context);   /* counts the changes that nobody else tells of */
} yl_owner;

/* ---- making and releasing ---------------------------------------------------------------------------------------- */

/* A tensor of zeros. Errors: INVALID for a negative size or more than six dimensions, MEMORY. */
yl_status yl_tensor_new(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out);
/* A contiguous tensor over `data`, which must stay valid until the release callback or yl_tensor_kill. */
yl_status yl_tensor_wrap(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, void *data,
                         const yl_owner *owner, yl_tensor **out);
/* Makes this tensor and every view of it invalid. The release callback is called now and never again. */
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
/* An element as a double, and as an integer, which is exact for integer types. Errors: INVALID for an index out of range. */
yl_status yl_tensor_get(const yl_tensor *t, const int64_t *index, double *number, int64_t *integer);
yl_status yl_tensor_set(yl_tensor *t, const int64_t *index, double number);
/* "f32 {2, 3}" */
void yl_tensor_describe(const yl_tensor *t, char *out, size_t size);
/* The description and the numbers, in lines of at most `columns` characters if two numbers fit. More than six numbers of a row or column
 * are abbreviated to the first and last three, more than six matrices to the first and last along each axis. */
yl_status yl_tensor_text(const yl_tensor *t, int columns, yl_text *out);

/* ---- views ------------------------------------------------------------------------------------------------------- */

/* A view of all elements. */
yl_status yl_tensor_view(const yl_tensor *t, yl_tensor **out);
/* Elements first..first+count-1 of an axis, every step-th (step >= 1; count counts after stepping). */
yl_status yl_tensor_slice(const yl_tensor *t, int axis, int64_t first, int64_t count, int64_t step, yl_tensor **out);
/* One index of an axis; the result lacks that axis. */
yl_status yl_tensor_select(const yl_tensor *t, int axis, int64_t index, yl_tensor **out);
/* A copy of `count` indices of an axis, in the order of `indices`, which may repeat. */
yl_status yl_tensor_index_select(const yl_tensor *t, int axis, int64_t count, const int64_t *indices, yl_tensor **out);
/* Axis d of the result is axis order[d] of t. */
yl_status yl_tensor_permute(const yl_tensor *t, const int *order, yl_tensor **out);
/* The same elements in the same order with other dims, one of which may be -1: it follows from the others. A view if t is contiguous,
 * else a copy. */
yl_status yl_tensor_reshape(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out);
/* Broadcast: axes of size 1, and axes that t lacks in front, repeat. The result cannot be written: clone it first. */
yl_status yl_tensor_expand(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out);

/* An axis of size 1 in front of `axis`, or behind the last. */
yl_status yl_tensor_unsqueeze(const yl_tensor *t, int axis, yl_tensor **out);
/* A view whose values are constants to gradients. */
yl_status yl_tensor_detach(const yl_tensor *t, yl_tensor **out);

/* ---- copies ------------------------------------------------------------------------------------------------------ */

yl_status yl_tensor_clone(const yl_tensor *t, yl_tensor **out); /* contiguous */
/* The same elements as another type. Integers are rounded to nearest, ties to even, and clamped to the type's range; NaN becomes 0. */
yl_status yl_tensor_convert(const yl_tensor *t, yl_dtype dtype, yl_tensor **out);
/* to = from, broadcast and converted. */
yl_status yl_tensor_copy(const yl_tensor *from, yl_tensor *to);
yl_status yl_tensor_fill(yl_tensor *t, double value);
/* The tensors side by side along an axis, the other sizes being equal; of the type that arithmetic with all of them would give. */
yl_status yl_tensor_cat(int64_t count, const yl_tensor *const *tensors, int axis, yl_tensor **out);
/* out[i][j] = t[index[i][j]][j] for axis 0, and so on: `index` has t's dimensions, and no axis but `axis` is longer than t's; it counts
 * from 0 and is rounded to integers. Errors: INVALID for an index outside the axis. */
yl_status yl_tensor_gather(const yl_tensor *t, int axis, const yl_tensor *index, yl_tensor **out);
/* Copies to and from contiguous host memory of t's type. */
yl_status yl_tensor_read(const yl_tensor *t, void *host);
yl_status yl_tensor_write(yl_tensor *t, const void *host);

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

/* Binary operations broadcast. The result has the later type of u8 < i32 < i64 < f32 < f64; two u8 give i32, so that nothing wraps
 * around, and i32 results are clamped. DIV and POW of integers give f32; FLOORDIV and MOD treat signs as Lua does. Comparisons give u8,
 * 0 or 1. */
#define YL_BINARIES(X)                                                                                                 \
    X(ADD, "add")                                                                                                      \
    X(SUB, "sub")                                                                                                      \
    X(MUL, "mul")                                                                                                      \
    X(DIV, "div")                                                                                                      \
    X(FLOORDIV, "floordiv")                                                                                            \
    X(MOD, "mod")                                                                                                      \
    X(POW, "pow")                                                                                                      \
    X(MIN, "minimum") X(MAX, "maximum") X(EQ, "eq") X(NE, "ne") X(LT, "lt") X(LE, "le") X(GT, "gt") X(GE, "ge")

/* NEG, ABS, SIGN and RELU keep the type (u8 becomes i32); the others give floats. */
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
    X(EXPM1, "expm1")                                                                                                  \
    X(RELU, "relu") X(FLOOR, "floor") X(CEIL, "ceil") X(ROUND, "round") X(ISNAN, "isnan")

/* Over one axis, which the result lacks, or over all elements (axis -1: the result has no dimensions). SUM, MEAN, MIN and MAX compute in
 * double precision (integers: exactly), in the order of the elements. If there is a NaN, it is the result of MIN and MAX, and its index
 * that of ARGMIN and ARGMAX; these give the first index, counted from 0, as i64. MEAN gives floats. */
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
/* A number on the right, or on the left; `integer`: it was written as an integer. */
yl_status yl_tensor_binary_number(yl_binary op, const yl_tensor *a, double b, bool integer, bool left, yl_tensor **out);
/* to = to op b, in the type of `to`. */
yl_status yl_tensor_binary_into(yl_binary op, yl_tensor *to, const yl_tensor *b);
yl_status yl_tensor_unary(yl_unary op, const yl_tensor *a, yl_tensor **out);
yl_status yl_tensor_unary_into(yl_unary op, yl_tensor *to);
/* Writes the result into `to`, which has its dims, in the type of `to`; `to` may share memory with an operand. */
yl_status yl_tensor_binary_to(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor *to);
yl_status yl_tensor_unary_to(yl_unary op, const yl_tensor *a, yl_tensor *to);
/* to = to + a b, rounded once; a and b broadcast to `to`. */
yl_status yl_tensor_add_product(yl_tensor *to, const yl_tensor *a, const yl_tensor *b);
/* a where the mask is not zero, else b; all three broadcast. The type is that of MIN of a and b. */
yl_status yl_tensor_where(const yl_tensor *mask, const yl_tensor *a, const yl_tensor *b, yl_tensor **out);

yl_status yl_tensor_reduce(yl_reduction op, const yl_tensor *a, int axis, yl_tensor **out);
/* Over the axes d whose bit 1 << d is set, at least one. Sums over axes that are not adjacent are rounded in between. Errors: INVALID for
 * ARGMIN and ARGMAX of several axes. */
yl_status yl_tensor_reduce_axes(yl_reduction op, const yl_tensor *a, unsigned axes, yl_tensor **out);

/* Along an axis: exp(t - max t) / sum of that, and its logarithm. Floats. */
yl_status yl_tensor_softmax(const yl_tensor *t, int axis, bool logarithm, yl_tensor **out);

/* t {m, n} = u {m, k} diag(s) v {k, n}, k = min(m, n): u's columns and v's rows are orthonormal, s {k} falls and is not negative. The
 * results have t's type, f32 or f64, and are computed in double precision. Errors: INVALID for another shape or type; NUMERIC for a number
 * that is not finite, or if the iteration does not converge; *u and *s may exist then. */
yl_status yl_tensor_svd(const yl_tensor *t, yl_tensor **u, yl_tensor **s, yl_tensor **v);
/* s alone, several times as fast. The same errors. */
yl_status yl_tensor_singular_values(const yl_tensor *t, yl_tensor **s);
/* x {n, m} with a {n, n} x = b {n, m}: of b's type, f32 or f64, computed in double precision. Errors: INVALID for other shapes or types;
 * NUMERIC for a singular matrix. */
yl_status yl_tensor_solve(const yl_tensor *a, const yl_tensor *b, yl_tensor **out);
/* f32 {m, k} times f32 {k, n}. A vector {k} is a row on the left and a column on the right, and the result lacks its axis. */
yl_status yl_tensor_matmul(const yl_tensor *a, const yl_tensor *b, yl_tensor **out);
/* Writes the product into `to`, or adds it; `to` may share memory with a or b. */
yl_status yl_tensor_matmul_to(const yl_tensor *a, const yl_tensor *b, bool add, yl_tensor *to);

/* ---- gradients -----------------------------------------------------------------------------------------------------
 *
 * From a tensor that requires a gradient on, operations are noted: their result knows what it was computed from, for as long as a tensor
 * over it lives. yl_tensor_backward walks that back. Views share the history of their memory, so that changes in place are noted as well,
 * wherever they were made; a value that is needed and was overwritten is an error of the walk. tape.h says how operations are noted. */

/* Whether operations with this tensor are noted now. */
bool yl_tensor_tracked(const yl_tensor *t);
/* Whether it is a leaf, or was computed from one. */
bool yl_tensor_requires_grad(const yl_tensor *t);
/* Whether its gradient was asked for, which makes it a leaf: nothing is known of what it was computed from. */
bool yl_tensor_leaf(const yl_tensor *t);
/* Makes a tensor a leaf, or a constant again. Errors: INVALID for types that are no floats, a computed or a detached tensor, and memory that
 * someone else owns. */
yl_status yl_tensor_require_grad(yl_tensor *t, bool yes);
/* The leaf's gradient so far, in memory that later walks add to; NULL if there is none. Errors: INVALID for a computed tensor. */
yl_status yl_tensor_grad(const yl_tensor *t, yl_tensor **out);
/* Sets the leaf's gradient, or drops it (NULL). */
yl_status yl_tensor_set_grad(yl_tensor *t, const yl_tensor *gradient);
/* From now on the leaf's gradient is added to `memory`, a contiguous tensor of the whole leaf's dims, of type f32 (f64 for f64). */
yl_status yl_tensor_grad_into(yl_tensor *t, yl_tensor *memory);
/* Adds the gradient of (t * gradient) summed to that of every leaf that t was computed from. `gradient` has t's dims; NULL: 1, for a
 * tensor of one element. Errors: INVALID if t depends on no leaf, for an operation that has no gradient, and for a value that the walk needs
 * and that was changed in place since; then no gradient has changed. Gradients of gradients are not computed: what is noted during the
 * walk is nothing. */
yl_status yl_tensor_backward(const yl_tensor *t, const yl_tensor *gradient);
/* Stops noting operations (1) on this thread, and ends that (-1). */
void yl_tape_pause(int by);

/* Element i, in the order of the elements, is draw i of the stream. */
yl_status yl_tensor_uniform(yl_tensor *t, yl_rng *rng, double low, double high);
yl_status yl_tensor_normal(yl_tensor *t, yl_rng *rng, double mean, double deviation);

#endif
