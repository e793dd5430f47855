/* Storage, reference counts and views. Only here are strides made. */
#include "tensor/tensor.h"
#include "backend/device.h"
#include "core/memory.h"
#include "core/text.h"
#include "tensor/rows.h"

#include <stdio.h>

struct yl_storage {
    int64_t references;
    yl_device *device;
    void *data;
    void *mirror; /* of what a device holds, in host memory; NULL: nobody has asked for it yet */
    size_t bytes;
    bool owned; /* `data` came from the device's allocator */
    bool dead;
    yl_owner owner;
    yl__history history;
};

static void storage_end(yl_storage *s)
{
    if (s->dead) return;
    s->dead = true;
    yl__free(s->mirror);
    if (s->owned) s->device->release(s->device, s->data);
    if (s->owner.release) s->owner.release(s->owner.context);
}

void yl__tensor_set_dims(yl_tensor *t, int n_dims, const int64_t *dims)
{
    int64_t stride = 1;
    t->n_dims = n_dims;
    for (int d = 0; d < n_dims; d++) t->dims[d] = dims[d];
    for (int d = t->n_dims - 1; d >= 0; d--) {
        t->strides[d] = stride;
        stride *= t->dims[d] > 0 ? t->dims[d] : 1;
    }
}

static yl_status check_dims(yl_dtype dtype, int n_dims, const int64_t *dims)
{
    int64_t full[YL_TENSOR_DIMS + 1]; /* with zeros as ones: strides pass over them */
    if (n_dims < 0 || n_dims > YL_TENSOR_DIMS)
        return yl__fail(YL_INVALID, "tensor: expected at most %d dimensions, got %d", YL_TENSOR_DIMS, n_dims);
    for (int d = 0; d < n_dims; d++) {
        if (dims[d] < 0)
            return yl__fail(YL_INVALID, "tensor: expected sizes of at least 0, got %lld", (long long)dims[d]);
        full[d] = dims[d] > 0 ? dims[d] : 1;
    }
    full[n_dims] = (int64_t)yl_dtype_bytes(dtype);
    if (yl__product(n_dims + 1, full) > INT64_MAX / 2)
        return yl__fail(YL_MEMORY, "tensor: the sizes multiply to more elements than memory has addresses");
    return YL_OK;
}

static yl_status make(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out)
{
    yl_tensor *t;
    yl_storage *s;
    YL_TRY(check_dims(dtype, n_dims, dims));
    YL_TRY(yl__calloc(1, sizeof *t, &t));
    yl_status status = yl__calloc(1, sizeof *s, &s);
    if (status != YL_OK) {
        yl__free(t);
        return status;
    }
    *t = (yl_tensor){.storage = s, .dtype = dtype, .references = 1};
    yl__tensor_set_dims(t, n_dims, dims);
    *s = (yl_storage){.references = 1, .device = device, .bytes = yl_tensor_bytes(t), .history.followers = 1};
    *out = t;
    return YL_OK;
}

yl_status yl_tensor_new(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out)
{
    yl_tensor *t;
    YL_TRY(make(device, dtype, n_dims, dims, &t));
    yl_status status = device->alloc(device, yl_tensor_bytes(t), &t->storage->data);
    if (status != YL_OK) {
        yl_tensor_release(t);
        return status;
    }
    t->storage->owned = true;
    *out = t;
    return YL_OK;
}

yl_status yl__tensor_for(const yl_tensor *like, yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out)
{
    yl_device *device = yl_tensor_device(like);
    if (!device->host_memory) YL_TRY(yl_device_get("cpu", &device));
    return yl_tensor_new(device, dtype, n_dims, dims, out);
}

yl_status yl_tensor_wrap(yl_device *device, yl_dtype dtype, int n_dims, const int64_t *dims, void *data,
                         const yl_owner *owner, yl_tensor **out)
{
    YL_TRY(make(device, dtype, n_dims, dims, out));
    (*out)->storage->data = data;
    if (owner) (*out)->storage->owner = *owner;
    return YL_OK;
}

void yl_tensor_kill(yl_tensor *t)
{
    storage_end(t->storage);
}

yl_tensor *yl_tensor_retain(yl_tensor *t)
{
    t->references++;
    return t;
}

/* Nobody is left who could ask for the history. */
static void unfollow(yl_storage *s)
{
    yl__history *h = &s->history;
    if (--h->followers > 0 || !h->node) return;
    yl_node *node = h->node;
    h->node = NULL;
    h->release(node);
}

void yl_tensor_release(yl_tensor *t)
{
    if (!t || --t->references > 0) return;
    yl_storage *s = t->storage;
    if (!t->detached) unfollow(s);
    if (--s->references == 0) {
        storage_end(s);
        yl__free(s);
    }
    yl__free(t);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

int64_t yl_tensor_count(const yl_tensor *t)
{
    int64_t count = 1;
    for (int d = 0; d < t->n_dims; d++) count *= t->dims[d];
    return count;
}

size_t yl_tensor_bytes(const yl_tensor *t)
{
    return (size_t)yl_tensor_count(t) * yl_dtype_bytes(t->dtype);
}

bool yl_tensor_contiguous(const yl_tensor *t)
{
    int64_t stride = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        if (t->dims[d] == 0) return true;
        if (t->dims[d] > 1 && t->strides[d] != stride) return false;
        stride *= t->dims[d];
    }
    return true;
}

bool yl_tensor_alive(const yl_tensor *t)
{
    return !t->storage->dead;
}

yl__history *yl__tensor_history(const yl_tensor *t)
{
    return &t->storage->history;
}

int64_t yl__tensor_extent(const yl_tensor *t)
{
    return (int64_t)(t->storage->bytes / yl_dtype_bytes(t->dtype));
}

bool yl__tensor_lent(const yl_tensor *t)
{
    return t->storage->owner.release != NULL;
}

int64_t yl__tensor_version(const yl_tensor *t)
{
    const yl_owner *owner = &t->storage->owner;
    return t->storage->history.version + (owner->version && !t->storage->dead ? owner->version(owner->context) : 0);
}

yl_device *yl_tensor_device(const yl_tensor *t)
{
    return t->storage->device;
}

yl_status yl_tensor_data(const yl_tensor *t, void **out)
{
    if (t->storage->dead)
        return yl__fail(YL_INVALID,
                        "this tensor is no longer valid: it was only valid during the call, or its owner was closed");
    *out = (char *)t->storage->data + t->offset * (int64_t)yl_dtype_bytes(t->dtype);
    return YL_OK;
}

yl_status yl__tensor_host(const yl_tensor *t, char **out)
{
    void *data;
    yl_storage *s = t->storage;
    YL_TRY(yl_tensor_data(t, &data));
    *out = data;
    if (s->device->host_memory) return YL_OK;
    if (!s->mirror) YL_TRY(yl__alloc((int64_t)s->bytes, 1, &s->mirror));
    *out = (char *)s->mirror + ((char *)data - (char *)s->data);
    return s->device->from_device(s->device, s->mirror, s->data, s->bytes);
}

yl_status yl__tensor_host_to_write(yl_tensor *t, char **out)
{
    YL_TRY(yl__tensor_host(t, out));
    if (t->spread)
        return yl__fail(YL_INVALID,
                        "tensor: expand repeats elements of this one, which cannot be written each; clone() "
                        "makes them apart");
    if (t->storage->history.leaf && !t->detached && yl__tape_runs())
        return yl__fail(YL_INVALID,
                        "tensor: a tensor that requires a gradient is not changed in place while operations "
                        "are noted; change it in no_grad, or a clone of it");
    return yl__tensor_writes(t);
}

yl_status yl__tensor_writes(yl_tensor *t)
{
    const yl_owner *owner = &t->storage->owner;
    return owner->writes ? owner->writes(owner->context) : YL_OK;
}

yl_status yl__tensor_written(yl_tensor *t, yl_status status)
{
    yl_storage *s = t->storage;
    const yl_owner *owner = &s->owner;
    s->history.version++;
    if (s->mirror && status == YL_OK) status = s->device->to_device(s->device, s->data, s->mirror, s->bytes);
    yl_status told = owner->written ? owner->written(owner->context) : YL_OK;
    return status != YL_OK ? status : told;
}

static _Thread_local int paused;

bool yl__tape_runs(void)
{
    return paused == 0;
}

void yl_tape_pause(int by)
{
    paused += by;
}

void yl_tensor_describe(const yl_tensor *t, char *out, size_t size)
{
    char shape[128];
    snprintf(out, size, "%s %s", yl_dtype_name(t->dtype), yl__shape_text(t->n_dims, t->dims, shape, sizeof shape));
}

/* ---- views ------------------------------------------------------------------------------------------------------- */

yl_status yl__tensor_check_axis(const yl_tensor *t, int axis)
{
    if (axis >= 0 && axis < t->n_dims) return YL_OK;
    return yl__fail(YL_INVALID, "tensor: axis %d is out of range for a tensor of %d dimensions", axis + 1, t->n_dims);
}

yl_status yl_tensor_view(const yl_tensor *t, yl_tensor **out)
{
    yl_tensor *v;
    YL_TRY(yl__calloc(1, sizeof *v, &v));
    *v = *t;
    v->references = 1;
    v->storage->references++;
    if (!v->detached) v->storage->history.followers++;
    *out = v;
    return YL_OK;
}

yl_status yl_tensor_detach(const yl_tensor *t, yl_tensor **out)
{
    YL_TRY(yl_tensor_view(t, out));
    if (!t->detached) t->storage->history.followers--; /* t itself still follows */
    (*out)->detached = true;
    return YL_OK;
}

yl_status yl_tensor_slice(const yl_tensor *t, int axis, int64_t first, int64_t count, int64_t step, yl_tensor **out)
{
    YL_TRY(yl__tensor_check_axis(t, axis));
    int64_t size = t->dims[axis];
    bool fits = step >= 1 && first >= 0 && count >= 0 && first <= size;
    if (fits && count > 0) fits = first < size && count - 1 <= (size - 1 - first) / step;
    if (!fits)
        return yl__fail(YL_INVALID, "tensor: a slice of %lld from %lld (step %lld) does not fit axis %d of size %lld",
                        (long long)count, (long long)first + 1, (long long)step, axis + 1, (long long)size);
    YL_TRY(yl_tensor_view(t, out));
    (*out)->offset += count > 0 ? first * t->strides[axis] : 0;
    (*out)->dims[axis] = count;
    if (count > 1) (*out)->strides[axis] *= step;
    return YL_OK;
}

yl_status yl_tensor_select(const yl_tensor *t, int axis, int64_t index, yl_tensor **out)
{
    YL_TRY(yl__tensor_check_axis(t, axis));
    if (index < 0 || index >= t->dims[axis])
        return yl__fail(YL_INVALID, "tensor: index %lld is outside axis %d of size %lld", (long long)index + 1,
                        axis + 1, (long long)t->dims[axis]);
    YL_TRY(yl_tensor_view(t, out));
    yl_tensor *v = *out;
    v->offset += index * t->strides[axis];
    v->n_dims--;
    for (int d = axis; d < v->n_dims; d++) {
        v->dims[d] = t->dims[d + 1];
        v->strides[d] = t->strides[d + 1];
    }
    return YL_OK;
}

yl_status yl_tensor_unsqueeze(const yl_tensor *t, int axis, yl_tensor **out)
{
    if (axis < 0 || axis > t->n_dims || t->n_dims == YL_TENSOR_DIMS)
        return yl__fail(YL_INVALID, "tensor: a new axis %d does not fit a tensor of %d dimensions (at most %d)",
                        axis + 1, t->n_dims, YL_TENSOR_DIMS);
    YL_TRY(yl_tensor_view(t, out));
    yl_tensor *v = *out;
    v->n_dims++;
    for (int d = v->n_dims - 1; d > axis; d--) {
        v->dims[d] = t->dims[d - 1];
        v->strides[d] = t->strides[d - 1];
    }
    v->dims[axis] = v->strides[axis] = 1;
    return YL_OK;
}

yl_status yl_tensor_permute(const yl_tensor *t, const int *order, yl_tensor **out)
{
    unsigned seen = 0;
    for (int d = 0; d < t->n_dims; d++) {
        YL_TRY(yl__tensor_check_axis(t, order[d]));
        if (seen & 1u << order[d]) return yl__fail(YL_INVALID, "tensor: axis %d appears twice", order[d] + 1);
        seen |= 1u << order[d];
    }
    YL_TRY(yl_tensor_view(t, out));
    for (int d = 0; d < t->n_dims; d++) {
        (*out)->dims[d] = t->dims[order[d]];
        (*out)->strides[d] = t->strides[order[d]];
    }
    return YL_OK;
}

yl_status yl_tensor_expand(const yl_tensor *t, int n_dims, const int64_t *dims, yl_tensor **out)
{
    int more = n_dims - t->n_dims;
    char from[128];
    yl_tensor_describe(t, from, sizeof from);
    if (more < 0 || n_dims > YL_TENSOR_DIMS)
        return yl__fail(YL_INVALID, "tensor: %s cannot be spread over %d dimensions", from, n_dims);
    for (int d = more; d < n_dims; d++)
        if (t->dims[d - more] != dims[d] && t->dims[d - more] != 1)
            return yl__fail(YL_INVALID, "tensor: %s cannot be spread over size %lld in axis %d", from,
                            (long long)dims[d], d + 1);
    YL_TRY(check_dims(t->dtype, n_dims, dims));
    YL_TRY(yl_tensor_view(t, out));
    (*out)->n_dims = n_dims;
    for (int d = 0; d < n_dims; d++) {
        bool repeats = d < more || t->dims[d - more] != dims[d];
        (*out)->dims[d] = dims[d];
        (*out)->spread |= repeats && dims[d] > 1;
        (*out)->strides[d] = repeats ? 0 : t->strides[d - more];
    }
    return YL_OK;
}
