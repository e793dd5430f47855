/* Softmax along an axis, and its logarithm: y = x - max x - log sum exp(x - max x). */
#include "tensor/tape.h"

#include <math.h>

/* One run of `count` numbers, `step` bytes apart in each. */
static void run(bool logarithm, int64_t count, yl_dtype from, const char *x, int64_t x_step, yl_dtype to, char *y,
                int64_t y_step)
{
    double top = -INFINITY, sum = 0, v;
    for (int64_t i = 0; i < count; i++) {
        yl__load_numbers(from, x + i * x_step, 1, 1, &v);
        top = isnan(v) || v > top ? v : top;
    }
    for (int64_t i = 0; i < count; i++) {
        yl__load_numbers(from, x + i * x_step, 1, 1, &v);
        sum += exp(v - top);
    }
    for (int64_t i = 0; i < count; i++) {
        yl__load_numbers(from, x + i * x_step, 1, 1, &v);
        v = logarithm ? v - top - log(sum) : exp(v - top) / sum;
        yl__store_numbers(to, &v, 1, y + i * y_step, 1);
    }
}

static int64_t bytes(const yl_tensor *t, int axis)
{
    return t->strides[axis] * (int64_t)yl_dtype_bytes(t->dtype);
}

/* t without the axis: where its runs begin. A view on the stack. */
static yl_tensor starts(const yl_tensor *t, int axis)
{
    yl_tensor s = *t;
    s.n_dims--;
    for (int d = axis; d < s.n_dims; d++) {
        s.dims[d] = t->dims[d + 1];
        s.strides[d] = t->strides[d + 1];
    }
    return s;
}

static yl_status compute(const yl_tensor *t, int axis, bool logarithm, yl_tensor *made)
{
    yl__walk w;
    char *base[2];
    yl_tensor from = starts(t, axis), to = starts(made, axis);
    YL_TRY(yl__tensor_host(&to, &base[0]));
    YL_TRY(yl__tensor_host(&from, &base[1]));
    for (yl__walk_start(&w, 2, (const yl_tensor *const[]){&to, &from}, base); !w.done; yl__walk_next(&w))
        for (int64_t j = 0; j < w.count; j++)
            run(logarithm, t->dims[axis], t->dtype, yl__walk_at(&w, 1, j), bytes(t, axis), made->dtype,
                yl__walk_at(&w, 0, j), bytes(made, axis));
    return YL_OK;
}

/* dx = p (dy - sum p dy), or dy - p sum dy for the logarithm; p: the softmax. */
static yl_status pull(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *p = NULL, *weighted = NULL, *sum = NULL, *wide = NULL, *part = NULL, *dx = NULL;
    bool logarithm = n->number[1];
    const yl_tensor *y = yl__tape_saved(n, 0);
    yl_status status = YL_OK;
    YL_TRY_GOTO(logarithm ? yl_tensor_unary(YL_UNARY_EXP, y, &p) : yl_tensor_view(y, &p), done);
    YL_TRY_GOTO(logarithm ? yl_tensor_view(dy, &weighted) : yl_tensor_binary(YL_BINARY_MUL, p, dy, &weighted), done);
    YL_TRY_GOTO(yl_tensor_reduce(YL_REDUCE_SUM, weighted, (int)n->number[0], &sum), done);
    YL_TRY_GOTO(yl_tensor_unsqueeze(sum, (int)n->number[0], &wide), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_MUL, p, wide, &part), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_SUB, weighted, part, &dx), done);
    status = yl__tape_give(n, 0, dx);
done:
    yl_tensor_release(p);
    yl_tensor_release(weighted);
    yl_tensor_release(sum);
    yl_tensor_release(wide);
    yl_tensor_release(part);
    yl_tensor_release(dx);
    return status;
}

yl_status yl_tensor_softmax(const yl_tensor *t, int axis, bool logarithm, yl_tensor **out)
{
    yl_tensor *made;
    YL_TRY(yl__tensor_check_axis(t, axis));
    YL_TRY(yl__tensor_for(t, t->dtype == YL_F64 ? YL_F64 : YL_F32, t->n_dims, t->dims, &made));
    yl_status status = compute(t, axis, logarithm, made);
    if (status == YL_OK)
        status = yl__tape_note(
            made, &(yl__note){logarithm ? "log_softmax" : "softmax", pull, {t}, {made}, {axis, logarithm}});
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}
