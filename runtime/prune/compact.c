/* Compaction: the numbers of the channels that stay, and the constants of those that go. */
#include "prune/compact.h"
#include "core/memory.h"
#include "prune/narrow.h"

#include <string.h>

#define AT(member) YL_MEMBER(yl_compact_options, member)
static const yl_field fields[] = {
    {"round_to", YL_OPTION_INT, "1", "channels", "a layer that loses channels keeps a multiple of it", 1, 65536, NULL,
     "divisor round", AT(round_to)},
    {"min_channels", YL_OPTION_INT, "1", "channels", "and at least so many, or all that it has", 1, 65536, NULL, NULL,
     AT(min_channels)},
};
const yl_field_table yl_compact_fields = YL_FIELD_TABLE("compact", fields);

typedef struct compaction {
    yl_net *net, *made;
    yl_channel_graph g;
    yl__constants k;
    bool *kept;
    int *from, *to; /* the old layer of each new one, and back (-1: it went) */
    int64_t *place; /* of each node that stays: its channel in the new value */
    int64_t *rows, *columns;
    float *numbers[YL__RUN_SLABS]; /* the new slabs of constants.slab */
} compaction;

static bool stays(const compaction *c, int64_t node)
{
    return c->kept[c->g.group[node]];
}

/* ---- choosing rows and columns ---- */

/* The channels of a value (of its first part) that stay, several times over until `length` numbers are covered. */
static int64_t list_channels(const compaction *c, int value, int64_t parts, int64_t length, int64_t *list)
{
    int64_t count = yl__channel_count(&c->g, value) / parts, n = 0;
    for (int64_t i = 0; i < length; i++)
        if (stays(c, c->g.first[value] + i % count)) list[n++] = i;
    return n;
}

static int64_t list_all(int64_t length, int64_t *list)
{
    for (int64_t i = 0; i < length; i++) list[i] = i;
    return length;
}

/* Which rows (of the first dim) and columns (within a row) of an old range stay. */
static yl_status choose(compaction *c, const yl_range *r, const yl_range *made, int64_t *n_rows, int64_t *n_columns)
{
    const yl_channel_layer *about = &c->g.layers[r->layer];
    int64_t first = r->per_out ? r->dims[0] : 1, row = r->count / first;
    int input = c->net->layers[r->layer].inputs[0] + 1;
    bool columns = r->per_in && about->mixes;
    *n_rows = r->per_out ? list_channels(c, r->layer + 1, 1, first, c->rows) : list_all(1, c->rows);
    *n_columns = columns ? list_channels(c, input, about->parts, row, c->columns) : list_all(row, c->columns);
    if (*n_rows * *n_columns == made->count) return YL_OK;
    return yl__fail(
        YL_INVALID,
        "%s: the smaller network wants %lld numbers here, but %lld belong to the channels that are left; the layer "
        "has to say which of its sizes count channels",
        r->name, (long long)made->count, (long long)(*n_rows * *n_columns));
}

static void pick(const compaction *c, int64_t n_rows, int64_t n_columns, int64_t row, size_t size, const char *from,
                 char *to)
{
    for (int64_t i = 0; i < n_rows; i++)
        for (int64_t j = 0; j < n_columns; j++, to += size)
            memcpy(to, from + (size_t)(c->rows[i] * row + c->columns[j]) * size, size);
}

static const yl_range *old_range(const compaction *c, int range)
{
    const yl_range *r = &c->made->ranges[range];
    const yl_layer *now = &c->made->layers[r->layer], *before = &c->net->layers[c->from[r->layer]];
    for (int k = 0; k < now->n_params && k < before->n_params; k++)
        if (now->params[k] == range) return &c->net->ranges[before->params[k]];
    return NULL;
}

/* Fills `to`, a slab in the new network's layout, from one in the old one's. */
static yl_status pick_slab(compaction *c, const void *from, size_t size, int64_t count, void *to)
{
    for (int i = 0; i < c->made->n_ranges; i++) {
        const yl_range *r = &c->made->ranges[i], *old = old_range(c, i);
        int64_t rows, columns;
        if (r->offset + r->count > count) continue;
        YL_TRY(choose(c, old, r, &rows, &columns));
        int64_t row = old->count / (old->per_out ? old->dims[0] : 1);
        pick(c, rows, columns, row, size, (const char *)from + (size_t)old->offset * size,
             (char *)to + (size_t)r->offset * size);
    }
    return YL_OK;
}

/* ---- constants ---- */

/* A layer that mixes, in one slab. */
typedef struct fold {
    int layer, slab, sign; /* sign of the offset that takes constants; 0: a channel carries them */
    int64_t in, out;       /* channels of a part */
    const yl_range *factor, *made_factor, *offset;
} fold;

static float *offset_at(const compaction *c, const fold *f, int64_t o)
{
    return c->numbers[f->slab] + f->offset->offset + c->place[c->g.first[f->layer + 1] + o];
}

/* The new weights between output channel o and the input's channel `carrier`, one per tap: *step apart. */
static float *carried_at(const compaction *c, const fold *f, int64_t o, int64_t carrier, int64_t *step)
{
    int input = c->net->layers[f->layer].inputs[0] + 1;
    int64_t row = f->made_factor->count / f->made_factor->dims[0], parts = c->g.layers[f->layer].parts;
    *step = yl__keep_count(&c->g, c->kept, input) / parts;
    return c->numbers[f->slab] + f->made_factor->offset + c->place[c->g.first[f->layer + 1] + o] * row +
           c->place[c->g.first[input] + carrier] % *step;
}

/* The constant of channel `lost` in what output channel o sums up. */
static void fold_weight(const compaction *c, const fold *f, int64_t o, int64_t lost, int64_t carrier)
{
    const float *at = c->k.at[f->slab] + c->g.first[c->net->layers[f->layer].inputs[0] + 1];
    int64_t row = f->factor->count / f->factor->dims[0], step;
    const float *w = c->k.numbers[f->slab] + f->factor->offset + o * row + lost % f->in;
    if (f->sign) {
        double sum = 0;
        for (int64_t t = 0; t < row; t += f->in) sum += w[t];
        *offset_at(c, f, o) += (float)(f->sign * sum * at[lost]);
        return;
    }
    float *to = carried_at(c, f, o, carrier, &step);
    for (int64_t t = 0; t < row; t += f->in, to += step) *to += w[t] * (at[lost] / at[carrier]);
}

static void fold_part(const compaction *c, const fold *f, int64_t part)
{
    int input = c->net->layers[f->layer].inputs[0] + 1;
    int64_t carrier = f->sign ? -1 : yl__carrier(&c->g, &c->k, c->kept, f->layer, part, f->slab);
    for (int64_t lost = part * f->in; lost < (part + 1) * f->in; lost++) {
        int64_t node = c->g.first[input] + lost;
        if (stays(c, node) || !c->k.constant[node] || c->k.at[f->slab][node] == 0) continue;
        for (int64_t o = part * f->out; o < (part + 1) * f->out; o++)
            if (stays(c, c->g.first[f->layer + 1] + o) && yl__reads(&c->g, &c->k, f->layer, o, lost))
                fold_weight(c, f, o, lost, carrier);
    }
}

static const yl_range *made_range(const compaction *c, int range)
{
    const yl_range *old = &c->net->ranges[range];
    const yl_layer *before = &c->net->layers[old->layer];
    int layer = c->to[old->layer];
    for (int k = 0; layer >= 0 && k < before->n_params; k++)
        if (before->params[k] == range) return &c->made->ranges[c->made->layers[layer].params[k]];
    return NULL;
}

static void fold_layer(const compaction *c, int layer, int slab)
{
    const yl_channel_layer *about = &c->g.layers[layer];
    int range, input = c->net->layers[layer].inputs[0] + 1;
    fold f = {.layer = layer,
              .slab = slab,
              .sign = about->uniform ? yl__offset_of(&c->g, layer, &range) : 0,
              .in = yl__channel_count(&c->g, input) / about->parts,
              .out = yl__channel_count(&c->g, layer + 1) / about->parts,
              .factor = &c->net->ranges[about->factor],
              .made_factor = made_range(c, about->factor)};
    if (f.sign) f.offset = made_range(c, range);
    for (int64_t p = 0; p < about->parts; p++) fold_part(c, &f, p);
}

/* ---- slabs ---- */

static yl_status make_numbers(compaction *c)
{
    for (int s = 0; s < c->k.n_slabs; s++) {
        YL_TRY(yl__calloc(c->made->n_values, sizeof(float), &c->numbers[s]));
        YL_TRY(pick_slab(c, c->k.numbers[s], sizeof(float), c->made->n_values, c->numbers[s]));
        for (int i = 0; i < c->net->n_layers; i++)
            if (c->g.layers[i].mixes && c->to[i] >= 0) fold_layer(c, i, s);
    }
    return YL_OK;
}

static yl_status write_slab(compaction *c, yl_slab *slab, const void *numbers)
{
    for (int r = 0; r < c->made->n_ranges; r++) {
        const yl_range *range = &c->made->ranges[r];
        if (range->offset + range->count > slab->count) continue;
        YL_TRY(yl__net_write(c->made, r, slab,
                             (const char *)numbers + (size_t)range->offset * yl_dtype_bytes(slab->dtype)));
    }
    return YL_OK;
}

/* A constant that has moved into a masked number frees it. */
static void free_folded(const compaction *c, int64_t count, uint8_t *mask)
{
    for (int s = 0; s < c->k.n_slabs; s++)
        for (int64_t i = 0; i < count; i++) mask[i] |= c->numbers[s][i] != 0;
}

static yl_status copy_slab(compaction *c, int index)
{
    const yl_slab *old = &c->net->slabs[index];
    size_t size = yl_dtype_bytes(old->dtype);
    yl_slab *slab;
    char *from = NULL, *to = NULL;
    YL_TRY(yl_net_slab(c->made, old->name, &slab));
    for (int s = 0; s < c->k.n_slabs; s++)
        if (c->k.slab[s] == old) return write_slab(c, slab, c->numbers[s]);
    yl_status status = yl__alloc(old->count, size, &from);
    if (status == YL_OK) status = yl__calloc(slab->count, size, &to);
    if (status == YL_OK)
        status = c->net->device->from_device(c->net->device, from, old->data, (size_t)old->count * size);
    if (status == YL_OK) status = pick_slab(c, from, size, slab->count, to);
    if (status == YL_OK && index == YL_SLAB_mask) free_folded(c, slab->count, (uint8_t *)to);
    if (status == YL_OK) status = write_slab(c, slab, to);
    yl__free(from);
    yl__free(to);
    return status;
}

static yl_status copy_slabs(compaction *c)
{
    if (c->net->slabs[YL_SLAB_mask].data) YL_TRY(copy_slab(c, YL_SLAB_mask)); /* first: it applies to the others */
    for (int i = 0; i < YL_SLABS; i++)
        if (i != YL_SLAB_mask && c->net->slabs[i].data) YL_TRY(copy_slab(c, i));
    for (int r = 0; r < c->made->n_ranges; r++) {
        const yl_range *old = old_range(c, r);
        c->made->ranges[r].frozen = old->frozen;
        c->made->ranges[r].lr_mult = old->lr_mult;
        c->made->ranges[r].steps = old->steps;
    }
    return YL_OK;
}

/* ---- the whole ---- */

static void number_channels(compaction *c)
{
    for (int v = 0; v <= c->net->n_layers; v++) {
        int64_t at = 0;
        for (int64_t i = c->g.first[v]; i < c->g.first[v + 1]; i++) c->place[i] = stays(c, i) ? at++ : -1;
    }
}

static yl_status allocate(compaction *c)
{
    int64_t most = 1;
    for (int r = 0; r < c->net->n_ranges; r++)
        if (c->net->ranges[r].count > most) most = c->net->ranges[r].count;
    YL_TRY(yl__alloc(c->g.n_nodes, sizeof *c->kept, &c->kept));
    YL_TRY(yl__alloc(c->g.n_nodes, sizeof *c->place, &c->place));
    YL_TRY(yl__alloc(c->net->n_layers, sizeof *c->from, &c->from));
    YL_TRY(yl__alloc(c->net->n_layers, sizeof *c->to, &c->to));
    YL_TRY(yl__alloc(most, sizeof *c->rows, &c->rows));
    return yl__alloc(most, sizeof *c->columns, &c->columns);
}

static yl_status compact(compaction *c, const yl__widths *widths)
{
    YL_TRY(yl_channels_build(c->net, &c->g));
    YL_TRY(yl__widths_check(&c->g, widths));
    YL_TRY(yl__constants_find(c->net, &c->g, &c->k));
    YL_TRY(yl__keep_sums(&c->g, &c->k));
    YL_TRY(allocate(c));
    yl__keep_needed(&c->g, &c->k, widths, c->kept);
    number_channels(c);
    YL_TRY(yl__narrow(&c->g, c->kept, &c->made, c->from));
    for (int i = 0; i < c->net->n_layers; i++) c->to[i] = -1;
    for (int i = 0; i < c->made->n_layers; i++) c->to[c->from[i]] = i;
    YL_TRY(yl_net_finish(c->made));
    YL_TRY(make_numbers(c));
    return copy_slabs(c);
}

yl_status yl_net_compact(yl_net *net, const yl_compact_options *o, yl_net **out)
{
    compaction c = {.net = net};
    yl__widths widths = {o->round_to < 1 ? 1 : o->round_to, o->min_channels < 1 ? 1 : o->min_channels};
    YL_TRY(yl__net_idle(net, "compact"));
    yl_status status = compact(&c, &widths);
    for (int s = 0; s < YL__RUN_SLABS; s++) yl__free(c.numbers[s]);
    if (c.k.constant || c.k.n_slabs) yl__constants_free(&c.g, &c.k);
    yl_channels_free(&c.g);
    yl__free(c.kept);
    yl__free(c.place);
    yl__free(c.from);
    yl__free(c.to);
    yl__free(c.rows);
    yl__free(c.columns);
    if (status != YL_OK)
        yl_net_free(c.made);
    else
        *out = c.made;
    return status;
}
