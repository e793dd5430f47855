/* Widening, narrowing, and the walk over rows. */
#include "tensor/rows.h"
#include "core/bf16.h"
#include "core/f16.h"

#include <math.h>
#include <string.h>

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int64_t to_integer(double v, int64_t low, int64_t high)
{
    if (isnan(v)) return 0;
    v = nearbyint(v);
    return v <= (double)low ? low : v >= (double)high ? high : (int64_t)v;
}

#define LOAD(type, expression)                                                                                         \
    do {                                                                                                               \
        const type *p = (const type *)(const void *)from;                                                              \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type v = p[i * stride];                                                                                    \
            out[i] = expression;                                                                                       \
        }                                                                                                              \
    } while (0)

void yl__load_numbers(yl_dtype dtype, const char *from, int64_t stride, int64_t count, double *out)
{
    switch (dtype) {
    case YL_F32:
        LOAD(float, (double)v);
        break;
    case YL_F64:
        LOAD(double, v);
        break;
    case YL_U8:
        LOAD(uint8_t, (double)v);
        break;
    case YL_I32:
        LOAD(int32_t, (double)v);
        break;
    case YL_I64:
        LOAD(int64_t, (double)v);
        break;
    case YL_BF16:
        LOAD(uint16_t, (double)yl_of_bf16(v));
        break;
    case YL_F16:
        LOAD(uint16_t, (double)yl_of_f16(v));
        break;
    }
}

void yl__load_integers(yl_dtype dtype, const char *from, int64_t stride, int64_t count, int64_t *out)
{
    switch (dtype) {
    case YL_F32:
        LOAD(float, to_integer((double)v, INT64_MIN, INT64_MAX));
        break;
    case YL_F64:
        LOAD(double, to_integer(v, INT64_MIN, INT64_MAX));
        break;
    case YL_U8:
        LOAD(uint8_t, v);
        break;
    case YL_I32:
        LOAD(int32_t, v);
        break;
    case YL_I64:
        LOAD(int64_t, v);
        break;
    case YL_BF16:
        LOAD(uint16_t, to_integer((double)yl_of_bf16(v), INT64_MIN, INT64_MAX));
        break;
    case YL_F16:
        LOAD(uint16_t, to_integer((double)yl_of_f16(v), INT64_MIN, INT64_MAX));
        break;
    }
}

#define STORE(type, expression)                                                                                        \
    do {                                                                                                               \
        type *p = (type *)(void *)to;                                                                                  \
        for (int64_t i = 0; i < count; i++) p[i * stride] = expression;                                                \
    } while (0)

void yl__store_numbers(yl_dtype dtype, const double *from, int64_t count, char *to, int64_t stride)
{
    switch (dtype) {
    case YL_F32:
        STORE(float, (float)from[i]);
        break;
    case YL_F64:
        STORE(double, from[i]);
        break;
    case YL_U8:
        STORE(uint8_t, (uint8_t)to_integer(from[i], 0, UINT8_MAX));
        break;
    case YL_I32:
        STORE(int32_t, (int32_t)to_integer(from[i], INT32_MIN, INT32_MAX));
        break;
    case YL_I64:
        STORE(int64_t, to_integer(from[i], INT64_MIN, INT64_MAX));
        break;
    case YL_BF16:
        STORE(uint16_t, yl_to_bf16((float)from[i]));
        break;
    case YL_F16:
        STORE(uint16_t, yl_to_f16((float)from[i]));
        break;
    }
}

void yl__store_integers(yl_dtype dtype, const int64_t *from, int64_t count, char *to, int64_t stride)
{
    switch (dtype) {
    case YL_F32:
        STORE(float, (float)from[i]);
        break;
    case YL_F64:
        STORE(double, (double)from[i]);
        break;
    case YL_U8:
        STORE(uint8_t, (uint8_t)clamp(from[i], 0, UINT8_MAX));
        break;
    case YL_I32:
        STORE(int32_t, (int32_t)clamp(from[i], INT32_MIN, INT32_MAX));
        break;
    case YL_I64:
        STORE(int64_t, from[i]);
        break;
    case YL_BF16:
        STORE(uint16_t, yl_to_bf16((float)from[i]));
        break;
    case YL_F16:
        STORE(uint16_t, yl_to_f16((float)from[i]));
        break;
    }
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static void cut_piece(yl__walk *w)
{
    w->count = w->left < YL__PIECE ? w->left : YL__PIECE;
}

static void find_rows(yl__walk *w)
{
    for (int o = 0; o < w->operands; o++) {
        int64_t offset = 0;
        for (int d = 0; d < w->outer; d++) offset += w->index[d] * w->strides[o][d];
        w->at[o] = w->base[o] + offset * (int64_t)yl_dtype_bytes(w->tensor[o]->dtype);
    }
    w->left = w->length;
    cut_piece(w);
}

/* Whether axis d of the tensors can join the walk's last axis so far. */
static bool joins(const yl__walk *w, int last, int d)
{
    for (int o = 0; o < w->operands; o++)
        if (w->strides[o][last] != w->tensor[o]->strides[d] * w->tensor[o]->dims[d]) return false;
    return true;
}

void yl__walk_start(yl__walk *w, int operands, const yl_tensor *const *tensors, char *const *base)
{
    int last = -1;
    *w = (yl__walk){.operands = operands, .done = yl_tensor_count(tensors[0]) == 0};
    for (int o = 0; o < operands; o++) {
        w->tensor[o] = tensors[o];
        w->base[o] = base[o];
    }
    for (int d = 0; d < tensors[0]->n_dims; d++) {
        if (tensors[0]->dims[d] == 1) continue;
        bool join = last >= 0 && joins(w, last, d);
        if (!join) w->dims[++last] = 1;
        w->dims[last] *= tensors[0]->dims[d];
        for (int o = 0; o < operands; o++) w->strides[o][last] = tensors[o]->strides[d];
    }
    w->outer = last > 0 ? last : 0;
    w->length = last >= 0 ? w->dims[last] : 1;
    for (int o = 0; o < operands; o++) w->stride[o] = last >= 0 ? w->strides[o][last] : 1;
    find_rows(w);
}

void yl__walk_next(yl__walk *w)
{
    int d = w->outer - 1;
    w->left -= w->count;
    if (w->left > 0) {
        for (int o = 0; o < w->operands; o++) w->at[o] = yl__walk_at(w, o, w->count);
        cut_piece(w);
        return;
    }
    while (d >= 0 && ++w->index[d] == w->dims[d]) w->index[d--] = 0;
    w->done = d < 0;
    if (!w->done) find_rows(w);
}

yl_status yl__broadcast(const yl_tensor *a, const yl_tensor *b, int *n_dims, int64_t *dims)
{
    char left[128], right[128];
    int n = a->n_dims > b->n_dims ? a->n_dims : b->n_dims;
    for (int d = 0; d < n; d++) {
        int i = d - (n - a->n_dims), j = d - (n - b->n_dims);
        int64_t x = i < 0 ? 1 : a->dims[i], y = j < 0 ? 1 : b->dims[j];
        if (x != y && x != 1 && y != 1) {
            yl_tensor_describe(a, left, sizeof left);
            yl_tensor_describe(b, right, sizeof right);
            return yl__fail(YL_INVALID, "tensor: %s and %s do not broadcast", left, right);
        }
        dims[d] = x == 1 ? y : x;
    }
    *n_dims = n;
    return YL_OK;
}
