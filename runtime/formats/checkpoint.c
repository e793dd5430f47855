/* Slabs to safetensors and back. */
#include "formats/checkpoint.h"
#include "core/memory.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_NAME = YL_NAME + 40 };

/* What a save collects: host copies of the slabs, entries that point into them, and the entries' names. */
typedef struct yl_collection {
    void *copies[YL_MAX_SLABS];
    yl_safetensor *entries;
    char (*names)[ENTRY_NAME];
    int64_t count;
    yl_safetensors_note *notes; /* the caller's and our own */
    yl_text steps;
} yl_collection;

static void entry_name(const yl_slab *slab, const yl_range *range, char out[ENTRY_NAME])
{
    if (strcmp(slab->name, "value") == 0)
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

static yl_status collect(const yl_net *net, bool full, yl_collection *all)
{
    YL_TRY(yl__calloc((int64_t)net->n_ranges * net->n_slabs + 1, sizeof *all->entries, &all->entries));
    YL_TRY(yl__alloc((int64_t)net->n_ranges * net->n_slabs + 1, ENTRY_NAME, &all->names));
    static const char *const order[] = {"value", "mask", "momentum", "adam_m", "adam_v", "ema"};
    for (int i = 0; i < (full ? 6 : 1); i++) { /* a fixed order: slabs are made in the order of their first use */
        const yl_slab *slab = yl_net_has_slab(net, order[i]);
        if (slab) YL_TRY(collect_slab(net, slab, all, i));
    }
    return YL_OK;
}

/* The ranges' own counts of steps, as a note: a text of numbers in the order of the ranges. Nothing where no moments are kept. */
static const char STEPS[] = "steps";

static yl_status steps_text(const yl_net *net, yl_text *out)
{
    for (int r = 0; r < net->n_ranges; r++) YL_TRY(yl__text_add(out, "%s%" PRId64, r ? " " : "", net->ranges[r].steps));
    return YL_OK;
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
    yl_status status = write_all(net, path, full, &all, notes, n_notes);
    yl__free(all.notes);
    yl__text_free(&all.steps);
    for (int i = 0; i < YL_MAX_SLABS; i++) yl__free(all.copies[i]);
    yl__free(all.entries);
    yl__free(all.names);
    return status;
}

static bool same_shape(const yl_safetensor *e, const yl_range *range, yl_dtype dtype)
{
    bool same = e->dtype == dtype && e->n_dims == range->n_dims;
    for (int d = 0; same && d < e->n_dims; d++) same = e->dims[d] == range->dims[d];
    return same;
}

static yl_status check_values(const yl_net *net, const char *path, const yl_safetensors *file)
{
    for (int r = 0; r < net->n_ranges; r++) {
        const yl_safetensor *e = yl_safetensors_find(file, net->ranges[r].name);
        if (!e) return yl__fail(YL_FORMAT, "%s: parameter %s is missing", path, net->ranges[r].name);
        if (!same_shape(e, &net->ranges[r], YL_F32))
            return yl__fail(YL_FORMAT, "%s: parameter %s has another shape or type than the network's", path, e->name);
    }
    return YL_OK;
}

/* An entry "slab/range" or "range"; NULL pointers where the network has no such thing. */
static const yl_range *entry_range(const yl_net *net, const char *name, char slab[16])
{
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (length >= 16) return NULL;
    snprintf(slab, 16, "%.*s", slash ? (int)length : 5, slash ? name : "value");
    int r = yl_net_find_range(net, slash ? slash + 1 : name);
    return r < 0 ? NULL : &net->ranges[r];
}

/* Makes the slabs that the file has, and checks every entry against them. */
static yl_status check_entries(yl_net *net, const char *path, const yl_safetensors *file, bool full)
{
    for (int64_t i = 0; i < yl_safetensors_count(file); i++) {
        const yl_safetensor *e = yl_safetensors_at(file, i);
        char name[16];
        const yl_range *range = entry_range(net, e->name, name);
        if (!range) return yl__fail(YL_FORMAT, "%s: the network has no parameter '%s'", path, e->name);
        if (!full) continue;
        yl_slab *slab;
        if (yl_net_slab(net, name, &slab)) return yl__fail_in(YL_FORMAT, "%s: '%s'", path, e->name);
        if (!yl_net_at(slab, range) || !same_shape(e, range, slab->dtype))
            return yl__fail(YL_FORMAT, "%s: '%s' has another shape or type than the network's", path, e->name);
    }
    return YL_OK;
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

static yl_status read_entry(yl_net *net, yl_safetensors *file, const yl_safetensor *e, void *buffer)
{
    char name[16];
    const yl_range *range = entry_range(net, e->name, name);
    yl_slab *slab = yl_net_has_slab(net, name);
    YL_TRY(yl_safetensors_read(file, e, buffer));
    ((yl_range *)range)->version++;
    return net->device->to_device(net->device, yl_net_at(slab, range), buffer, (size_t)e->bytes);
}

static yl_status restore(yl_net *net, const char *path, yl_safetensors *file, bool full)
{
    YL_TRY(check_values(net, path, file));
    YL_TRY(check_entries(net, path, file, full));
    void *buffer = NULL;
    int64_t *steps;
    YL_TRY(yl__calloc(net->n_ranges + 1, sizeof *steps, &steps));
    yl_status status = yl__alloc(net->n_values, sizeof(float), &buffer);
    if (status == YL_OK && full) status = read_steps(net, path, file, steps);
    for (int r = 0; full && status == YL_OK && r < net->n_ranges; r++) net->ranges[r].steps = steps[r];
    yl__free(steps);
    for (int64_t i = 0; i < yl_safetensors_count(file) && status == YL_OK; i++) {
        const yl_safetensor *e = yl_safetensors_at(file, i);
        if (full || !strchr(e->name, '/')) status = read_entry(net, file, e, buffer);
    }
    yl__free(buffer);
    return status;
}

yl_status yl_checkpoint_restore(yl_net *net, const char *path, bool full)
{
    yl_safetensors *file;
    int slabs = net->n_slabs;
    YL_TRY(yl__net_idle(net, "restore"));
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = restore(net, path, file, full);
    yl_safetensors_close(file);
    while (status != YL_OK && net->n_slabs > slabs) /* made for what was refused */
        yl_net_drop_slab(net, net->slabs[net->n_slabs - 1].name);
    return status;
}
