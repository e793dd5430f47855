/* State dicts: names, orders, and files of them. */
#include "formats/state_dict.h"
#include "core/finite.h"
#include "core/half.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

enum { NAME = YL_NAME + 40 };

/* PyTorch's word for a parameter of a batch-norm; others have ours. */
static const struct {
    const char *ours, *theirs;
} words[] = {{"scale", "weight"}, {"bias", "bias"}, {"mean", "running_mean"}, {"var", "running_var"}};

static void their_name(const yl_net *net, const yl_range *range, char out[NAME])
{
    const char *word = strrchr(range->name, '.') + 1;
    bool bn = net->layers[range->layer].kind == &yl_layer_batchnorm;
    for (size_t i = 0; bn && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].ours, word) == 0) {
            snprintf(out, NAME, "%.*s%s", (int)(word - range->name), range->name, words[i].theirs);
            return;
        }
    snprintf(out, NAME, "%s", range->name);
}

/* How a range's numbers lie: ours {out, pixels, in}, theirs {out, in, pixels}. */
typedef struct order {
    int64_t out, pixels, in;
    int n_dims;
    int64_t dims[4]; /* theirs */
} order;

static order order_of(const yl_net *net, const yl_range *r)
{
    const yl_layer *l = &net->layers[r->layer];
    order o = {.out = r->count, .pixels = 1, .in = 1, .n_dims = r->n_dims};
    memcpy(o.dims, r->dims, sizeof o.dims);
    if (r->n_dims == 4) {
        o = (order){
            r->dims[0], r->dims[1] * r->dims[2], r->dims[3], 4, {r->dims[0], r->dims[3], r->dims[1], r->dims[2]}};
    } else if (r->n_dims == 2) {
        o.out = r->dims[0], o.in = l->in_c, o.pixels = r->dims[1] / l->in_c;
    }
    return o;
}

/* From {out, a, b} to {out, b, a}. */
static void turn(const float *from, int64_t out, int64_t a, int64_t b, float *to)
{
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < a; i++)
            for (int64_t k = 0; k < b; k++) to[(o * b + k) * a + i] = from[(o * a + i) * b + k];
}

static yl_status collect(const yl_net *net, float *values, float *turned, yl_safetensor *entries, char (*names)[NAME])
{
    YL_TRY(net->device->from_device(net->device, values, net->slabs[YL_SLAB_value].data,
                                    (size_t)net->n_values * sizeof *values));
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        order o = order_of(net, r);
        their_name(net, r, names[i]);
        turn(values + r->offset, o.out, o.pixels, o.in, turned + r->offset);
        entries[i] = (yl_safetensor){.name = names[i], .dtype = YL_F32, .n_dims = o.n_dims, .data = turned + r->offset};
        for (int d = 0; d < o.n_dims; d++) entries[i].dims[d] = o.dims[d];
    }
    return YL_OK;
}

yl_status yl_state_dict_save(const yl_net *net, const char *path, const yl_safetensors_note *notes, int64_t n_notes)
{
    float *values = NULL, *turned = NULL;
    yl_safetensor *entries = NULL;
    char(*names)[NAME] = NULL;
    YL_TRY(yl__file_ending(path, ".safetensors", "a state dict"));
    yl_status status = yl__alloc(net->n_values, sizeof *values, &values);
    if (status == YL_OK) status = yl__alloc(net->n_values, sizeof *turned, &turned);
    if (status == YL_OK) status = yl__alloc(net->n_ranges + 1, sizeof *entries, &entries);
    if (status == YL_OK) status = yl__alloc(net->n_ranges + 1, sizeof *names, &names);
    if (status == YL_OK) status = collect(net, values, turned, entries, names);
    if (status == YL_OK) status = yl_safetensors_write(path, entries, net->n_ranges, notes, n_notes);
    yl__free(values), yl__free(turned), yl__free(entries), yl__free(names);
    return status;
}

/* ---- into a network ---- */

static int range_named(const yl_net *net, const char *name)
{
    char theirs[NAME];
    for (int i = 0; i < net->n_ranges; i++) {
        their_name(net, &net->ranges[i], theirs);
        if (strcmp(theirs, name) == 0 || strcmp(net->ranges[i].name, name) == 0) return i;
    }
    return -1;
}

bool yl__state_uncounted(const char *name)
{
    const char *end = "num_batches_tracked";
    size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

/* " (the nearest are 'a' and 'b')", or nothing. */
static void nearest(const char *name, const char *const *names, int64_t count, char out[4 * NAME])
{
    const char *best[2] = {NULL, NULL};
    int distance[2] = {1 << 30, 1 << 30};
    for (int64_t i = 0; i < count; i++) {
        int d = yl__edit_distance(name, names[i]);
        int at = d < distance[0] ? 0 : d < distance[1] ? 1 : 2;
        if (at == 0) best[1] = best[0], distance[1] = distance[0];
        if (at < 2) best[at] = names[i], distance[at] = d;
    }
    out[0] = '\0';
    if (best[1])
        snprintf(out, 4 * NAME, " (the nearest are '%.80s' and '%.80s')", best[0], best[1]);
    else if (best[0])
        snprintf(out, 4 * NAME, " (the only one is '%.80s')", best[0]);
}

static yl_status surplus(const yl_net *net, const char *path, const char *name)
{
    const char **names;
    char(*texts)[NAME], said[4 * NAME];
    YL_TRY(yl__alloc(net->n_ranges + 1, sizeof *names, &names));
    yl_status status = yl__alloc(net->n_ranges + 1, sizeof *texts, &texts);
    for (int i = 0; i < net->n_ranges && status == YL_OK; i++) {
        their_name(net, &net->ranges[i], texts[i]);
        names[i] = texts[i];
    }
    if (status == YL_OK) {
        nearest(name, names, net->n_ranges, said);
        status = yl__fail(YL_FORMAT, "%s: the network has no parameter '%.100s'%s", path, name, said);
        yl__free(texts);
    }
    yl__free(names);
    return status;
}

static yl_status missing(const yl_net *net, const char *path, int range, const yl_state_tensor *tensors, int64_t count)
{
    const char **names;
    char name[NAME], said[4 * NAME];
    YL_TRY(yl__alloc(count + 1, sizeof *names, &names));
    for (int64_t i = 0; i < count; i++) names[i] = tensors[i].name;
    their_name(net, &net->ranges[range], name);
    nearest(name, names, count, said);
    yl__free(names);
    return yl__fail(YL_FORMAT, "%s: the tensor '%s' is missing%s", path, name, said);
}

static yl_status check_shape(const yl_net *net, const char *path, int range, const yl_state_tensor *t)
{
    order o = order_of(net, &net->ranges[range]);
    bool same = t->n_dims == o.n_dims;
    for (int d = 0; d < o.n_dims && same; d++) same = t->dims[d] == o.dims[d];
    if (same) return YL_OK;
    char got[128], want[128];
    return yl__fail(YL_FORMAT, "%s: '%.100s' has the shape %s; expected %s", path, t->name,
                    yl__shape_text(t->n_dims, t->dims, got, sizeof got),
                    yl__shape_text(o.n_dims, o.dims, want, sizeof want));
}

yl_status yl__state_finite(const char *path, const yl_state_tensor *t)
{
    int64_t at = yl__not_finite(t->numbers, yl__product(t->n_dims, t->dims));
    return at < 0 ? YL_OK
                  : yl__fail(YL_NUMERIC, "%s: '%.100s': number %lld is not finite", path, t->name, (long long)at + 1);
}

yl_status yl__state_narrow(const char *what, int64_t index, double from, float *to)
{
    *to = (float)from;
    if (!isinf(*to) || isinf(from)) return YL_OK;
    return yl__fail(YL_NUMERIC, "%s: number %lld (%g) is beyond the range of f32", what, (long long)index + 1, from);
}

/* Which tensor each range is from: checks that each has one, and each tensor a range. */
static yl_status match(const yl_net *net, const char *path, const yl_state_tensor *tensors, int64_t count,
                       int64_t *from)
{
    for (int r = 0; r < net->n_ranges; r++) from[r] = -1;
    for (int64_t i = 0; i < count; i++) {
        int r = range_named(net, tensors[i].name);
        if (r < 0 && yl__state_uncounted(tensors[i].name)) continue;
        if (r < 0) return surplus(net, path, tensors[i].name);
        if (from[r] >= 0)
            return yl__fail(YL_FORMAT, "%s: '%.100s' and '%.100s' are the same parameter", path, tensors[from[r]].name,
                            tensors[i].name);
        YL_TRY(check_shape(net, path, r, &tensors[i]));
        YL_TRY(yl__state_finite(path, &tensors[i]));
        from[r] = i;
    }
    for (int r = 0; r < net->n_ranges; r++)
        if (from[r] < 0) return missing(net, path, r, tensors, count);
    return YL_OK;
}

yl_status yl_state_dict_fill(yl_net *net, const char *path, const yl_state_tensor *tensors, int64_t count)
{
    int64_t *from;
    float *turned = NULL;
    YL_TRY(yl__net_idle(net, "load"));
    YL_TRY(yl__alloc(net->n_ranges + 1, sizeof *from, &from));
    yl_status status = match(net, path, tensors, count, from);
    if (status == YL_OK) status = yl__alloc(net->n_values, sizeof *turned, &turned);
    for (int r = 0; r < net->n_ranges && status == YL_OK; r++) {
        order o = order_of(net, &net->ranges[r]);
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): match found a tensor for each range */
        turn(tensors[from[r]].numbers, o.out, o.in, o.pixels, turned);
        status = yl__net_write(net, r, &net->slabs[YL_SLAB_value], turned);
    }
    yl__free(turned), yl__free(from);
    return status;
}

static yl_status read_wide(const char *path, const yl_safetensor *e, const double *wide, int64_t count, float *numbers)
{
    char what[320];
    snprintf(what, sizeof what, "%.200s: '%.100s'", path, e->name);
    for (int64_t i = 0; i < count; i++) YL_TRY(yl__state_narrow(what, i, wide[i], &numbers[i]));
    return YL_OK;
}

static yl_status read_tensor(yl_safetensors *file, const char *path, const yl_safetensor *e, float **numbers)
{
    void *bytes = NULL;
    int64_t count = yl__product(e->n_dims, e->dims);
    YL_TRY(yl__alloc(count, sizeof **numbers, numbers));
    if (e->dtype == YL_F32) return yl_safetensors_read(file, e, *numbers);
    if (e->dtype != YL_F64 && e->dtype != YL_BF16 && e->dtype != YL_F16)
        return yl__fail(YL_UNSUPPORTED, "%s: '%.100s': expected floating-point numbers", path, e->name);
    YL_TRY(yl__alloc(e->bytes, 1, &bytes));
    yl_status status = yl_safetensors_read(file, e, bytes);
    if (status == YL_OK && e->dtype == YL_F64)
        status = read_wide(path, e, bytes, count, *numbers);
    else
        for (int64_t i = 0; i < count && status == YL_OK; i++)
            (*numbers)[i] = yl_half_real(e->dtype, ((const uint16_t *)bytes)[i]);
    yl__free(bytes);
    return status;
}

yl_status yl__state_add(yl_state *s, int n_dims, const int64_t *dims, char *name, float *numbers)
{
    int64_t names = s->capacity, lists = names; /* each grows as the tensors do */
    yl_status status = yl__reserve(s->count + 1, &names, sizeof *s->names, &s->names);
    if (status == YL_OK) status = yl__reserve(s->count + 1, &lists, sizeof *s->numbers, &s->numbers);
    if (status == YL_OK) status = yl__reserve(s->count + 1, &s->capacity, sizeof *s->tensors, &s->tensors);
    if (status != YL_OK) {
        yl__free(name), yl__free(numbers);
        return status;
    }
    yl_state_tensor *t = &s->tensors[s->count];
    *t = (yl_state_tensor){.name = name, .n_dims = n_dims, .numbers = numbers};
    for (int d = 0; d < n_dims; d++) t->dims[d] = dims[d];
    s->names[s->count] = name, s->numbers[s->count++] = numbers;
    return YL_OK;
}

void yl_state_free(yl_state *s)
{
    for (int64_t i = 0; i < s->count; i++) yl__free(s->names[i]), yl__free(s->numbers[i]);
    yl__free(s->tensors), yl__free(s->names), yl__free(s->numbers);
    *s = (yl_state){0};
}

static yl_status read_all(yl_safetensors *file, const char *path, yl_state *out)
{
    for (int64_t i = 0; i < yl_safetensors_count(file); i++) {
        const yl_safetensor *e = yl_safetensors_at(file, i);
        float *numbers = NULL;
        char *name = NULL;
        if (yl__state_uncounted(e->name)) continue;
        yl_status status = read_tensor(file, path, e, &numbers);
        if (status == YL_OK) status = yl__strdup(e->name, &name);
        if (status != YL_OK) {
            yl__free(numbers);
            return status;
        }
        YL_TRY(yl__state_add(out, e->n_dims, e->dims, name, numbers));
    }
    return YL_OK;
}

yl_status yl_state_dict_read(const char *path, yl_state *out)
{
    yl_safetensors *file;
    *out = (yl_state){0};
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = read_all(file, path, out);
    yl_safetensors_close(file);
    if (status != YL_OK) yl_state_free(out);
    return status;
}

yl_status yl_state_dict_load(yl_net *net, const char *path)
{
    yl_state state;
    YL_TRY(yl_state_dict_read(path, &state));
    yl_status status = yl_state_dict_fill(net, path, state.tensors, state.count);
    yl_state_free(&state);
    return status;
}
