/* Tensors as text: what they are, then the numbers, long axes cut to their first and last three. */
#include "core/memory.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EDGE = 3, SHOWN = 2 * EDGE, CELL = 24 };

static bool cut(int64_t size)
{
    return size > SHOWN;
}

/* The k-th shown place of an axis, or -1 for the gap. */
static int64_t place(int64_t size, int64_t k)
{
    if (!cut(size) || k < EDGE) return k;
    return k == EDGE ? -1 : size - SHOWN - 1 + k;
}

static int64_t places(int64_t size)
{
    return cut(size) ? SHOWN + 1 : size;
}

static yl_status cell(const yl_tensor *t, const int64_t *index, char out[CELL])
{
    double number;
    int64_t integer;
    YL_TRY(yl_tensor_get(t, index, &number, &integer));
    if (yl__is_integer(t->dtype))
        snprintf(out, CELL, "%lld", (long long)integer);
    else if (isfinite(number))
        snprintf(out, CELL, "%.4g", number);
    else
        snprintf(out, CELL, "%s", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    return YL_OK;
}

/* One line of the last axis; without `out`, only the widest cell is looked for. */
static yl_status line(const yl_tensor *t, int64_t *index, int *width, yl_text *out)
{
    char text[CELL];
    int last = t->n_dims - 1;
    for (int64_t k = 0; k < places(t->dims[last]); k++) {
        index[last] = place(t->dims[last], k);
        if (index[last] < 0) {
            if (out) YL_TRY(yl__text_add(out, "  ..."));
            continue;
        }
        YL_TRY(cell(t, index, text));
        if (out)
            YL_TRY(yl__text_add(out, "  %*s", *width, text));
        else if ((int)strlen(text) > *width)
            *width = (int)strlen(text);
    }
    return out ? yl__text_append(out, "\n", 1) : YL_OK;
}

/* "[1, 2, ., .]" above each matrix of a deeper tensor. */
static yl_status title(const yl_tensor *t, const int64_t *index, yl_text *out)
{
    YL_TRY(yl__text_append(out, "[", 1));
    for (int d = 0; d < t->n_dims - 2; d++) YL_TRY(yl__text_add(out, "%lld, ", (long long)index[d] + 1));
    return yl__text_add(out, "., .]\n");
}

static yl_status block(const yl_tensor *t, int axis, int64_t *index, int *width, yl_text *out)
{
    if (axis == t->n_dims - 1) return line(t, index, width, out);
    if (axis == t->n_dims - 2 && axis > 0 && out) YL_TRY(title(t, index, out));
    for (int64_t k = 0; k < places(t->dims[axis]); k++) {
        index[axis] = place(t->dims[axis], k);
        if (index[axis] >= 0)
            YL_TRY(block(t, axis + 1, index, width, out));
        else if (out)
            YL_TRY(yl__text_add(out, axis < t->n_dims - 2 ? "...\n" : "  ...\n"));
    }
    return YL_OK;
}

yl_status yl_tensor_text(const yl_tensor *t, yl_text *out)
{
    char what[128], text[CELL];
    int64_t index[YL_TENSOR_DIMS] = {0};
    int width = 1;
    yl_tensor_describe(t, what, sizeof what);
    if (!yl_tensor_alive(t)) return yl__text_add(out, "%s (its memory is gone)", what);
    if (!yl_tensor_device(t)->host_memory) return yl__text_add(out, "%s on %s", what, yl_tensor_device(t)->name);
    YL_TRY(yl__text_add(out, "%s", what));
    if (yl_tensor_count(t) == 0) return YL_OK;
    if (t->n_dims == 0) {
        YL_TRY(cell(t, index, text));
        return yl__text_add(out, "  %s", text);
    }
    YL_TRY(yl__text_append(out, "\n", 1));
    YL_TRY(block(t, 0, index, &width, NULL));
    YL_TRY(block(t, 0, index, &width, out));
    out->data[--out->length] = '\0'; /* without the last line's end */
    return YL_OK;
}
