/* Values in and out: single elements, fills, random draws, host memory. */
#include "backend/device.h"
#include "core/memory.h"
#include "tensor/tape.h"

#include <math.h>
#include <string.h>

static yl_status element(const yl_tensor *t, const int64_t *index, int64_t *out)
{
    *out = 0;
    for (int d = 0; d < t->n_dims; d++) {
        if (index[d] < 0 || index[d] >= t->dims[d])
            return yl__fail(YL_INVALID, "tensor: index %lld is outside axis %d of size %lld", (long long)index[d] + 1,
                            d + 1, (long long)t->dims[d]);
        *out += index[d] * t->strides[d] * (int64_t)yl_dtype_bytes(t->dtype);
    }
    return YL_OK;
}

yl_status yl_tensor_get(const yl_tensor *t, const int64_t *index, double *number, int64_t *integer)
{
    char *data;
    int64_t at;
    YL_TRY(yl__tensor_host(t, &data));
    YL_TRY(element(t, index, &at));
    yl__load_numbers(t->dtype, data + at, 1, 1, number);
    yl__load_integers(t->dtype, data + at, 1, 1, integer);
    return YL_OK;
}

yl_status yl_tensor_set(yl_tensor *t, const int64_t *index, double number)
{
    char *data;
    int64_t at;
    YL_TRY(element(t, index, &at));
    YL_TRY(yl__tensor_host_to_write(t, &data));
    yl__store_numbers(t->dtype, &number, 1, data + at, 1);
    YL_TRY(yl__tensor_written(t, YL_OK));
    yl_tensor place = *t; /* the one element */
    for (int d = 0; d < t->n_dims; d++) place.offset += index[d] * t->strides[d];
    place.n_dims = 0;
    return yl__tape_constant(&place);
}

/* Stores what `draw` gives, in the order of the elements. */
static yl_status draw_all(yl_tensor *t, yl_rng *rng, double (*draw)(yl_rng *), double scale, double shift)
{
    yl__walk w;
    char *base;
    double piece[YL__PIECE];
    YL_TRY(yl__tensor_host_to_write(t, &base));
    for (yl__walk_start(&w, 1, (const yl_tensor *const[]){t}, &base); !w.done; yl__walk_next(&w)) {
        for (int64_t j = 0; j < w.count; j++) piece[j] = shift + (draw ? scale * draw(rng) : 0);
        yl__put_numbers(&w, 0, piece);
    }
    YL_TRY(yl__tensor_written(t, YL_OK));
    return yl__tape_constant(t);
}

yl_status yl_tensor_fill(yl_tensor *t, double value)
{
    return draw_all(t, NULL, NULL, 0, value);
}

yl_status yl_tensor_uniform(yl_tensor *t, yl_rng *rng, double low, double high)
{
    return draw_all(t, rng, yl_rng_uniform, high - low, low);
}

yl_status yl_tensor_normal(yl_tensor *t, yl_rng *rng, double mean, double deviation)
{
    return draw_all(t, rng, yl_rng_normal, deviation, mean);
}

/* A tensor of t's shape over host memory. */
static yl_status over_host(const yl_tensor *t, void *host, yl_tensor **out)
{
    void *data;
    yl_device *cpu;
    YL_TRY(yl_tensor_data(t, &data));
    YL_TRY(yl_device_get("cpu", &cpu));
    return yl_tensor_wrap(cpu, t->dtype, t->n_dims, t->dims, host, NULL, out);
}

yl_status yl_tensor_read(const yl_tensor *t, void *host)
{
    yl_tensor *outer;
    YL_TRY(over_host(t, host, &outer));
    yl_status status = yl_tensor_copy(t, outer);
    yl_tensor_release(outer);
    return status;
}

yl_status yl_tensor_write(yl_tensor *t, const void *host)
{
    yl_tensor *outer;
    YL_TRY(over_host(t, (void *)(uintptr_t)host, &outer)); /* only read from */
    yl_status status = yl_tensor_copy(outer, t);
    yl_tensor_release(outer);
    return status;
}
