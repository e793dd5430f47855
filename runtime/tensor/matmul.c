/* Matrix products: checks and layouts here, the arithmetic in kernels/matmul.c. */
#include "kernels/kernels.h"
#include "tensor/rows.h"

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

static yl_status multiply(const matrix *a, const matrix *b, yl_tensor *out)
{
    yl_device *device = yl_tensor_device(out);
    yl_ctx ctx = yl__ctx(device);
    void *x, *y, *z;
    yl_matmul_geom g = {a->rows,       b->cols,      a->cols, a->lead, b->lead, b->cols > 0 ? b->cols : 1,
                        a->transposed, b->transposed};
    YL_TRY(yl_tensor_data(a->t, &x));
    YL_TRY(yl_tensor_data(b->t, &y));
    YL_TRY(yl_tensor_data(out, &z));
    if (g.m == 0 || g.n == 0 || g.k == 0) return YL_OK; /* `out` is zero already */
    return device->kernels->matmul(&ctx, &g, x, y, z);
}

yl_status yl_tensor_matmul(const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    int64_t dims[2];
    int n = 0;
    matrix x = {0}, y = {0};
    yl_tensor *made = NULL;
    yl_status status = YL_OK;
    YL_TRY(check(a, b));
    YL_TRY_GOTO(take(a, false, &x), done);
    YL_TRY_GOTO(take(b, true, &y), done);
    if (a->n_dims == 2) dims[n++] = x.rows;
    if (b->n_dims == 2) dims[n++] = y.cols;
    YL_TRY_GOTO(yl_tensor_new(yl_tensor_device(a), YL_F32, n, dims, &made), done);
    YL_TRY_GOTO(multiply(&x, &y, made), done);
    *out = yl_tensor_retain(made);
done:
    yl_tensor_release(x.t);
    yl_tensor_release(y.t);
    yl_tensor_release(made);
    return status;
}
