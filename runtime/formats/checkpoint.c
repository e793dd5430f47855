/* Slabs to safetensors and back. */
#include "formats/checkpoint.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { ENTRY_NAME = YL_NAME + 40 };

/* What a save collects: host copies of the slabs, entries that point into them, and the entries' names. */
typedef struct yl_collection {
    void *copies[YL_MAX_SLABS];
    yl_safetensor *entries;
    char (*names)[ENTRY_NAME];
    int64_t count;
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

yl_status yl_checkpoint_save(const yl_net *net, const char *path, bool full, const yl_safetensors_note *notes,
                             int64_t n_notes)
{
    yl_collection all = {.count = 0};
    yl_status status = collect(net, full, &all);
    if (status == YL_OK) status = yl_safetensors_write(path, all.entries, all.count, notes, n_notes);
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
    void *buffer;
    YL_TRY(yl__alloc(net->n_values, sizeof(float), &buffer));
    yl_status status = YL_OK;
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
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = restore(net, path, file, full);
    yl_safetensors_close(file);
    while (status != YL_OK && net->n_slabs > slabs) /* made for what was refused */
        yl_net_drop_slab(net, net->slabs[net->n_slabs - 1].name);
    return status;
}
