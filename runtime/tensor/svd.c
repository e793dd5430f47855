/* The singular value decomposition, by LAPACK (dgesdd: Gu and Eisenstat's divide and conquer), which comes with OpenBLAS. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>

extern void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
                    const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info);

/* Room for one decomposition of a row-major {m, n}; to LAPACK, whose matrices are column-major, it is the transpose {n, m}. */
typedef struct svd_room {
    int m, n, k;
    double *a, *s, *left, *right, *work;
    int *whole;
} svd_room;

static void free_room(svd_room *r)
{
    void *parts[] = {r->a, r->s, r->left, r->right, r->work, r->whole};
    for (int i = 0; i < 6; i++) yl__free(parts[i]);
}

static yl_status make_room(const yl_tensor *t, svd_room *r)
{
    *r = (svd_room){.m = (int)t->dims[0], .n = (int)t->dims[1]};
    r->k = r->m < r->n ? r->m : r->n;
    YL_TRY(yl__alloc(YL_PRODUCT(r->m, r->n), sizeof(double), &r->a));
    YL_TRY(yl__alloc(r->k, sizeof(double), &r->s));
    YL_TRY(yl__alloc(YL_PRODUCT(r->m, r->k), sizeof(double), &r->left));
    YL_TRY(yl__alloc(YL_PRODUCT(r->k, r->n), sizeof(double), &r->right));
    return yl__alloc(YL_PRODUCT(8, r->k), sizeof(int), &r->whole);
}

/* One call asks for the size of the work space, the next one works. job: "S" for all, "N" for the singular values alone, which is several
 * times as fast. */
static yl_status decompose(svd_room *r, const char *job)
{
    double size;
    int lwork = -1, info = 0;
    for (int call = 0; call < 2; call++) {
        dgesdd_(job, &r->n, &r->m, r->a, &r->n, r->s, r->right, &r->n, r->left, &r->k, call ? r->work : &size, &lwork,
                r->whole, &info);
        if (info != 0) return yl__fail(YL_NUMERIC, "svd: did not converge (%d)", info);
        if (call == 0) lwork = (int)size;
        if (call == 0) YL_TRY(yl__alloc(lwork, sizeof(double), &r->work));
    }
    return YL_OK;
}

static yl_status check(const yl_tensor *t)
{
    char text[128];
    bool fits = t->n_dims == 2 && (t->dtype == YL_F32 || t->dtype == YL_F64) && yl_tensor_count(t) > 0 &&
                yl_tensor_count(t) <= INT_MAX / 8;
    if (fits) return YL_OK;
    yl_tensor_describe(t, text, sizeof text);
    return yl__fail(YL_INVALID, "svd: expected f32 or f64 {m, n}, neither 0, got %s", text);
}

static yl_status read_matrix(const yl_tensor *t, double *out)
{
    yl_tensor *wide;
    YL_TRY(yl_tensor_convert(t, YL_F64, &wide));
    yl_status status = yl_tensor_read(wide, out);
    int64_t count = yl_tensor_count(wide);
    yl_tensor_release(wide);
    for (int64_t i = 0; status == YL_OK && i < count; i++)
        if (!isfinite(out[i])) status = yl__fail(YL_NUMERIC, "svd: number %" PRId64 " is not finite", i + 1);
    return status;
}

/* LAPACK's left factor {k, m} and right factor {n, k}, column-major, are the row-major {m, k} and {k, n}. */
static yl_status give(const yl_tensor *t, int n_dims, const int64_t *dims, const double *numbers, yl_tensor **out)
{
    yl_tensor *wide;
    YL_TRY(yl__tensor_for(t, YL_F64, n_dims, dims, &wide));
    yl_status status = yl_tensor_write(wide, numbers);
    if (status == YL_OK) status = yl_tensor_convert(wide, t->dtype, out);
    yl_tensor_release(wide);
    return status;
}

/* They have no gradient, which a walk back that comes here says. */
static yl_status note_parts(const yl_tensor *t, yl_tensor *const *parts)
{
    for (int i = 0; i < 3; i++) YL_TRY(yl__tape_note(parts[i], &(yl__note){.name = "svd", .inputs = {t}}));
    return YL_OK;
}

yl_status yl_tensor_svd(const yl_tensor *t, yl_tensor **u, yl_tensor **s, yl_tensor **v)
{
    svd_room r;
    YL_TRY(check(t));
    yl_status status = make_room(t, &r);
    if (status == YL_OK) status = read_matrix(t, r.a);
    if (status == YL_OK) status = decompose(&r, "S");
    if (status == YL_OK) status = give(t, 2, (int64_t[]){r.m, r.k}, r.left, u);
    if (status == YL_OK) status = give(t, 1, (int64_t[]){r.k}, r.s, s);
    if (status == YL_OK) status = give(t, 2, (int64_t[]){r.k, r.n}, r.right, v);
    if (status == YL_OK) status = note_parts(t, (yl_tensor *const[]){*u, *s, *v});
    free_room(&r);
    return status;
}

/* dt = u diag(ds) v */
static yl_status pull_values(const yl_node *n, const yl_tensor *ds)
{
    yl_tensor *u = NULL, *s = NULL, *v = NULL, *scaled = NULL, *left = NULL, *right = NULL, *all = NULL, *dt = NULL;
    yl_status status = YL_OK;
    YL_TRY_GOTO(yl_tensor_svd(yl__tape_saved(n, 0), &u, &s, &v), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_MUL, u, ds, &scaled), done);
    YL_TRY_GOTO(yl_tensor_unsqueeze(scaled, 2, &left), done);
    YL_TRY_GOTO(yl_tensor_unsqueeze(v, 0, &right), done);
    YL_TRY_GOTO(yl_tensor_binary(YL_BINARY_MUL, left, right, &all), done);
    YL_TRY_GOTO(yl_tensor_reduce(YL_REDUCE_SUM, all, 1, &dt), done);
    status = yl__tape_give(n, 0, dt);
done:
    for (int i = 0; i < 8; i++) yl_tensor_release((yl_tensor *const[]){u, s, v, scaled, left, right, all, dt}[i]);
    return status;
}

yl_status yl_tensor_singular_values(const yl_tensor *t, yl_tensor **s)
{
    svd_room r;
    YL_TRY(check(t));
    yl_status status = make_room(t, &r);
    if (status == YL_OK) status = read_matrix(t, r.a);
    if (status == YL_OK) status = decompose(&r, "N");
    if (status == YL_OK) status = give(t, 1, (int64_t[]){r.k}, r.s, s);
    free_room(&r);
    if (status != YL_OK) return status;
    return yl__tape_note(*s, &(yl__note){"singular_values", pull_values, {t}, {t}, {0}});
}
