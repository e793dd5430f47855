/* Slabs to safetensors and back. */
#include "formats/checkpoint.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_NAME = YL_NAME + 40 };

/* What a save collects: host copies of the slabs, entries that point into them, and the entries' names. */
typedef struct yl_collection {
    void *copies[YL_SLABS];
    yl_safetensor *entries;
    char (*names)[ENTRY_NAME];
    int64_t count;
    yl_safetensors_note *notes; /* the caller's and our own */
    yl_text steps;
    yl_text *packed; /* by range; NULL where nothing is packed */
} yl_collection;

static void entry_name(const yl_slab *slab, const yl_range *range, char out[ENTRY_NAME])
{
    if (strcmp(slab->name, yl_slab_kinds[YL_SLAB_value].name) == 0)
        snprintf(out, ENTRY_NAME, "%s", range->name);
    else
        snprintf(out, ENTRY_NAME, "%s/%s", slab->name, range->name);
}

static yl_status collect_slab(const yl_net *net, const yl_slab *slab, yl_collection *all, int i)
{
    size_t size = yl_dtype_bytes(slab->dtype);
    YL_TRY(yl__alloc(slab->count, size, &all->copies[i]));
    YL_TRY(net->device->from_device(net->device, all->copies[i], slab->data, (size_t)slab->count * size));
    for (int r = 0; r < net->n_ranges; r++) {
        const yl_range *range = &net->ranges[r];
        if (range->offset + range->count > slab->count) continue;
        yl_safetensor *e = &all->entries[all->count];
        entry_name(slab, range, all->names[all->count]);
        *e = (yl_safetensor){.name = all->names[all->count++], .dtype = slab->dtype, .n_dims = range->n_dims};
        for (int d = 0; d < range->n_dims; d++) e->dims[d] = range->dims[d];
        e->data = (const char *)all->copies[i] + (size_t)range->offset * size;
    }
    return YL_OK;
}

/* Is the slab part of a checkpoint, or of what is read from one? */
static bool wanted(int slab, bool full)
{
    if (slab < 0) return false;
    yl_slab_kept kept = yl_slab_kinds[slab].kept;
    return kept == YL_SLAB_MODEL || (full && kept == YL_SLAB_TRAINING);
}

static yl_status collect(const yl_net *net, bool full, yl_collection *all)
{
    YL_TRY(yl__calloc((int64_t)net->n_ranges * YL_SLABS + 1, sizeof *all->entries, &all->entries));
    YL_TRY(yl__alloc((int64_t)net->n_ranges * YL_SLABS + 1, ENTRY_NAME, &all->names));
    for (int i = 0; i < YL_SLABS; i++)
        if (net->slabs[i].data && wanted(i, full)) YL_TRY(collect_slab(net, &net->slabs[i], all, i));
    return YL_OK;
}

/* The ranges' own counts of steps, as a note: a text of numbers in the order of the ranges. Nothing where no moments are kept. */
static const char STEPS[] = "steps";

static yl_status steps_text(const yl_net *net, yl_text *out)
{
    for (int r = 0; r < net->n_ranges; r++) YL_TRY(yl__text_add(out, "%s%" PRId64, r ? " " : "", net->ranges[r].steps));
    return YL_OK;
}

/* The range's entry of a slab, or NULL. */
static yl_safetensor *entry_of(yl_collection *all, const char *name)
{
    for (int64_t i = 0; i < all->count; i++)
        if (strcmp(all->entries[i].name, name) == 0) return &all->entries[i];
    return NULL;
}

static void leave_out(yl_collection *all, yl_safetensor *e)
{
    memmove(e, e + 1, (size_t)(&all->entries[all->count--] - e - 1) * sizeof *e);
}

/* The mask of a range, or NULL where it masks nothing: that entry is left out. */
static yl_safetensor *some_mask(const yl_range *range, yl_collection *all)
{
    char name[ENTRY_NAME];
    snprintf(name, sizeof name, "%s/%s", yl_slab_kinds[YL_SLAB_mask].name, range->name);
    yl_safetensor *mask = entry_of(all, name);
    if (!mask || memchr(mask->data, 0, (size_t)range->count)) return mask;
    leave_out(all, mask);
    return NULL;
}

/* Packs a range's values where that saves bytes; its mask, which they tell, is then left out. */
static yl_status pack_range(const yl_range *range, int index_bits, yl_safetensor *mask, yl_collection *all,
                            yl_text *bytes, yl_checkpoint_packed *out)
{
    yl_safetensor *value = entry_of(all, range->name);
    yl_status status =
        yl_packed_write(range->name, value->n_dims, value->dims, value->data, mask, index_bits, bytes, &out->sizes);
    if (status == YL_INVALID) return YL_OK; /* too many different values, or a negative zero */
    if (status != YL_OK || bytes->length >= range->count * (int64_t)sizeof(float)) return status;
    out->bytes = bytes->length;
    *value =
        (yl_safetensor){.name = value->name, .dtype = YL_U8, .n_dims = 1, .dims = {bytes->length}, .data = bytes->data};
    if (mask) leave_out(all, mask);
    return YL_OK;
}

static yl_status pack(const yl_net *net, int index_bits, yl_collection *all, yl_checkpoint_packed *ranges)
{
    YL_TRY(yl__calloc(net->n_ranges + 1, sizeof *all->packed, &all->packed));
    for (int r = 0; r < net->n_ranges; r++) {
        const yl_range *range = &net->ranges[r];
        yl_safetensor *mask = some_mask(range, all);
        ranges[r] = (yl_checkpoint_packed){0};
        if (range->kind == YL_WEIGHT && range->n_dims <= YL_PACKED_DIMS)
            YL_TRY(pack_range(range, index_bits, mask, all, &all->packed[r], &ranges[r]));
    }
    return YL_OK;
}

static void free_collection(const yl_net *net, yl_collection *all)
{
    for (int r = 0; all->packed && r < net->n_ranges; r++) yl__text_free(&all->packed[r]);
    yl__free(all->packed);
    yl__free(all->notes);
    yl__text_free(&all->steps);
    for (int i = 0; i < YL_SLABS; i++) yl__free(all->copies[i]);
    yl__free(all->entries);
    yl__free(all->names);
}

static yl_status write_all(const yl_net *net, const char *path, bool full, yl_collection *all,
                           const yl_safetensors_note *notes, int64_t n_notes)
{
    bool counted = full && yl_net_has_slab(net, "adam_m");
    for (int r = 0; full && r < net->n_ranges; r++) counted |= net->ranges[r].steps > 0;
    YL_TRY(collect(net, full, all));
    if (counted) YL_TRY(steps_text(net, &all->steps));
    YL_TRY(yl__calloc(n_notes + 1, sizeof *all->notes, &all->notes));
    for (int64_t i = 0; i < n_notes; i++) all->notes[i] = notes[i];
    all->notes[n_notes] = (yl_safetensors_note){STEPS, all->steps.data};
    return yl_safetensors_write(path, all->entries, all->count, all->notes, n_notes + counted);
}

yl_status yl_checkpoint_save(const yl_net *net, const char *path, bool full, const yl_safetensors_note *notes,
                             int64_t n_notes)
{
    yl_collection all = {.count = 0};
    YL_TRY(yl__file_ending(path, ".safetensors", "a checkpoint"));
    yl_status status = write_all(net, path, full, &all, notes, n_notes);
    free_collection(net, &all);
    return status;
}

yl_status yl_checkpoint_save_packed(const yl_net *net, const char *path, int index_bits,
                                    const yl_safetensors_note *notes, int64_t n_notes, yl_checkpoint_packed *ranges)
{
    yl_collection all = {.count = 0};
    YL_TRY(yl__file_ending(path, ".safetensors", "a checkpoint"));
    yl_status status = collect(net, false, &all);
    if (status == YL_OK) status = pack(net, index_bits, &all, ranges);
    if (status == YL_OK) status = yl_safetensors_write_guarded(path, all.entries, all.count, notes, n_notes);
    free_collection(net, &all);
    return status;
}

/* Refuses numbers {n_dims, dims} of another shape or type than the range's. */
static yl_status check_shape(const char *path, const char *name, yl_dtype type, int n_dims, const int64_t *dims,
                             const yl_range *range, yl_dtype expected)
{
    char got[128], want[128];
    bool same = type == expected && n_dims == range->n_dims;
    for (int d = 0; same && d < n_dims; d++) same = dims[d] == range->dims[d];
    if (same) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: parameter %s: expected %s %s, as the network has it, got %s %s", path, name,
                    yl_dtype_name(expected), yl__shape_text(range->n_dims, range->dims, want, sizeof want),
                    yl_dtype_name(type), yl__shape_text(n_dims, dims, got, sizeof got));
}

static yl_status check_entry(const char *path, const yl_safetensor *e, const yl_range *range, yl_dtype expected)
{
    return check_shape(path, e->name, e->dtype, e->n_dims, e->dims, range, expected);
}

/* Is the entry, of the value slab, a packed one? */
static bool is_packed(const yl_safetensor *e)
{
    return e->dtype == YL_U8 && e->n_dims == 1;
}

static yl_status in_parameter(yl_status status, const char *path, const yl_safetensor *e)
{
    return status == YL_FORMAT ? yl__fail_in(status, "%s: parameter %s", path, e->name) : status;
}

static yl_status unpack(const char *path, const yl_range *range, const yl_safetensor *e, const void *bytes,
                        float *numbers, bool *masked)
{
    yl_packed p;
    YL_TRY(in_parameter(yl_packed_open(bytes, e->bytes, &p), path, e));
    YL_TRY(check_shape(path, e->name, YL_F32, p.n_dims, p.dims, range, YL_F32));
    if (p.masked && range->kind == YL_STATISTIC)
        return yl__fail(YL_FORMAT, "%s: parameter %s: its zeros are masked, which a statistic's cannot be", path,
                        e->name);
    *masked = p.masked;
    return in_parameter(yl_packed_read(&p, numbers), path, e);
}

/* The numbers {range->count} of a packed entry. */
static yl_status read_packed(yl_safetensors *file, const char *path, const yl_range *range, const yl_safetensor *e,
                             float *numbers, bool *masked)
{
    uint8_t *bytes;
    YL_TRY(yl__alloc(e->bytes, 1, &bytes));
    yl_status status = yl_safetensors_read(file, e, bytes);
    if (status == YL_OK) status = unpack(path, range, e, bytes, numbers, masked);
    yl__free(bytes);
    return status;
}

static yl_status check_packed(yl_safetensors *file, const char *path, const yl_range *range, const yl_safetensor *e)
{
    float *numbers;
    bool masked;
    YL_TRY(yl__alloc(range->count, sizeof *numbers, &numbers));
    yl_status status = read_packed(file, path, range, e, numbers, &masked);
    yl__free(numbers);
    return status;
}

static yl_status check_values(const yl_net *net, const char *path, yl_safetensors *file)
{
    for (int r = 0; r < net->n_ranges; r++) {
        const yl_safetensor *e = yl_safetensors_find(file, net->ranges[r].name);
        if (!e) return yl__fail(YL_FORMAT, "%s: parameter %s is missing", path, net->ranges[r].name);
        if (is_packed(e))
            YL_TRY(check_packed(file, path, &net->ranges[r], e));
        else
            YL_TRY(check_entry(path, e, &net->ranges[r], YL_F32));
    }
    return YL_OK;
}

/* An entry "slab/range" or "range": which slab and range those are; -1 where the network has no such thing. */
static void entry_place(const yl_net *net, const char *name, int *slab, int *range)
{
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    *range = yl_net_find_range(net, slash ? slash + 1 : name);
    *slab = slash ? -1 : YL_SLAB_value;
    for (int i = 0; slash && i < YL_SLABS; i++)
        if (strlen(yl_slab_kinds[i].name) == length && strncmp(yl_slab_kinds[i].name, name, length) == 0) *slab = i;
}

/* Masks decide what becomes of all other numbers: they are looked at before anything changes. */
static yl_status check_mask(yl_safetensors *file, const yl_safetensor *e, const yl_range *range, const char *path)
{
    uint8_t *bytes;
    YL_TRY(yl__alloc(range->count, 1, &bytes));
    yl_status status = yl_safetensors_read(file, e, bytes);
    if (status == YL_OK && yl__mask_check(range, bytes) != YL_OK) status = yl__fail_in(YL_FORMAT, "%s", path);
    yl__free(bytes);
    return status;
}

/* Makes the slabs that the file has, and checks every entry against them. */
static yl_status check_entries(yl_net *net, const char *path, yl_safetensors *file, bool full)
{
    for (int64_t i = 0; i < yl_safetensors_count(file); i++) {
        const yl_safetensor *e = yl_safetensors_at(file, i);
        int k, r;
        entry_place(net, e->name, &k, &r);
        if (r < 0) return yl__fail(YL_FORMAT, "%s: the network has no parameter '%s'", path, e->name);
        if (k < 0 && full) return yl__fail(YL_FORMAT, "%s: '%s': unknown slab", path, e->name);
        if (!wanted(k, full) || (k == YL_SLAB_value && is_packed(e))) continue;
        yl_slab *slab;
        YL_TRY(yl_net_slab(net, yl_slab_kinds[k].name, &slab));
        if (!yl_net_at(slab, &net->ranges[r]))
            return yl__fail(YL_FORMAT, "%s: '%s': a statistic has no %s", path, e->name, slab->name);
        YL_TRY(check_entry(path, e, &net->ranges[r], slab->dtype));
        if (k == YL_SLAB_mask) YL_TRY(check_mask(file, e, &net->ranges[r], path));
    }
    return YL_OK;
}

yl_status yl_checkpoint_format(const char *path, const char *note)
{
    if (!note || strcmp(note, YL_CHECKPOINT_FORMAT) == 0) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s: expected a checkpoint of the format '%s', got '%.60s'", path,
                    YL_CHECKPOINT_FORMAT, note);
}

static bool has_moments(const yl_safetensors *file)
{
    for (int64_t i = 0; i < yl_safetensors_count(file); i++)
        if (strncmp(yl_safetensors_at(file, i)->name, "adam_m/", 7) == 0) return true;
    return false;
}

/* The ranges' counts of steps that the file holds, for all of them or none. */
static yl_status read_steps(const yl_net *net, const char *path, const yl_safetensors *file, int64_t *steps)
{
    const char *at = yl_safetensors_note_of(file, STEPS);
    if (!at && has_moments(file))
        return yl__fail(YL_FORMAT, "%s: the note '%s' is missing: Adam's moments need their counts of steps", path,
                        STEPS);
    for (int r = 0; at && r < net->n_ranges; r++) {
        char *end;
        steps[r] = strtoll(at, &end, 10);
        if (end == at || steps[r] < 0 || *end != (r + 1 < net->n_ranges ? ' ' : 0))
            return yl__fail(YL_FORMAT, "%s: the note '%s': expected %d counts of steps", path, STEPS, net->n_ranges);
        at = end;
    }
    return YL_OK;
}

/* A packed range: its mask where its zeros are masked, or its values. */
static yl_status restore_packed(yl_net *net, const char *path, yl_safetensors *file, const yl_safetensor *e, int r,
                                bool masks, float *numbers)
{
    bool masked;
    YL_TRY(read_packed(file, path, &net->ranges[r], e, numbers, &masked));
    if (!masks) return yl__net_write(net, r, &net->slabs[YL_SLAB_value], numbers);
    if (!masked) return YL_OK;
    yl_slab *slab;
    YL_TRY(yl_net_slab(net, yl_slab_kinds[YL_SLAB_mask].name, &slab));
    uint8_t *mask = (uint8_t *)numbers; /* a byte is never written before the number there was read */
    for (int64_t i = 0; i < net->ranges[r].count; i++) mask[i] = numbers[i] != 0;
    return yl__net_write(net, r, slab, mask);
}

/* Reads the masks, or all but the masks. */
static yl_status read_entries(yl_net *net, const char *path, yl_safetensors *file, bool full, bool masks, void *buffer)
{
    for (int64_t i = 0; i < yl_safetensors_count(file); i++) {
        const yl_safetensor *e = yl_safetensors_at(file, i);
        int k, r;
        entry_place(net, e->name, &k, &r);
        if (k == YL_SLAB_value && is_packed(e)) YL_TRY(restore_packed(net, path, file, e, r, masks, buffer));
        if (!wanted(k, full) || (k == YL_SLAB_mask) != masks || (k == YL_SLAB_value && is_packed(e))) continue;
        YL_TRY(yl_safetensors_read(file, e, buffer));
        YL_TRY(yl__net_write(net, r, &net->slabs[k], buffer));
    }
    return YL_OK;
}

static yl_status restore(yl_net *net, const char *path, yl_safetensors *file, bool full)
{
    YL_TRY(yl_checkpoint_format(path, yl_safetensors_note_of(file, "format")));
    YL_TRY(check_values(net, path, file));
    YL_TRY(check_entries(net, path, file, full));
    void *buffer = NULL;
    int64_t *steps;
    YL_TRY(yl__calloc(net->n_ranges + 1, sizeof *steps, &steps));
    yl_status status = yl__alloc(net->n_values, sizeof(float), &buffer);
    if (status == YL_OK && full) status = read_steps(net, path, file, steps);
    for (int r = 0; full && status == YL_OK && r < net->n_ranges; r++) net->ranges[r].steps = steps[r];
    yl__free(steps); /* masks first: the network's own may cover other numbers */
    if (status == YL_OK) status = read_entries(net, path, file, full, true, buffer);
    if (status == YL_OK) status = read_entries(net, path, file, full, false, buffer);
    yl__free(buffer);
    return status;
}

yl_status yl_checkpoint_restore(yl_net *net, const char *path, bool full)
{
    yl_safetensors *file;
    bool had[YL_SLABS];
    for (int i = 0; i < YL_SLABS; i++) had[i] = net->slabs[i].data;
    YL_TRY(yl__net_idle(net, "restore"));
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = restore(net, path, file, full);
    yl_safetensors_close(file);
    for (int i = 0; status != YL_OK && i < YL_SLABS; i++) /* made for what was refused */
        if (!had[i] && net->slabs[i].data) yl__net_drop(net, i);
    return status;
}
