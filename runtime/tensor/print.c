/* Tensors as text: what they are, then the numbers. Rows and columns are cut to their first and last three, columns to fewer
 * where the lines would be too long; of more than six matrices the first and the last along each axis are shown. */
#include "core/memory.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EDGE = 3, MATRICES = 6, CELL = 24 };

/* How much of a tensor is shown: elements at either end of each axis, and characters of a cell. */
typedef struct view {
    int64_t edge[YL_TENSOR_DIMS];
    int width;
} view;

/* The k-th shown place of an axis, or -1 for the gap. */
static int64_t place(int64_t size, int64_t edge, int64_t k)
{
    if (size <= 2 * edge || k < edge) return k;
    return k == edge ? -1 : size - 2 * edge - 1 + k;
}

static int64_t places(int64_t size, int64_t edge)
{
    return size <= 2 * edge ? size : 2 * edge + 1;
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
static yl_status line(const yl_tensor *t, int64_t *index, view *v, yl_text *out)
{
    char text[CELL];
    int last = t->n_dims - 1;
    for (int64_t k = 0; k < places(t->dims[last], v->edge[last]); k++) {
        index[last] = place(t->dims[last], v->edge[last], k);
        if (index[last] < 0) {
            if (out) YL_TRY(yl__text_add(out, "  ..."));
            continue;
        }
        YL_TRY(cell(t, index, text));
        if (out)
            YL_TRY(yl__text_add(out, "  %*s", v->width, text));
        else if ((int)strlen(text) > v->width)
            v->width = (int)strlen(text);
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

static yl_status block(const yl_tensor *t, int axis, int64_t *index, view *v, yl_text *out)
{
    if (axis == t->n_dims - 1) return line(t, index, v, out);
    if (axis == t->n_dims - 2 && axis > 0 && out) YL_TRY(title(t, index, out));
    for (int64_t k = 0; k < places(t->dims[axis], v->edge[axis]); k++) {
        index[axis] = place(t->dims[axis], v->edge[axis], k);
        if (index[axis] >= 0)
            YL_TRY(block(t, axis + 1, index, v, out));
        else if (out)
            YL_TRY(yl__text_add(out, axis < t->n_dims - 2 ? "...\n" : "  ...\n"));
    }
    return YL_OK;
}

/* What fits: the widest cell, and so many columns of it. */
static yl_status choose(const yl_tensor *t, int columns, view *v)
{
    int64_t index[YL_TENSOR_DIMS] = {0}, matrices = 1;
    int last = t->n_dims - 1;
    for (int d = 0; d < t->n_dims - 2; d++) matrices *= t->dims[d] > MATRICES ? MATRICES + 1 : t->dims[d];
    for (int d = 0; d <= last; d++) v->edge[d] = d < last - 1 && matrices > MATRICES ? 1 : EDGE;
    v->width = 1;
    YL_TRY(block(t, 0, index, v, NULL));
    int64_t fit = (columns - 5) / (v->width + 2); /* "  ..." takes 5 */
    bool whole = t->dims[last] <= 2 * EDGE && t->dims[last] * (v->width + 2) <= columns;
    if (!whole && fit < 2 * EDGE) v->edge[last] = fit < 2 ? 1 : fit / 2;
    return YL_OK;
}

yl_status yl_tensor_text(const yl_tensor *t, int columns, yl_text *out)
{
    char what[128], text[CELL];
    int64_t index[YL_TENSOR_DIMS] = {0};
    view v = {0};
    yl_tensor_describe(t, what, sizeof what);
    if (!yl_tensor_alive(t)) return yl__text_add(out, "%s (no longer valid)", what);
    YL_TRY(yl__text_add(out, "%s", what));
    if (!yl_tensor_device(t)->host_memory) YL_TRY(yl__text_add(out, " on %s", yl_tensor_device(t)->name));
    if (yl_tensor_count(t) == 0) return YL_OK;
    if (t->n_dims == 0) {
        YL_TRY(cell(t, index, text));
        return yl__text_add(out, "  %s", text);
    }
    YL_TRY(yl__text_append(out, "\n", 1));
    YL_TRY(choose(t, columns, &v));
    YL_TRY(block(t, 0, index, &v, out));
    out->data[--out->length] = '\0'; /* without the last line's end */
    return YL_OK;
}
