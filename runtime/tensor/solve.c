/* Linear equations, by LAPACK (dgesv: elimination with row exchanges), which comes with OpenBLAS. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <limits.h>

extern void dgesv_(const int *n, const int *columns, double *a, const int *lda, int *pivots, double *b, const int *ldb,
                   int *info);

static yl_status check(const yl_tensor *a, const yl_tensor *b)
{
    char left[128], right[128];
    bool fits = a->n_dims == 2 && b->n_dims == 2 && (a->dtype == YL_F32 || a->dtype == YL_F64) &&
                b->dtype == a->dtype && a->dims[0] == a->dims[1] && a->dims[0] == b->dims[0] &&
                yl_tensor_count(a) > 0 && yl_tensor_count(b) > 0 && yl_tensor_count(a) <= INT_MAX &&
                yl_tensor_count(b) <= INT_MAX;
    if (fits) return YL_OK;
    yl_tensor_describe(a, left, sizeof left);
    yl_tensor_describe(b, right, sizeof right);
    return yl__fail(YL_INVALID, "solve: expected {n, n} and {n, m} of f32 or f64, none 0, got %s and %s", left, right);
}

/* The matrix's transpose as doubles; LAPACK, whose matrices are column-major, sees the matrix itself. */
static yl_status read_columns(const yl_tensor *t, double *out)
{
    yl_tensor *wide;
    void *data;
    int64_t m = t->dims[0], n = t->dims[1];
    YL_TRY(yl_tensor_convert(t, YL_F64, &wide));
    yl_status status = yl_tensor_data(wide, &data);
    for (int64_t i = 0; status == YL_OK && i < m; i++)
        for (int64_t j = 0; j < n; j++) out[j * m + i] = ((const double *)data)[i * n + j];
    yl_tensor_release(wide);
    return status;
}

static yl_status give(const yl_tensor *like, const double *columns, yl_tensor **out)
{
    yl_tensor *wide;
    void *data;
    int64_t m = like->dims[0], n = like->dims[1];
    YL_TRY(yl__tensor_for(like, YL_F64, 2, like->dims, &wide));
    yl_status status = yl_tensor_data(wide, &data);
    for (int64_t i = 0; status == YL_OK && i < m; i++)
        for (int64_t j = 0; j < n; j++) ((double *)data)[i * n + j] = columns[j * m + i];
    if (status == YL_OK) status = yl_tensor_convert(wide, like->dtype, out);
    yl_tensor_release(wide);
    return status;
}

static yl_status solve(const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    double *left = NULL, *right = NULL;
    int *pivots = NULL, info = 0;
    YL_TRY(check(a, b));
    int n = (int)b->dims[0], m = (int)b->dims[1];
    yl_status status = yl__alloc(YL_PRODUCT(n, n), sizeof *left, &left);
    if (status == YL_OK) status = yl__alloc(YL_PRODUCT(n, m), sizeof *right, &right);
    if (status == YL_OK) status = yl__alloc(n, sizeof *pivots, &pivots);
    if (status == YL_OK) status = read_columns(a, left);
    if (status == YL_OK) status = read_columns(b, right);
    if (status == YL_OK) dgesv_(&n, &m, left, &n, pivots, right, &n, &info);
    if (info != 0) status = yl__fail(YL_NUMERIC, "solve: the matrix is singular");
    if (status == YL_OK) status = give(b, right, out);
    yl__free(left);
    yl__free(right);
    yl__free(pivots);
    return status;
}

/* With c: a' c = dx, db = c and da = -c x'. */
static yl_status pull(const yl_node *n, const yl_tensor *dx)
{
    yl_tensor *turned = NULL, *d = NULL, *c = NULL, *left = NULL, *right = NULL, *all = NULL, *sum = NULL, *da = NULL;
    yl_status status = YL_OK;
    YL_TRY_GOTO(yl_tensor_permute(yl__tape_saved(n, 0), (int[]){1, 0}, &turned), done);
    YL_TRY_GOTO(yl_tensor_convert(dx, turned->dtype, &d), done);
    YL_TRY_GOTO(solve(turned, d, &c), done);
    if (yl__tape_wants(n, 1)) YL_TRY_GOTO(yl__tape_give(n, 1, c), done);
    if (!yl__tape_wants(n, 0)) goto done;
    YL_TRY_GOTO(yl_tensor_unsqueeze(c, 1, &left), done);
    YL_TRY_GOTO(yl_tensor_unsqueeze(yl__tape_saved(n, 1), 0, &right), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_MUL, left, right, &all), done);
    YL_TRY_GOTO(yl_tensor_reduce(YL_REDUCE_SUM, all, 2, &sum), done);
    YL_TRY_GOTO(yl_tensor_unary(YL_UNARY_NEG, sum, &da), done);
    status = yl__tape_give(n, 0, da);
done:
    for (int i = 0; i < 8; i++) yl_tensor_release((yl_tensor *const[]){turned, d, c, left, right, all, sum, da}[i]);
    return status;
}

yl_status yl_tensor_solve(const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    yl_tensor *made;
    YL_TRY(solve(a, b, &made));
    yl_status status = yl__tape_note(made, &(yl__note){"solve", pull, {a, b}, {a, made}, {0}});
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}
