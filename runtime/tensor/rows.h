/* How tensor arithmetic walks its operands: row by row of the last axis, in pieces that are widened to double or int64_t.
 *
 * Sums, products, quotients and roots of floats are correctly rounded if computed in double and rounded once, since double has more
 * than twice as many digits (Figueroa, "When is double rounding innocuous?", 1995).
 *
 * Files of this folder call only files to their left: tensor, rows, tape, slopes, copy, values, arithmetic, then ternary, reduce, matmul,
 * gather, softmax, svd, solve, backward, print. */
#ifndef YL_TENSOR_ROWS_H
#define YL_TENSOR_ROWS_H

#include "tensor/tensor.h"

enum { YL__PIECE = 256, YL__OPERANDS = 4 };

/* A tensor for a result computed from `like`, on the host, where all tensor arithmetic runs. */
yl_status yl__tensor_for(const yl_tensor *like, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out);
/* A tensor's memory as the host can read it: for another device, a copy of its present state. Errors: INVALID (no longer valid),
 * MEMORY. */
yl_status yl__tensor_host(const yl_tensor *t, char **out);
/* The same before writing; the owner is asked and may refuse. */
yl_status yl__tensor_host_to_write(yl_tensor *t, char **out);
yl_status yl__tensor_writes(yl_tensor *t);
/* Copies what was written to the device and tells the owner, also if writing failed halfway. Returns `status`, or the owner's failure. */
yl_status yl__tensor_written(yl_tensor *t, yl_status status);

/* What is known of how a memory's values were computed (tape.h). */
typedef struct yl_node yl_node;
typedef struct yl__history {
    yl_node *node; /* what wrote it last; NULL: its values are constants */
    void (*release)(yl_node *node);
    int64_t followers; /* tensors over it that are not detached */
    int64_t version;   /* how often it was written */
    bool leaf;         /* `node` is no operation: its gradient was asked for */
} yl__history;

yl__history *yl__tensor_history(const yl_tensor *t);
/* How many elements the whole memory has. */
int64_t yl__tensor_extent(const yl_tensor *t);
/* Whether the memory belongs to someone who takes it back. */
bool yl__tensor_lent(const yl_tensor *t);
/* Counts the changes of the memory, its owner's included. */
int64_t yl__tensor_version(const yl_tensor *t);
/* Whether operations are noted now. */
bool yl__tape_runs(void);

/* Sets the dims, with contiguous strides. */
void yl__tensor_set_dims(yl_tensor *t, int n_dims, const int64_t *dims);
/* Errors: INVALID if t has no such axis. */
yl_status yl__tensor_check_axis(const yl_tensor *t, int axis);

static inline bool yl__is_integer(yl_dtype t)
{
    return t == YL_U8 || t == YL_I32 || t == YL_I64;
}

/* `count` elements, `stride` elements apart, widened; and back, rounded and clamped as yl_tensor_convert says. */
void yl__load_numbers(yl_dtype dtype, const char *from, int64_t stride, int64_t count, double *out);
void yl__load_integers(yl_dtype dtype, const char *from, int64_t stride, int64_t count, int64_t *out);
void yl__store_numbers(yl_dtype dtype, const double *from, int64_t count, char *to, int64_t stride);
void yl__store_integers(yl_dtype dtype, const int64_t *from, int64_t count, char *to, int64_t stride);

/* A walk over up to four tensors of equal dims, in the order of their elements. A piece is a part of a row. */
typedef struct yl__walk {
    int operands, outer; /* axes before the row's */
    int64_t dims[YL_TENSOR_DIMS + 1], index[YL_TENSOR_DIMS];
    int64_t length; /* of a row: neighbouring axes that are contiguous in every operand are merged */
    int64_t left;   /* elements of the row from this piece on */
    int64_t count;  /* elements of this piece, at most YL__PIECE */
    const yl_tensor *tensor[YL__OPERANDS];
    char *base[YL__OPERANDS], *at[YL__OPERANDS]; /* `at`: this piece's first element of each operand */
    int64_t strides[YL__OPERANDS][YL_TENSOR_DIMS + 1], stride[YL__OPERANDS]; /* in elements; `stride`: along the row */
    bool done;
} yl__walk;

/* Starts at the first piece; `base[i]` is operand i's memory. */
void yl__walk_start(yl__walk *w, int operands, const yl_tensor *const *tensors, char *const *base);
void yl__walk_next(yl__walk *w);
/* The address of element `i` of this piece. */
static inline char *yl__walk_at(const yl__walk *w, int operand, int64_t i)
{
    return w->at[operand] + i * w->stride[operand] * (int64_t)yl_dtype_bytes(w->tensor[operand]->dtype);
}

/* The piece's elements of one operand, widened; and back. */
static inline void yl__get_numbers(const yl__walk *w, int operand, double *out)
{
    yl__load_numbers(w->tensor[operand]->dtype, w->at[operand], w->stride[operand], w->count, out);
}

static inline void yl__get_integers(const yl__walk *w, int operand, int64_t *out)
{
    yl__load_integers(w->tensor[operand]->dtype, w->at[operand], w->stride[operand], w->count, out);
}

static inline void yl__put_numbers(const yl__walk *w, int operand, const double *from)
{
    yl__store_numbers(w->tensor[operand]->dtype, from, w->count, w->at[operand], w->stride[operand]);
}

static inline void yl__put_integers(const yl__walk *w, int operand, const int64_t *from)
{
    yl__store_integers(w->tensor[operand]->dtype, from, w->count, w->at[operand], w->stride[operand]);
}

/* The type of a binary operation's result. */
yl_dtype yl__binary_type(yl_binary op, yl_dtype a, yl_dtype b);
/* `b` expanded to the dims of `to`, and copied if writing `to` would change it. */
yl_status yl__spread(const yl_tensor *to, const yl_tensor *b, yl_tensor **out);

/* The dims to which two shapes broadcast. Errors: INVALID, naming both. */
yl_status yl__broadcast(const yl_tensor *a, const yl_tensor *b, int *n_dims, int64_t *dims);

#endif
