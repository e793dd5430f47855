/* Element-wise arithmetic: pieces of rows are widened, computed, rounded once and stored. */
#include "tensor/slopes.h"
#include "tensor/tape.h"

#include <math.h>
#include <string.h>

static const char *const binary_names[] = {
#define X(name, text) text,
    YL_BINARIES(X)
#undef X
};

static const char *const unary_names[] = {
#define X(name, text) text,
    YL_UNARIES(X)
#undef X
};

/* ---- one piece --------------------------------------------------------------------------------------------------- */

/* Lua's a - floor(a/b)*b: the sign of b. */
static double modulo(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double smaller(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

static double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

#define EACH(expression)                                                                                               \
    for (int64_t i = 0; i < n; i++) out[i] = expression;                                                               \
    break

/* The cases that read alike for numbers and integers. */
#define COMPARISONS                                                                                                    \
    case YL_BINARY_EQ:                                                                                                 \
        EACH(a[i] == b[i]);                                                                                            \
    case YL_BINARY_NE:                                                                                                 \
        EACH(a[i] != b[i]);                                                                                            \
    case YL_BINARY_LT:                                                                                                 \
        EACH(a[i] < b[i]);                                                                                             \
    case YL_BINARY_LE:                                                                                                 \
        EACH(a[i] <= b[i]);                                                                                            \
    case YL_BINARY_GT:                                                                                                 \
        EACH(a[i] > b[i]);                                                                                             \
    case YL_BINARY_GE:                                                                                                 \
        EACH(a[i] >= b[i])

static void numbers(yl_binary op, int64_t n, const double *a, const double *b, double *out)
{
    switch (op) {
    case YL_BINARY_ADD:
        EACH(a[i] + b[i]);
    case YL_BINARY_SUB:
        EACH(a[i] - b[i]);
    case YL_BINARY_MUL:
        EACH(a[i] * b[i]);
    case YL_BINARY_DIV:
        EACH(a[i] / b[i]);
    case YL_BINARY_FLOORDIV:
        EACH(floor(a[i] / b[i]));
    case YL_BINARY_MOD:
        EACH(modulo(a[i], b[i]));
    case YL_BINARY_POW:
        EACH(pow(a[i], b[i]));
    case YL_BINARY_MIN:
        EACH(smaller(a[i], b[i]));
    case YL_BINARY_MAX:
        EACH(larger(a[i], b[i]));
        COMPARISONS;
    }
}

/* i64 results that do not fit stay at the end of the range. */
static int64_t add(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? (b < 0 ? INT64_MIN : INT64_MAX) : r;
}

static int64_t subtract(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_sub_overflow(a, b, &r) ? (b > 0 ? INT64_MIN : INT64_MAX) : r;
}

static int64_t multiply(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_mul_overflow(a, b, &r) ? ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : r;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    if (b == -1) return subtract(0, a);
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static int64_t integer_modulo(int64_t a, int64_t b)
{
    if (b == -1) return 0;
    int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static void integers(yl_binary op, int64_t n, const int64_t *a, const int64_t *b, int64_t *out)
{
    switch (op) {
    case YL_BINARY_ADD:
        EACH(add(a[i], b[i]));
    case YL_BINARY_SUB:
        EACH(subtract(a[i], b[i]));
    case YL_BINARY_MUL:
        EACH(multiply(a[i], b[i]));
    case YL_BINARY_FLOORDIV:
        EACH(floor_divide(a[i], b[i]));
    case YL_BINARY_MOD:
        EACH(integer_modulo(a[i], b[i]));
    case YL_BINARY_MIN:
        EACH(a[i] < b[i] ? a[i] : b[i]);
    case YL_BINARY_MAX:
        EACH(a[i] > b[i] ? a[i] : b[i]);
        COMPARISONS;
    case YL_BINARY_DIV:
    case YL_BINARY_POW:
        break; /* never asked for: their results are floats */
    }
}

static double unary_number(yl_unary op, double x)
{
    switch (op) {
    case YL_UNARY_NEG:
        return -x;
    case YL_UNARY_ABS:
        return fabs(x);
    case YL_UNARY_SIGN:
        return isnan(x) ? x : (x > 0) - (x < 0);
    case YL_UNARY_SQRT:
        return sqrt(x);
    case YL_UNARY_EXP:
        return exp(x);
    case YL_UNARY_LOG:
        return log(x);
    case YL_UNARY_TANH:
        return tanh(x);
    case YL_UNARY_SIGMOID:
        return 1 / (1 + exp(-x));
    case YL_UNARY_ERF:
        return erf(x);
    case YL_UNARY_SIN:
        return sin(x);
    case YL_UNARY_COS:
        return cos(x);
    case YL_UNARY_LOG1P:
        return log1p(x);
    case YL_UNARY_EXPM1:
        return expm1(x);
    case YL_UNARY_RELU:
        return x > 0 || isnan(x) ? x : 0;
    case YL_UNARY_FLOOR:
        return floor(x);
    case YL_UNARY_CEIL:
        return ceil(x);
    case YL_UNARY_ROUND:
        return nearbyint(x);
    case YL_UNARY_ISNAN:
        return isnan(x);
    }
    return x;
}

static int64_t unary_integer(yl_unary op, int64_t x)
{
    if (op == YL_UNARY_SIGN) return (x > 0) - (x < 0);
    if (op == YL_UNARY_RELU) return x > 0 ? x : 0;
    return op == YL_UNARY_NEG || x < 0 ? subtract(0, x) : x;
}

/* NEG, ABS, SIGN and RELU of integers are exact. */
static bool keeps_type(yl_unary op)
{
    return op == YL_UNARY_NEG || op == YL_UNARY_ABS || op == YL_UNARY_SIGN || op == YL_UNARY_RELU;
}

/* ---- their gradients ----------------------------------------------------------------------------------------------- */

static yl_status binary_slopes(yl_binary op, bool second, const yl_tensor *a, const yl_tensor *b, const yl_tensor *dy,
                               yl_tensor *dx)
{
    yl__walk w;
    char *base[4];
    double x[YL__PIECE], y[YL__PIECE], d[YL__PIECE], out[YL__PIECE];
    const yl_tensor *operands[] = {dx, dy, a ? a : dy, b ? b : dy};
    for (int i = 0; i < 4; i++) YL_TRY(yl__tensor_host(operands[i], &base[i]));
    for (yl__walk_start(&w, 4, operands, base); !w.done; yl__walk_next(&w)) {
        yl__get_numbers(&w, 1, d);
        if (a) yl__get_numbers(&w, 2, x);
        if (b) yl__get_numbers(&w, 3, y);
        yl__binary_slopes(op, second, w.count, x, y, d, out);
        yl__put_numbers(&w, 0, out);
    }
    return YL_OK;
}

static yl_status pull_binary(const yl_node *n, const yl_tensor *dy)
{
    yl_binary op = (yl_binary)n->number[0];
    for (int side = 0; side < 2; side++) {
        yl_tensor *dx;
        if (!yl__tape_wants(n, side)) continue;
        unsigned reads = yl__binary_slope_reads(op, side);
        YL_TRY(yl__tape_new(n, side, &dx));
        yl_status status = binary_slopes(op, side, reads & YL__READS_FIRST ? yl__tape_saved(n, 0) : NULL,
                                         reads & YL__READS_SECOND ? yl__tape_saved(n, 1) : NULL, dy, dx);
        if (status != YL_OK) {
            yl_tensor_release(dx);
            return status;
        }
        YL_TRY(yl__tape_give_new(n, side, dx));
    }
    return YL_OK;
}

/* a and b have the result's dims. */
static yl_status note_binary(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor *result)
{
    unsigned reads = (yl_tensor_tracked(a) ? yl__binary_slope_reads(op, false) : 0) |
                     (yl_tensor_tracked(b) ? yl__binary_slope_reads(op, true) : 0);
    return yl__tape_note(result, &(yl__note){binary_names[op],
                                             yl__binary_has_slopes(op) ? pull_binary : NULL,
                                             {a, b},
                                             {reads & YL__READS_FIRST ? a : NULL, reads & YL__READS_SECOND ? b : NULL},
                                             {op}});
}

static yl_status unary_slopes(yl_unary op, const yl_tensor *v, const yl_tensor *dy, yl_tensor *dx)
{
    yl__walk w;
    char *base[3];
    double x[YL__PIECE], d[YL__PIECE];
    const yl_tensor *operands[] = {dx, dy, v ? v : dy};
    for (int i = 0; i < 3; i++) YL_TRY(yl__tensor_host(operands[i], &base[i]));
    for (yl__walk_start(&w, 3, operands, base); !w.done; yl__walk_next(&w)) {
        yl__get_numbers(&w, 1, d);
        if (v) yl__get_numbers(&w, 2, x);
        yl__unary_slopes(op, w.count, x, d, d);
        yl__put_numbers(&w, 0, d);
    }
    return YL_OK;
}

static yl_status pull_unary(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *dx;
    YL_TRY(yl__tape_new(n, 0, &dx));
    yl_status status = unary_slopes((yl_unary)n->number[0], yl__tape_saved(n, 0), dy, dx);
    if (status == YL_OK) return yl__tape_give_new(n, 0, dx);
    yl_tensor_release(dx);
    return status;
}

/* `in_place`: a and the result are one. */
static yl_status note_unary(yl_unary op, const yl_tensor *a, yl_tensor *result, bool in_place)
{
    unsigned reads = yl__unary_slope_reads(op);
    yl_tensor before = *a; /* not the same object as the result: overwritten by it */
    const yl_tensor *saved = reads & YL__READS_RESULT ? result : !reads ? NULL : in_place ? &before : a;
    return yl__tape_note(result, &(yl__note){unary_names[op], pull_unary, {a}, {saved}, {op}});
}

/* ---- whole tensors ----------------------------------------------------------------------------------------------- */

static bool has_zero(const int64_t *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (b[i] == 0) return true;
    return false;
}

static yl_status integer_piece(yl_binary op, const yl__walk *w)
{
    int64_t a[YL__PIECE], b[YL__PIECE], out[YL__PIECE];
    yl__get_integers(w, 1, a);
    yl__get_integers(w, 2, b);
    if ((op == YL_BINARY_FLOORDIV || op == YL_BINARY_MOD) && has_zero(b, w->count))
        return yl__fail(YL_INVALID, "tensor: %s of integers by zero", binary_names[op]);
    integers(op, w->count, a, b, out);
    yl__put_integers(w, 0, out);
    return YL_OK;
}

static yl_status number_piece(yl_binary op, const yl__walk *w)
{
    double a[YL__PIECE], b[YL__PIECE], out[YL__PIECE];
    yl__get_numbers(w, 1, a);
    yl__get_numbers(w, 2, b);
    numbers(op, w->count, a, b, out);
    yl__put_numbers(w, 0, out);
    return YL_OK;
}

/* to = a op b, all of equal dims. */
static yl_status run_binary(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor *to)
{
    yl__walk w;
    char *base[3];
    bool exact = yl__is_integer(a->dtype) && yl__is_integer(b->dtype) && op != YL_BINARY_DIV && op != YL_BINARY_POW;
    YL_TRY(yl__tensor_host(a, &base[1]));
    YL_TRY(yl__tensor_host(b, &base[2]));
    YL_TRY(yl__tensor_host_to_write(to, &base[0]));
    yl_status status = YL_OK;
    yl__walk_start(&w, 3, (const yl_tensor *const[]){to, a, b}, base);
    for (; !w.done && status == YL_OK; yl__walk_next(&w)) status = exact ? integer_piece(op, &w) : number_piece(op, &w);
    return yl__tensor_written(to, status);
}

/* The order in which types win. */
static int rank(yl_dtype t)
{
    return t == YL_U8 ? 0 : t == YL_I32 ? 1 : t == YL_I64 ? 2 : t == YL_F64 ? 4 : 3;
}

yl_dtype yl__binary_type(yl_binary op, yl_dtype a, yl_dtype b)
{
    if (op >= YL_BINARY_EQ) return YL_U8;
    yl_dtype t = rank(a) >= rank(b) ? a : b;
    if (t == YL_BF16 || t == YL_F16) t = YL_F32;
    if (yl__is_integer(t) && (op == YL_BINARY_DIV || op == YL_BINARY_POW)) return YL_F32;
    return t == YL_U8 && op != YL_BINARY_MIN && op != YL_BINARY_MAX ? YL_I32 : t;
}

static yl_status binary_as(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_dtype dtype, yl_tensor **out)
{
    int n_dims;
    int64_t dims[YL_TENSOR_DIMS];
    yl_tensor *wide_a = NULL, *wide_b = NULL, *made = NULL;
    yl_status status = YL_OK;
    YL_TRY(yl__broadcast(a, b, &n_dims, dims));
    YL_TRY_GOTO(yl_tensor_expand(a, n_dims, dims, &wide_a), done);
    YL_TRY_GOTO(yl_tensor_expand(b, n_dims, dims, &wide_b), done);
    YL_TRY_GOTO(yl__tensor_for(a, dtype, n_dims, dims, &made), done);
    YL_TRY_GOTO(run_binary(op, wide_a, wide_b, made), done);
    YL_TRY_GOTO(note_binary(op, wide_a, wide_b, made), done);
    *out = yl_tensor_retain(made);
done:
    yl_tensor_release(wide_a);
    yl_tensor_release(wide_b);
    yl_tensor_release(made);
    return status;
}

yl_status yl_tensor_binary(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    return binary_as(op, a, b, yl__binary_type(op, a->dtype, b->dtype), out);
}

yl_status yl_tensor_binary_number(yl_binary op, const yl_tensor *a, double b, bool integer, bool left, yl_tensor **out)
{
    yl_tensor *number;
    yl_dtype weak = !integer ? YL_F32 : fabs(b) > INT32_MAX ? YL_I64 : yl__is_integer(a->dtype) ? YL_U8 : a->dtype;
    YL_TRY(yl__tensor_for(a, integer ? YL_I64 : YL_F64, 0, NULL, &number));
    yl_status status = yl_tensor_fill(number, b);
    yl_dtype type = yl__binary_type(op, a->dtype, weak);
    if (op < YL_BINARY_EQ && a->dtype == YL_U8 && integer) type = rank(type) < 1 ? YL_I32 : type;
    if (status == YL_OK) status = left ? binary_as(op, number, a, type, out) : binary_as(op, a, number, type, out);
    yl_tensor_release(number);
    return status;
}

yl_status yl_tensor_binary_into(yl_binary op, yl_tensor *to, const yl_tensor *b)
{
    yl_tensor *wide;
    YL_TRY(yl__spread(to, b, &wide));
    yl_tensor before = *to; /* its values are overwritten */
    yl_status status = run_binary(op, to, wide, to);
    if (status == YL_OK) status = note_binary(op, &before, wide, to);
    yl_tensor_release(wide);
    return status;
}

/* Refuses a tensor that is not of the result's dims: only operands broadcast. */
static yl_status check_target(const yl_tensor *to, int n_dims, const int64_t *dims)
{
    char got[128], expected[128];
    if (to->n_dims == n_dims && memcmp(to->dims, dims, (size_t)n_dims * sizeof *dims) == 0) return YL_OK;
    yl_tensor result = {.dtype = to->dtype, .n_dims = n_dims};
    memcpy(result.dims, dims, (size_t)n_dims * sizeof *dims);
    yl_tensor_describe(&result, expected, sizeof expected);
    yl_tensor_describe(to, got, sizeof got);
    return yl__fail(YL_INVALID, "tensor: the result does not fit: expected %s to write to, got %s", expected, got);
}

yl_status yl_tensor_binary_to(yl_binary op, const yl_tensor *a, const yl_tensor *b, yl_tensor *to)
{
    int n_dims;
    int64_t dims[YL_TENSOR_DIMS];
    yl_tensor *x = NULL, *y = NULL;
    yl_status status = YL_OK;
    YL_TRY(yl__broadcast(a, b, &n_dims, dims));
    YL_TRY(check_target(to, n_dims, dims));
    YL_TRY_GOTO(yl__spread(to, a, &x), done);
    YL_TRY_GOTO(yl__spread(to, b, &y), done);
    YL_TRY_GOTO(run_binary(op, x, y, to), done);
    status = note_binary(op, x, y, to);
done:
    yl_tensor_release(x);
    yl_tensor_release(y);
    return status;
}

static yl_status run_unary(yl_unary op, const yl_tensor *a, yl_tensor *to)
{
    yl__walk w;
    char *base[2];
    double x[YL__PIECE];
    int64_t k[YL__PIECE];
    bool exact = yl__is_integer(a->dtype) && keeps_type(op);
    YL_TRY(yl__tensor_host(a, &base[1]));
    YL_TRY(yl__tensor_host_to_write(to, &base[0]));
    for (yl__walk_start(&w, 2, (const yl_tensor *const[]){to, a}, base); !w.done; yl__walk_next(&w)) {
        if (exact) {
            yl__get_integers(&w, 1, k);
            for (int64_t j = 0; j < w.count; j++) k[j] = unary_integer(op, k[j]);
            yl__put_integers(&w, 0, k);
        } else {
            yl__get_numbers(&w, 1, x);
            for (int64_t j = 0; j < w.count; j++) x[j] = unary_number(op, x[j]);
            yl__put_numbers(&w, 0, x);
        }
    }
    return yl__tensor_written(to, YL_OK);
}

yl_status yl_tensor_unary(yl_unary op, const yl_tensor *a, yl_tensor **out)
{
    yl_tensor *made;
    yl_dtype type = a->dtype == YL_U8 ? YL_I32 : a->dtype;
    if (!keeps_type(op) && yl__is_integer(type)) type = YL_F32;
    if (op == YL_UNARY_ISNAN) type = YL_U8;
    YL_TRY(yl__tensor_for(a, type, a->n_dims, a->dims, &made));
    yl_status status = run_unary(op, a, made);
    if (status == YL_OK) status = note_unary(op, a, made, false);
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}

yl_status yl_tensor_unary_into(yl_unary op, yl_tensor *to)
{
    YL_TRY(run_unary(op, to, to));
    return note_unary(op, to, to, true);
}

yl_status yl_tensor_unary_to(yl_unary op, const yl_tensor *a, yl_tensor *to)
{
    yl_tensor *x;
    YL_TRY(check_target(to, a->n_dims, a->dims));
    YL_TRY(yl__spread(to, a, &x));
    yl_status status = run_unary(op, x, to);
    if (status == YL_OK) status = note_unary(op, x, to, false);
    yl_tensor_release(x);
    return status;
}
