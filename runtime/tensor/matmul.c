/* Matrix products: checks and layouts here, the arithmetic in kernels/matmul.c. */
#include "kernels/kernels.h"
#include "backend/device.h"
#include "tensor/tape.h"

#include <stdint.h>

/* A matrix that the kernel can take: f32, one stride 1, the other a leading dimension. */
typedef struct matrix {
    yl_tensor *t; /* owned */
    int64_t rows, cols, lead;
    bool transposed;
} matrix;

static bool fits(const matrix *m, const int64_t strides[2])
{
    return (strides[1] == 1 || m->cols == 1) && (strides[0] >= m->cols || m->rows == 1);
}

static yl_status take(const yl_tensor *t, bool column, matrix *out)
{
    bool vector = t->n_dims == 1;
    *out = (matrix){.rows = vector ? (column ? t->dims[0] : 1) : t->dims[0],
                    .cols = vector ? (column ? 1 : t->dims[0]) : t->dims[1]};
    int64_t along = t->strides[0],
            strides[2] = {vector ? (column ? along : out->cols) : along, vector ? (column ? 1 : along) : t->strides[1]};
    int64_t turned[2] = {strides[1], strides[0]};
    matrix mirror = {.rows = out->cols, .cols = out->rows};
    out->transposed = !fits(out, strides) && fits(&mirror, turned);
    if (!out->transposed && !fits(out, strides)) {
        YL_TRY(yl_tensor_clone(t, &out->t));
        out->lead = out->cols;
        return YL_OK;
    }
    YL_TRY(yl_tensor_view(t, &out->t));
    int64_t lead = out->transposed ? strides[1] : strides[0], least = out->transposed ? out->rows : out->cols;
    out->lead = lead > least ? lead : least;
    return YL_OK;
}

static yl_status check(const yl_tensor *a, const yl_tensor *b)
{
    char left[128], right[128];
    bool ranks = a->n_dims >= 1 && a->n_dims <= 2 && b->n_dims >= 1 && b->n_dims <= 2;
    if (ranks && a->dtype == YL_F32 && b->dtype == YL_F32 && a->dims[a->n_dims - 1] == b->dims[0] &&
        yl_tensor_count(a) <= INT32_MAX && yl_tensor_count(b) <= INT32_MAX)
        return YL_OK;
    yl_tensor_describe(a, left, sizeof left);
    yl_tensor_describe(b, right, sizeof right);
    return yl__fail(YL_INVALID, "matmul: expected f32 {m, k} and f32 {k, n}, got %s and %s", left, right);
}

/* `out` is contiguous and shares no memory with the operands. */
static yl_status multiply(const matrix *a, const matrix *b, bool add, yl_tensor *out)
{
    yl_device *host;
    char *x, *y, *z;
    yl_matmul_geom g = {a->rows,       b->cols,       a->cols, a->lead, b->lead, b->cols > 0 ? b->cols : 1,
                        a->transposed, b->transposed, add};
    YL_TRY(yl_device_get("cpu", &host));
    YL_TRY(yl__tensor_host(a->t, &x));
    YL_TRY(yl__tensor_host(b->t, &y));
    YL_TRY(yl__tensor_host(out, &z));
    if (g.m == 0 || g.n == 0) return YL_OK;
    if (g.k == 0) return add ? YL_OK : yl_tensor_fill(out, 0);
    yl_ctx ctx = yl__ctx(host);
    return host->kernels->matmul(&ctx, &g, (const float *)x, (const float *)y, (float *)z);
}

/* The product's dims: a vector's own axis goes. */
static int product_dims(const yl_tensor *a, const yl_tensor *b, int64_t dims[2])
{
    int n = 0;
    if (a->n_dims == 2) dims[n++] = a->dims[0];
    if (b->n_dims == 2) dims[n++] = b->dims[1];
    return n;
}

static yl_status multiply_tensors(const yl_tensor *a, const yl_tensor *b, bool add, yl_tensor *out)
{
    matrix x = {0}, y = {0};
    yl_status status = take(a, false, &x);
    if (status == YL_OK) status = take(b, true, &y);
    if (status == YL_OK) status = multiply(&x, &y, add, out);
    yl_tensor_release(x.t);
    yl_tensor_release(y.t);
    return status;
}

/* ---- gradients: da = dy b', db = a' dy ------------------------------------------------------------------------------ */

/* A vector as the row or the column that it was. */
static yl_status as_matrix(const yl_tensor *t, bool column, yl_tensor **out)
{
    return t->n_dims == 2 ? yl_tensor_view(t, out) : yl_tensor_unsqueeze(t, column, out);
}

/* x y for matrices, with x or y turned. */
static yl_status turned_product(const yl_tensor *x, const yl_tensor *y, bool turn_second, yl_tensor **out)
{
    yl_tensor *turned;
    YL_TRY(yl_tensor_permute(turn_second ? y : x, (int[]){1, 0}, &turned));
    yl_status status = turn_second ? yl_tensor_matmul(x, turned, out) : yl_tensor_matmul(turned, y, out);
    yl_tensor_release(turned);
    return status;
}

/* The gradient of one operand, from the matrices. */
static yl_status pull_side(const yl_node *n, int side, const yl_tensor *a, const yl_tensor *b, const yl_tensor *dy)
{
    yl_tensor *dx, *fitting;
    if (!yl__tape_wants(n, side)) return YL_OK;
    YL_TRY(side == 0 ? turned_product(dy, b, true, &dx) : turned_product(a, dy, false, &dx));
    yl_status status = yl_tensor_reshape(dx, n->inputs[side].window.n_dims, n->inputs[side].window.dims, &fitting);
    yl_tensor_release(dx);
    return status == YL_OK ? yl__tape_give_new(n, side, fitting) : status;
}

static yl_status pull(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *a = NULL, *b = NULL, *d = NULL, *f = NULL;
    bool row = n->number[0] == 1, column = n->number[1] == 1;
    int64_t dims[2] = {row ? 1 : dy->dims[0], column ? 1 : dy->dims[dy->n_dims - 1]};
    yl_status status = YL_OK;
    if (yl__tape_saved(n, 0)) YL_TRY_GOTO(as_matrix(yl__tape_saved(n, 0), false, &a), done);
    if (yl__tape_saved(n, 1)) YL_TRY_GOTO(as_matrix(yl__tape_saved(n, 1), true, &b), done);
    YL_TRY_GOTO(yl_tensor_convert(dy, YL_F32, &f), done);
    YL_TRY_GOTO(yl_tensor_reshape(f, 2, dims, &d), done);
    YL_TRY_GOTO(pull_side(n, 0, a, b, d), done);
    status = pull_side(n, 1, a, b, d);
done:
    yl_tensor_release(a);
    yl_tensor_release(b);
    yl_tensor_release(d);
    yl_tensor_release(f);
    return status;
}

static yl_status note(const yl_tensor *a, const yl_tensor *b, yl_tensor *made)
{
    return yl__tape_note(made, &(yl__note){"matmul",
                                           pull,
                                           {a, b},
                                           {yl_tensor_tracked(b) ? a : NULL, yl_tensor_tracked(a) ? b : NULL},
                                           {a->n_dims, b->n_dims}});
}

yl_status yl_tensor_matmul(const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    int64_t dims[2];
    yl_tensor *made;
    YL_TRY(check(a, b));
    int n = product_dims(a, b, dims);
    YL_TRY(yl__tensor_for(a, YL_F32, n, dims, &made));
    yl_status status = multiply_tensors(a, b, false, made);
    if (status == YL_OK) status = note(a, b, made);
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}

static yl_status check_target(const yl_tensor *a, const yl_tensor *b, const yl_tensor *to)
{
    yl_tensor product = {.dtype = YL_F32};
    char expected[128], got[128];
    product.n_dims = product_dims(a, b, product.dims);
    bool same = to->n_dims == product.n_dims;
    for (int d = 0; same && d < to->n_dims; d++) same = to->dims[d] == product.dims[d];
    if (same) return YL_OK;
    yl_tensor_describe(&product, expected, sizeof expected);
    yl_tensor_describe(to, got, sizeof got);
    return yl__fail(YL_INVALID, "matmul: the product does not fit: expected %s to write to, got %s", expected, got);
}

yl_status yl_tensor_matmul_to(const yl_tensor *a, const yl_tensor *b, bool add, yl_tensor *to)
{
    char *written;
    yl_tensor *made;
    YL_TRY(check(a, b));
    YL_TRY(check_target(a, b, to));
    bool direct = to->dtype == YL_F32 && yl_tensor_contiguous(to) && to->storage != a->storage &&
                  to->storage != b->storage && !yl_tensor_tracked(a) && !yl_tensor_tracked(b) && !yl_tensor_tracked(to);
    if (direct) {
        YL_TRY(yl__tensor_host_to_write(to, &written));
        return yl__tensor_written(to, multiply_tensors(a, b, add, to));
    }
    YL_TRY(yl_tensor_matmul(a, b, &made));
    yl_status status = add ? yl_tensor_binary_into(YL_BINARY_ADD, to, made) : yl_tensor_copy(made, to);
    yl_tensor_release(made);
    return status;
}
