/* Elements by their places along an axis, and tensors side by side. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <string.h>

/* ---- index_select -------------------------------------------------------------------------------------------------- */

/* to[k] (+)= from[i] along the axis, for each pair of places. */
static yl_status move_slices(const yl_tensor *from, yl_tensor *to, int axis, int64_t count, const int64_t *indices,
                             bool back)
{
    yl_status status = YL_OK;
    for (int64_t i = 0; i < count && status == YL_OK; i++) {
        yl_tensor *x = NULL, *y = NULL;
        status = yl_tensor_select(from, axis, back ? i : indices[i], &x);
        if (status == YL_OK) status = yl_tensor_select(to, axis, back ? indices[i] : i, &y);
        if (status == YL_OK) status = back ? yl_tensor_binary_into(YL_BINARY_ADD, y, x) : yl_tensor_copy(x, y);
        yl_tensor_release(x);
        yl_tensor_release(y);
    }
    return status;
}

static yl_status pull_select(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *dx;
    void *indices;
    YL_TRY(yl_tensor_data(yl__tape_saved(n, 0), &indices));
    YL_TRY(yl__tape_new(n, 0, &dx));
    yl_status status = move_slices(dy, dx, (int)n->number[0], yl__tape_saved(n, 0)->dims[0], indices, true);
    if (status == YL_OK) return yl__tape_give_new(n, 0, dx);
    yl_tensor_release(dx);
    return status;
}

static yl_status note_select(const yl_tensor *t, int axis, int64_t count, const int64_t *indices, yl_tensor *made)
{
    yl_tensor *kept;
    if (!yl_tensor_tracked(t)) return YL_OK;
    YL_TRY(yl__tensor_for(t, YL_I64, 1, &count, &kept));
    yl_status status = yl_tensor_write(kept, indices);
    if (status == YL_OK) status = yl__tape_note(made, &(yl__note){"index_select", pull_select, {t}, {kept}, {axis}});
    yl_tensor_release(kept);
    return status;
}

yl_status yl_tensor_index_select(const yl_tensor *t, int axis, int64_t count, const int64_t *indices, yl_tensor **out)
{
    int64_t dims[YL_TENSOR_DIMS];
    yl_tensor *made;
    YL_TRY(yl__tensor_check_axis(t, axis));
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = count;
    YL_TRY(yl__tensor_for(t, t->dtype, t->n_dims, dims, &made));
    yl_tape_pause(1);
    yl_status status = move_slices(t, made, axis, count, indices, false);
    yl_tape_pause(-1);
    if (status == YL_OK) status = note_select(t, axis, count, indices, made);
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}

/* ---- gather -------------------------------------------------------------------------------------------------------- */

/* The part of t that lies over `index`, with one place of the axis: the elements at that place are offset from it. */
static yl_tensor first_places(const yl_tensor *t, int axis, const yl_tensor *index)
{
    yl_tensor base = *t;
    memcpy(base.dims, index->dims, sizeof base.dims);
    base.strides[axis] = 0;
    return base;
}

/* out = t at the places, or (back) t += out there; `places` is i64. `base` of 0 along the axis is stepped from by hand. */
static yl_status move_places(yl_tensor *t, int axis, const yl_tensor *places, yl_tensor *out, bool back)
{
    yl__walk w;
    char *memory[3];
    yl_tensor base = first_places(t, axis, places);
    int64_t at[YL__PIECE], step = t->strides[axis] * (int64_t)yl_dtype_bytes(t->dtype), size = t->dims[axis];
    YL_TRY(yl__tensor_host(&base, &memory[0]));
    YL_TRY(yl__tensor_host(places, &memory[1]));
    YL_TRY(yl__tensor_host(out, &memory[2]));
    for (yl__walk_start(&w, 3, (const yl_tensor *const[]){&base, places, out}, memory); !w.done; yl__walk_next(&w)) {
        yl__get_integers(&w, 1, at);
        for (int64_t j = 0; j < w.count; j++) {
            double x, y;
            if (at[j] < 0 || at[j] >= size)
                return yl__fail(YL_INVALID, "gather: index %lld is outside axis %d of size %lld", (long long)at[j] + 1,
                                axis + 1, (long long)size);
            char *here = yl__walk_at(&w, 0, j) + at[j] * step, *there = yl__walk_at(&w, 2, j);
            yl__load_numbers(t->dtype, here, 1, 1, &x);
            if (back) yl__load_numbers(out->dtype, there, 1, 1, &y), x += y;
            yl__store_numbers(back ? t->dtype : out->dtype, &x, 1, back ? here : there, 1);
        }
    }
    return YL_OK;
}

static yl_status pull_gather(const yl_node *n, const yl_tensor *dy)
{
    yl_tensor *dx, *d;
    YL_TRY(yl__tape_new(n, 0, &dx));
    yl_status status = yl_tensor_view(dy, &d);
    if (status == YL_OK) {
        status = move_places(dx, (int)n->number[0], yl__tape_saved(n, 0), d, true);
        yl_tensor_release(d);
    }
    if (status == YL_OK) return yl__tape_give_new(n, 0, dx);
    yl_tensor_release(dx);
    return status;
}

static yl_status check_gather(const yl_tensor *t, int axis, const yl_tensor *index)
{
    char want[128], got[128];
    YL_TRY(yl__tensor_check_axis(t, axis));
    bool fits = t->n_dims == index->n_dims;
    for (int d = 0; fits && d < t->n_dims; d++) fits = d == axis || index->dims[d] <= t->dims[d];
    if (fits) return YL_OK;
    yl_tensor_describe(t, want, sizeof want);
    yl_tensor_describe(index, got, sizeof got);
    return yl__fail(YL_INVALID,
                    "gather: expected an index for each axis of %s, longer than it in axis %d at most, got %s", want,
                    axis + 1, got);
}

yl_status yl_tensor_gather(const yl_tensor *t, int axis, const yl_tensor *index, yl_tensor **out)
{
    yl_tensor *places = NULL, *made = NULL, *from = NULL;
    yl_status status = YL_OK;
    YL_TRY(check_gather(t, axis, index));
    YL_TRY_GOTO(yl_tensor_convert(index, YL_I64, &places), done);
    YL_TRY_GOTO(yl__tensor_for(t, t->dtype, index->n_dims, index->dims, &made), done);
    YL_TRY_GOTO(yl_tensor_view(t, &from), done);
    YL_TRY_GOTO(move_places(from, axis, places, made, false), done);
    YL_TRY_GOTO(yl__tape_note(made, &(yl__note){"gather", pull_gather, {t}, {places}, {axis}}), done);
    *out = yl_tensor_retain(made);
done:
    yl_tensor_release(places);
    yl_tensor_release(made);
    yl_tensor_release(from);
    return status;
}

/* ---- cat: copies, which are noted as such ---------------------------------------------------------------------------- */

static yl_status cat_sizes(int64_t count, const yl_tensor *const *tensors, int axis, yl_tensor *like)
{
    char want[128], got[128];
    for (int64_t i = 1; i < count; i++) {
        const yl_tensor *t = tensors[i];
        bool fits = t->n_dims == like->n_dims;
        for (int d = 0; fits && d < t->n_dims; d++) fits = d == axis || t->dims[d] == like->dims[d];
        if (!fits) {
            yl_tensor_describe(tensors[0], want, sizeof want);
            yl_tensor_describe(t, got, sizeof got);
            return yl__fail(YL_INVALID, "cat: tensor %lld: expected the sizes of %s but for axis %d, got %s",
                            (long long)i + 1, want, axis + 1, got);
        }
        like->dims[axis] += t->dims[axis];
        like->dtype = yl__binary_type(YL_BINARY_MIN, like->dtype, t->dtype);
    }
    return YL_OK;
}

yl_status yl_tensor_cat(int64_t count, const yl_tensor *const *tensors, int axis, yl_tensor **out)
{
    yl_tensor like, *made, *place;
    if (count < 1) return yl__fail(YL_INVALID, "cat: expected at least one tensor");
    like = *tensors[0];
    YL_TRY(yl__tensor_check_axis(&like, axis));
    YL_TRY(cat_sizes(count, tensors, axis, &like));
    YL_TRY(yl__tensor_for(tensors[0], like.dtype, like.n_dims, like.dims, &made));
    yl_status status = YL_OK;
    for (int64_t i = 0, at = 0; status == YL_OK && i < count; i++) {
        status = yl_tensor_slice(made, axis, at, tensors[i]->dims[axis], 1, &place);
        if (status != YL_OK) break;
        status = yl_tensor_copy(tensors[i], place);
        at += tensors[i]->dims[axis];
        yl_tensor_release(place);
    }
    if (status == YL_OK)
        *out = made;
    else
        yl_tensor_release(made);
    return status;
}
