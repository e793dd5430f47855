/* Operations of three operands: a product that is added, and a choice. */
#include "tensor/tape.h"

static yl_status add_product(yl_tensor *to, const yl_tensor *a, const yl_tensor *b)
{
    yl__walk w;
    char *base[3];
    double t[YL__PIECE], x[YL__PIECE], y[YL__PIECE];
    YL_TRY(yl__tensor_host(a, &base[1]));
    YL_TRY(yl__tensor_host(b, &base[2]));
    YL_TRY(yl__tensor_host_to_write(to, &base[0]));
    for (yl__walk_start(&w, 3, (const yl_tensor *const[]){to, a, b}, base); !w.done; yl__walk_next(&w)) {
        yl__get_numbers(&w, 0, t);
        yl__get_numbers(&w, 1, x);
        yl__get_numbers(&w, 2, y);
        for (int64_t j = 0; j < w.count; j++) t[j] += x[j] * y[j];
        yl__put_numbers(&w, 0, t);
    }
    return yl__tensor_written(to, YL_OK);
}

/* to + a b: dy, dy b, dy a */
static yl_status pull_add_product(const yl_node *n, const yl_tensor *dy)
{
    YL_TRY(yl__tape_give(n, 0, dy));
    for (int side = 1; side < 3; side++) {
        yl_tensor *dx;
        if (!yl__tape_wants(n, side)) continue;
        YL_TRY(yl_tensor_binary(YL_BINARY_MUL, dy, yl__tape_saved(n, side - 1), &dx));
        YL_TRY(yl__tape_give_new(n, side, dx));
    }
    return YL_OK;
}

static yl_status note_add_product(yl_tensor *to, const yl_tensor *a, const yl_tensor *b)
{
    return yl__tape_note(to, &(yl__note){"addmul_",
                                         pull_add_product,
                                         {to, a, b},
                                         {yl_tensor_tracked(a) ? b : NULL, yl_tensor_tracked(b) ? a : NULL},
                                         {0}});
}

yl_status yl_tensor_add_product(yl_tensor *to, const yl_tensor *a, const yl_tensor *b)
{
    yl_tensor *x, *y;
    YL_TRY(yl__spread(to, a, &x));
    yl_status status = yl__spread(to, b, &y);
    if (status == YL_OK) {
        status = add_product(to, x, y);
        if (status == YL_OK) status = note_add_product(to, x, y);
        yl_tensor_release(y);
    }
    yl_tensor_release(x);
    return status;
}

/* All of equal dims; `to` is new. */
static yl_status choose(const yl_tensor *mask, const yl_tensor *a, const yl_tensor *b, yl_tensor *to)
{
    yl__walk w;
    char *base[4];
    double m[YL__PIECE], x[YL__PIECE], y[YL__PIECE];
    int64_t k[YL__PIECE], l[YL__PIECE];
    bool exact = yl__is_integer(to->dtype);
    YL_TRY(yl__tensor_host(to, &base[0]));
    YL_TRY(yl__tensor_host(mask, &base[1]));
    YL_TRY(yl__tensor_host(a, &base[2]));
    YL_TRY(yl__tensor_host(b, &base[3]));
    for (yl__walk_start(&w, 4, (const yl_tensor *const[]){to, mask, a, b}, base); !w.done; yl__walk_next(&w)) {
        yl__get_numbers(&w, 1, m);
        if (exact) {
            yl__get_integers(&w, 2, k);
            yl__get_integers(&w, 3, l);
            for (int64_t j = 0; j < w.count; j++) k[j] = m[j] != 0 ? k[j] : l[j];
            yl__put_integers(&w, 0, k);
            continue;
        }
        yl__get_numbers(&w, 2, x);
        yl__get_numbers(&w, 3, y);
        for (int64_t j = 0; j < w.count; j++) x[j] = m[j] != 0 ? x[j] : y[j];
        yl__put_numbers(&w, 0, x);
    }
    return YL_OK;
}

/* The dims that the three broadcast to. */
static yl_status common_dims(const yl_tensor *mask, const yl_tensor *a, const yl_tensor *b, yl_tensor *out)
{
    yl_tensor both = *a; /* only its dims are looked at */
    YL_TRY(yl__broadcast(a, b, &both.n_dims, both.dims));
    *out = both;
    return yl__broadcast(mask, &both, &out->n_dims, out->dims);
}

/* dy goes where the value came from. */
static yl_status pull_where(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *zero, *dx;
    YL_TRY(yl__tensor_for(dy, dy->dtype, 0, NULL, &zero));
    yl_status status = YL_OK;
    for (int side = 0; status == YL_OK && side < 2; side++) {
        if (!yl__tape_wants(n, side)) continue;
        status = yl_tensor_where(yl__tape_saved(n, 0), side == 0 ? dy : zero, side == 0 ? zero : dy, &dx);
        if (status == YL_OK) status = yl__tape_give_new(n, side, dx);
    }
    yl_tensor_release(zero);
    return status;
}

yl_status yl_tensor_where(const yl_tensor *mask, const yl_tensor *a, const yl_tensor *b, yl_tensor **out)
{
    yl_tensor dims, *m = NULL, *x = NULL, *y = NULL, *made = NULL;
    yl_status status = YL_OK;
    YL_TRY(common_dims(mask, a, b, &dims));
    YL_TRY_GOTO(yl_tensor_expand(mask, dims.n_dims, dims.dims, &m), done);
    YL_TRY_GOTO(yl_tensor_expand(a, dims.n_dims, dims.dims, &x), done);
    YL_TRY_GOTO(yl_tensor_expand(b, dims.n_dims, dims.dims, &y), done);
    yl_dtype type = yl__binary_type(YL_BINARY_MIN, a->dtype, b->dtype);
    YL_TRY_GOTO(yl__tensor_for(a, type, dims.n_dims, dims.dims, &made), done);
    YL_TRY_GOTO(choose(m, x, y, made), done);
    YL_TRY_GOTO(yl__tape_note(made, &(yl__note){"where", pull_where, {x, y}, {m}, {0}}), done);
    *out = yl_tensor_retain(made);
done:
    yl_tensor_release(m);
    yl_tensor_release(x);
    yl_tensor_release(y);
    yl_tensor_release(made);
    return status;
}
