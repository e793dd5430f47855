/* Copies: of other types and layouts, and views that may have to be copies. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <string.h>

/* b itself, or a copy where b overlaps `to` in another layout and would be read after it was overwritten. */
static yl_status settled(const yl_tensor *to, const yl_tensor *b, yl_tensor **out)
{
    bool same = to->offset == b->offset && to->n_dims == b->n_dims && to->dtype == b->dtype &&
                memcmp(to->dims, b->dims, (size_t)b->n_dims * sizeof *b->dims) == 0 &&
                memcmp(to->strides, b->strides, (size_t)b->n_dims * sizeof *b->strides) == 0;
    return to->storage == b->storage && !same ? yl_tensor_clone(b, out) : yl_tensor_view(b, out);
}

yl_status yl__spread(const yl_tensor *to, const yl_tensor *b, yl_tensor **out)
{
    yl_tensor *own;
    YL_TRY(settled(to, b, &own));
    yl_status status = yl_tensor_expand(own, to->n_dims, to->dims, out);
    yl_tensor_release(own);
    return status;
}

/* to = from, of equal dims. */
static yl_status run(const yl_tensor *from, yl_tensor *to)
{
    yl__walk w;
    char *base[2];
    double numbers[YL__PIECE];
    int64_t integers[YL__PIECE];
    YL_TRY(yl__tensor_host(from, &base[1]));
    YL_TRY(yl__tensor_host_to_write(to, &base[0]));
    for (yl__walk_start(&w, 2, (const yl_tensor *const[]){to, from}, base); !w.done; yl__walk_next(&w)) {
        if (yl__is_integer(from->dtype)) {
            yl__get_integers(&w, 1, integers);
            yl__put_integers(&w, 0, integers);
        } else {
            yl__get_numbers(&w, 1, numbers);
            yl__put_numbers(&w, 0, numbers);
        }
    }
    return yl__tensor_written(to, YL_OK);
}

yl_status yl_tensor_copy(const yl_tensor *from, yl_tensor *to)
{
    yl_tensor *wide;
    YL_TRY(yl__spread(to, from, &wide));
    yl_status status = run(wide, to);
    if (status == YL_OK) status = yl__tape_copy("copy", wide, to);
    yl_tensor_release(wide);
    return status;
}

yl_status yl_tensor_convert(const yl_tensor *t, yl_dtype dtype, yl_tensor **out)
{
    yl_tensor *made;
    void *gone;
    YL_TRY(yl_tensor_data(t, &gone));
    YL_TRY(yl__tensor_for(t, dtype, t->n_dims, t->dims, &made));
    yl_status status = yl_tensor_copy(t, made);
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}

yl_status yl_tensor_clone(const yl_tensor *t, yl_tensor **out)
{
    return yl_tensor_convert(t, t->dtype, out);
}

/* Fills in the size that is -1. */
static yl_status complete_dims(const yl_tensor *t, int n_dims, const int64_t *dims, int64_t *out)
{
    int64_t count = yl_tensor_count(t), known;
    int open = -1;
    char from[128];
    for (int d = 0; d < n_dims; d++) {
        out[d] = dims[d];
        if (dims[d] == -1 && open < 0)
            open = d;
        else if (dims[d] < 0)
            return yl__fail(YL_INVALID, "tensor: reshape: expected sizes of at least 0 (one may be -1), got %lld",
                            (long long)dims[d]);
    }
    if (open >= 0) out[open] = 1;
    known = yl__product(n_dims, out);
    if (open >= 0 && known > 0) out[open] = count / known;
    if ((open >= 0 && known > 0 ? out[open] * known : open >= 0 ? -1 : known) == count) return YL_OK;
    yl_tensor_describe(t, from, sizeof from);
    return yl__fail(YL_INVALID, "tensor: reshape: %s has %lld elements, which the new sizes do not give", from,
                    (long long)count);
}

yl_status yl_tensor_reshape(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out)
{
    int64_t full[YL_TENSOR_DIMS];
    if (n_dims < 0 || n_dims > YL_TENSOR_DIMS)
        return yl__fail(YL_INVALID, "tensor: expected at most %d dimensions, got %d", YL_TENSOR_DIMS, n_dims);
    YL_TRY(complete_dims(t, n_dims, dims, full));
    YL_TRY(yl_tensor_contiguous(t) ? yl_tensor_view(t, out) : yl_tensor_clone(t, out));
    yl__tensor_set_dims(*out, n_dims, full);
    return YL_OK;
}
