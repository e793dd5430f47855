/* Reductions, in the order of the elements, in double precision or exactly. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <math.h>

typedef struct accumulator {
    double sum, best;
    int64_t exact_sum, exact_best, place, seen;
} accumulator;

/* i64 sums that do not fit stay at the end of the range. */
static int64_t add(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? (b < 0 ? INT64_MIN : INT64_MAX) : r;
}

static bool is_max(yl_reduction op)
{
    return op == YL_REDUCE_MAX || op == YL_REDUCE_ARGMAX;
}

static void take_number(accumulator *acc, bool max, double x)
{
    acc->sum += x;
    bool better = acc->seen == 0 || (isnan(x) && !isnan(acc->best)) || (max ? x > acc->best : x < acc->best);
    if (better) {
        acc->best = x;
        acc->place = acc->seen;
    }
    acc->seen++;
}

static void take_integer(accumulator *acc, bool max, int64_t x)
{
    acc->exact_sum = add(acc->exact_sum, x);
    acc->sum += (double)x;
    if (acc->seen == 0 || (max ? x > acc->exact_best : x < acc->exact_best)) {
        acc->exact_best = x;
        acc->place = acc->seen;
    }
    acc->seen++;
}

static void take(accumulator *acc, yl_reduction op, yl_dtype dtype, const char *at, int64_t stride, int64_t count)
{
    double x[YL__PIECE];
    int64_t k[YL__PIECE];
    for (int64_t i = 0; i < count; i += YL__PIECE) {
        int64_t n = count - i < YL__PIECE ? count - i : YL__PIECE;
        const char *from = at + i * stride * (int64_t)yl_dtype_bytes(dtype);
        if (yl__is_integer(dtype)) {
            yl__load_integers(dtype, from, stride, n, k);
            for (int64_t j = 0; j < n; j++) take_integer(acc, is_max(op), k[j]);
        } else {
            yl__load_numbers(dtype, from, stride, n, x);
            for (int64_t j = 0; j < n; j++) take_number(acc, is_max(op), x[j]);
        }
    }
}

static void give(const accumulator *acc, yl_reduction op, yl_dtype from, yl_dtype dtype, char *to)
{
    double number = op == YL_REDUCE_SUM ? acc->sum : op == YL_REDUCE_MEAN ? acc->sum / (double)acc->seen : acc->best;
    int64_t integer = op == YL_REDUCE_SUM ? acc->exact_sum : op >= YL_REDUCE_ARGMIN ? acc->place : acc->exact_best;
    bool exact = op >= YL_REDUCE_ARGMIN || (yl__is_integer(from) && op != YL_REDUCE_MEAN);
    if (exact)
        yl__store_integers(dtype, &integer, 1, to, 1);
    else
        yl__store_numbers(dtype, &number, 1, to, 1);
}

/* What the result counts in; a single number keeps double precision. */
static yl_dtype result_type(yl_reduction op, yl_dtype from, bool single)
{
    if (op >= YL_REDUCE_ARGMIN) return YL_I64;
    if (op == YL_REDUCE_MIN || op == YL_REDUCE_MAX) return from;
    if (op == YL_REDUCE_SUM && yl__is_integer(from)) return YL_I64;
    return single || from == YL_F64 ? YL_F64 : YL_F32;
}

static yl_status reduce_all(yl_reduction op, const yl_tensor *a, yl_tensor *out)
{
    yl__walk w;
    char *base, *to;
    accumulator acc = {0};
    YL_TRY(yl__tensor_host(a, &base));
    YL_TRY(yl__tensor_host(out, &to));
    for (yl__walk_start(&w, 1, &a, &base); !w.done; yl__walk_next(&w))
        take(&acc, op, a->dtype, w.at[0], w.stride[0], w.count);
    give(&acc, op, a->dtype, out->dtype, to);
    return YL_OK;
}

/* Sums of floats where the results lie side by side and each one's elements far apart (an axis in front of the last): a piece of
 * results at a time, so that memory is read in rows. Each sum keeps the order of its elements. */
static void sum_piece(yl_reduction op, const yl__walk *w, yl_dtype from, int64_t count, int64_t stride)
{
    double sums[YL__PIECE] = {0}, x[YL__PIECE];
    const char *at = w->at[1];
    for (int64_t k = 0; k < count; k++, at += stride * (int64_t)yl_dtype_bytes(from)) {
        yl__load_numbers(from, at, w->stride[1], w->count, x);
        for (int64_t j = 0; j < w->count; j++) sums[j] += x[j];
    }
    for (int64_t j = 0; j < w->count && op == YL_REDUCE_MEAN; j++) sums[j] /= (double)count;
    yl__put_numbers(w, 0, sums);
}

/* `rest` is `a` with the axis gone: each of its elements starts a run of `count` elements, `stride` apart. */
static yl_status reduce_axis(yl_reduction op, const yl_tensor *rest, int64_t count, int64_t stride, yl_tensor *out)
{
    yl__walk w;
    char *base[2];
    YL_TRY(yl__tensor_host(rest, &base[1]));
    YL_TRY(yl__tensor_host(out, &base[0]));
    bool sums = (op == YL_REDUCE_SUM || op == YL_REDUCE_MEAN) && !yl__is_integer(rest->dtype);
    for (yl__walk_start(&w, 2, (const yl_tensor *const[]){out, rest}, base); !w.done; yl__walk_next(&w)) {
        if (sums && w.stride[1] < stride) {
            sum_piece(op, &w, rest->dtype, count, stride);
            continue;
        }
        for (int64_t i = 0; i < w.count; i++) {
            accumulator acc = {0};
            take(&acc, op, rest->dtype, yl__walk_at(&w, 1, i), stride, count);
            give(&acc, op, rest->dtype, out->dtype, yl__walk_at(&w, 0, i));
        }
    }
    return YL_OK;
}

static yl_status check(yl_reduction op, const yl_tensor *a, int axis)
{
    char text[128];
    if (axis < -1 || axis >= a->n_dims)
        return yl__fail(YL_INVALID, "tensor: axis %d is out of range for a tensor of %d dimensions", axis + 1,
                        a->n_dims);
    int64_t count = axis < 0 ? yl_tensor_count(a) : a->dims[axis];
    if (count > 0 || op == YL_REDUCE_SUM || op == YL_REDUCE_MEAN) return YL_OK;
    yl_tensor_describe(a, text, sizeof text);
    return yl__fail(YL_INVALID, "tensor: %s has no smallest or largest element", text);
}

/* ---- gradients: number[0] is the operation, number[1] the axis or -1 ----------------------------------------------- */

/* What was reduced to one number, repeated as often as there were elements: `t` of the result's dims becomes one of the operand's. */
static yl_status spread_back(const yl_node *n, const yl_tensor *t, yl_tensor **out)
{
    const yl__window *w = &n->inputs[0].window;
    yl_tensor *wide;
    if (n->number[1] < 0) return yl_tensor_expand(t, w->n_dims, w->dims, out);
    YL_TRY(yl_tensor_unsqueeze(t, (int)n->number[1], &wide));
    yl_status status = yl_tensor_expand(wide, w->n_dims, w->dims, out);
    yl_tensor_release(wide);
    return status;
}

static yl_status pull_sum(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *share = NULL, *dx = NULL;
    const yl__window *w = &n->inputs[0].window;
    int64_t count = n->number[1] < 0 ? yl__product(w->n_dims, w->dims) : w->dims[n->number[1]];
    yl_status status = n->number[0] == YL_REDUCE_SUM
                           ? yl_tensor_view(dy, &share)
                           : yl_tensor_binary_number(YL_BINARY_DIV, dy, (double)count, false, false, &share);
    if (status == YL_OK) status = spread_back(n, share, &dx);
    if (status == YL_OK) status = yl__tape_give(n, 0, dx);
    yl_tensor_release(share);
    yl_tensor_release(dx);
    return status;
}

/* Elements that are equal to the extreme one share its gradient. */
static yl_status pull_extreme(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *best = NULL, *at = NULL, *ties = NULL, *share = NULL, *wide = NULL, *dx = NULL;
    yl_status status = YL_OK;
    YL_TRY_GOTO(spread_back(n, yl__tape_saved(n, 1), &best), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_EQ, yl__tape_saved(n, 0), best, &at), done);
    YL_TRY_GOTO(yl_tensor_reduce(YL_REDUCE_SUM, at, (int)n->number[1], &ties), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_DIV, dy, ties, &share), done);
    YL_TRY_GOTO(spread_back(n, share, &wide), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_MUL, at, wide, &dx), done);
    status = yl__tape_give(n, 0, dx);
done:
    yl_tensor_release(best);
    yl_tensor_release(at);
    yl_tensor_release(ties);
    yl_tensor_release(share);
    yl_tensor_release(wide);
    yl_tensor_release(dx);
    return status;
}

static yl_status note(yl_reduction op, const yl_tensor *a, int axis, yl_tensor *made)
{
    static const char *const names[] = {
#define X(name, text) text,
        YL_REDUCTIONS(X)
#undef X
    };
    bool extreme = op == YL_REDUCE_MIN || op == YL_REDUCE_MAX;
    yl__note said = {names[op], extreme ? pull_extreme : pull_sum, {a}, {NULL}, {op, axis}};
    if (extreme) said.saved[0] = a, said.saved[1] = made;
    return yl__tape_note(made, &said);
}

yl_status yl_tensor_reduce(yl_reduction op, const yl_tensor *a, int axis, yl_tensor **out)
{
    int64_t dims[YL_TENSOR_DIMS];
    int n = 0;
    yl_tensor *made, rest = *a; /* a view on the stack: it never outlives this call */
    YL_TRY(check(op, a, axis));
    for (int d = 0; axis >= 0 && d < a->n_dims; d++) {
        if (d == axis) continue;
        rest.dims[n] = dims[n] = a->dims[d];
        rest.strides[n++] = a->strides[d];
    }
    rest.n_dims = n;
    YL_TRY(yl__tensor_for(a, result_type(op, a->dtype, axis < 0), n, dims, &made));
    yl_status status =
        axis < 0 ? reduce_all(op, a, made) : reduce_axis(op, &rest, a->dims[axis], a->strides[axis], made);
    if (status == YL_OK) status = note(op, a, axis, made);
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}

/* Takes axis d out of the view; with `merge` its elements become further ones of the axis before it. */
static void drop_axis(yl_tensor *view, int d, bool merge)
{
    if (merge) {
        view->dims[d - 1] *= view->dims[d];
        view->strides[d - 1] = view->strides[d];
    }
    view->n_dims--;
    for (int i = d; i < view->n_dims; i++) {
        view->dims[i] = view->dims[i + 1];
        view->strides[i] = view->strides[i + 1];
    }
}

/* Neighbouring axes of the set that lie as one become one. Returns the axes that are left. */
static unsigned merge_axes(yl_tensor *view, unsigned axes)
{
    for (int d = view->n_dims - 1; d > 0; d--) {
        unsigned both = 3u << (d - 1);
        if ((axes & both) != both || view->strides[d - 1] != view->strides[d] * view->dims[d]) continue;
        drop_axis(view, d, true);
        unsigned below = (1u << d) - 1;
        axes = (axes & below) | (axes >> 1 & ~below);
    }
    return axes;
}

yl_status yl_tensor_reduce_axes(yl_reduction op, const yl_tensor *a, unsigned axes, yl_tensor **out)
{
    yl_tensor view = *a, *from = NULL, *made = NULL; /* the view is on the stack: it never outlives this call */
    if (op >= YL_REDUCE_ARGMIN && (axes & (axes - 1)))
        return yl__fail(YL_INVALID, "tensor: the place of the smallest or largest element is found along one axis");
    axes = merge_axes(&view, axes);
    for (int d = view.n_dims - 1; d >= 0; d--) {
        if (!(axes & 1u << d)) continue;
        yl_status status = yl_tensor_reduce(op, from ? from : &view, d, &made);
        yl_tensor_release(from);
        YL_TRY(status);
        from = made;
    }
    if (!from) return yl__fail(YL_INVALID, "tensor: expected an axis to reduce over, got none");
    *out = from;
    return YL_OK;
}
