/* Room in pinned memory is given out by an atomic counter. What does not fit stays where it was decoded until the batch is sent, when the
 * pinned memory grows: after a few batches everything fits, and nothing is allocated any more. */
#include "loader/upload.h"
#include "core/memory.h"
#include "kernels/kernels.h"

#include <stdatomic.h>
#include <string.h>

enum { ALIGN = 256 };

/* A picture of a batch that is to be sent. */
typedef struct piece {
    int64_t sample, bytes; /* 0: there is none */
    bool sends;            /* and is not resident already */
    yl_file_key key;
    int64_t offset; /* in pinned memory */
    yl_image image; /* where it did not fit there */
    bool owned;
} piece;

struct yl_upload {
    yl_device *device;
    int64_t n, pieces;
    piece *list; /* n, pieces */
    bool queued;
    void *sent;
    uint8_t *pinned; /* pictures */
    int64_t capacity;
    atomic_int_fast64_t used;
    uint8_t *there; /* those that do not become resident */
    int64_t there_bytes;
    /* n, pieces: what the kernel reads, in pinned memory and in the device's */
    yl_warp_geom *geoms, *geoms_there;
    const uint8_t **sources, **sources_there;
    yl_copy *copies; /* of pictures and both tables */
};

static yl_status make_tables(yl_upload *u, int64_t count)
{
    yl_device *d = u->device;
    size_t geoms = (size_t)count * sizeof *u->geoms, sources = (size_t)count * sizeof *u->sources;
    YL_TRY(yl__calloc(count, sizeof *u->list, &u->list));
    YL_TRY(yl__alloc(count + 2, sizeof *u->copies, &u->copies));
    YL_TRY(d->pin(d, geoms, (void **)&u->geoms));
    YL_TRY(d->pin(d, sources, (void **)&u->sources));
    YL_TRY(d->alloc(d, geoms, (void **)&u->geoms_there));
    YL_TRY(d->alloc(d, sources, (void **)&u->sources_there));
    yl__upload_clear(u);
    return YL_OK;
}

yl_status yl__upload_create(yl_device *device, int64_t n, int64_t pieces, yl_upload **out)
{
    yl_upload *u;
    YL_TRY(yl__calloc(1, sizeof *u, &u));
    u->device = device;
    u->n = n;
    u->pieces = pieces;
    yl_status status = make_tables(u, n * pieces);
    if (status != YL_OK)
        yl__upload_free(u);
    else
        *out = u;
    return status;
}

static void drop_image(piece *p)
{
    if (p->owned) yl_image_free(&p->image);
    *p = (piece){0};
}

void yl__upload_free(yl_upload *u)
{
    if (!u) return;
    yl_device *d = u->device;
    d->forget(d, u->sent);
    for (int64_t i = 0; u->list && i < u->n * u->pieces; i++) drop_image(&u->list[i]);
    void *pinned[] = {u->pinned, u->geoms, u->sources}, *there[] = {u->there, u->geoms_there, u->sources_there};
    for (int i = 0; i < 3; i++) d->unpin(d, pinned[i]), d->release(d, there[i]);
    yl__free(u->list);
    yl__free(u->copies);
    yl__free(u);
}

/* ---- workers ---- */

void yl__upload_clear(yl_upload *u)
{
    u->queued = false;
    atomic_store(&u->used, 0);
    for (int64_t at = 0; at < u->n * u->pieces; at++) {
        drop_image(&u->list[at]);
        u->geoms[at] = (yl_warp_geom){0};
        u->sources[at] = NULL;
    }
}

void yl__upload_refer(yl_upload *u, int64_t i, int k, const yl_warp_geom *geom, const uint8_t *there)
{
    int64_t at = i * u->pieces + k;
    u->geoms[at] = *geom;
    u->sources[at] = there;
}

static int64_t aligned(int64_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

void yl__upload_put(yl_upload *u, int64_t i, int k, const yl_warp_geom *geom, int64_t sample, const yl_file_key *key,
                    yl_image *image, bool owned)
{
    piece *p = &u->list[i * u->pieces + k];
    u->geoms[i * u->pieces + k] = *geom;
    *p = (piece){.sample = sample, .bytes = yl_image_bytes(image), .key = *key, .image = *image, .owned = owned};
    p->offset = atomic_fetch_add(&u->used, aligned(p->bytes));
    if (owned) *image = (yl_image){0};
    if (p->offset + p->bytes > u->capacity) return;
    memcpy(u->pinned + p->offset, p->image.data, (size_t)p->bytes);
    if (owned) yl_image_free(&p->image);
    p->image.data = NULL;
    p->owned = false;
}

/* ---- the consumer's thread ---- */

/* Pinned memory that holds all of the batch, and a quarter more. */
static yl_status grow_pinned(yl_upload *u)
{
    int64_t used = atomic_load(&u->used);
    void *bigger;
    if (used <= u->capacity) return YL_OK;
    YL_TRY(u->device->pin(u->device, (size_t)(used + used / 4), &bigger));
    for (int64_t at = 0; at < u->n * u->pieces; at++) {
        piece *p = &u->list[at];
        if (p->bytes == 0) continue;
        memcpy((uint8_t *)bigger + p->offset, p->image.data ? p->image.data : u->pinned + p->offset, (size_t)p->bytes);
        if (p->owned) yl_image_free(&p->image);
        p->image.data = NULL;
        p->owned = false;
    }
    u->device->unpin(u->device, u->pinned);
    u->pinned = bigger;
    u->capacity = used + used / 4;
    return YL_OK;
}

/* Pictures that are resident by now, or become it, get their source; the others take so many bytes. */
static int64_t find_resident(yl_upload *u, yl_resident *resident)
{
    int64_t passing = 0;
    for (int64_t at = 0; at < u->n * u->pieces; at++) {
        piece *p = &u->list[at];
        if (p->bytes == 0) continue;
        const yl_warp_geom *g = &u->geoms[at];
        yl_resident_picture known = resident ? yl__resident_get(resident, p->sample) : (yl_resident_picture){0};
        p->sends = !yl__resident_is(&known, &p->key);
        u->sources[at] = known.data;
        if (p->sends)
            u->sources[at] = resident ? yl__resident_add(resident, p->sample, g->source_w, g->source_h, &p->key) : NULL;
        if (!u->sources[at]) passing += aligned(p->bytes);
    }
    return passing;
}

static yl_status grow_there(yl_upload *u, int64_t bytes)
{
    if (bytes <= u->there_bytes) return YL_OK;
    u->device->release(u->device, u->there);
    u->there = NULL;
    u->there_bytes = 0;
    YL_TRY(u->device->alloc(u->device, (size_t)(bytes + bytes / 4), (void **)&u->there));
    u->there_bytes = bytes + bytes / 4;
    return YL_OK;
}

/* The copies of the pictures; those without a source get one in u->there. */
static int64_t list_pictures(yl_upload *u)
{
    uint8_t *free_place = u->there;
    int64_t count = 0;
    for (int64_t at = 0; at < u->n * u->pieces; at++) {
        const piece *p = &u->list[at];
        if (p->bytes == 0 || !p->sends) continue;
        if (!u->sources[at]) {
            u->sources[at] = free_place;
            free_place += aligned(p->bytes);
        }
        u->copies[count++] = (yl_copy){(void *)u->sources[at], u->pinned + p->offset, (size_t)p->bytes};
    }
    return count;
}

yl_status yl__upload_send(yl_upload *u, yl_resident *resident)
{
    if (u->queued) return YL_OK;
    YL_TRY(grow_pinned(u));
    YL_TRY(grow_there(u, find_resident(u, resident)));
    int64_t all = u->n * u->pieces, count = list_pictures(u);
    u->copies[count++] = (yl_copy){u->geoms_there, u->geoms, (size_t)all * sizeof *u->geoms};
    u->copies[count++] = (yl_copy){u->sources_there, u->sources, (size_t)all * sizeof *u->sources};
    YL_TRY(u->device->send(u->device, u->copies, count, &u->sent));
    u->queued = true;
    return YL_OK;
}

yl_status yl__upload_settle(yl_upload *u)
{
    return u->queued ? u->device->settle(u->device, u->sent) : YL_OK;
}

yl_status yl__upload_place(yl_upload *u, int64_t first, int64_t count, int64_t h, int64_t w, yl_dtype dtype, void *to)
{
    const yl_ctx ctx = yl__ctx(u->device);
    const yl_warp_batch_geom g = {count, h, w, u->pieces, 0.5f, dtype};
    YL_TRY(u->device->await(u->device, u->sent));
    return u->device->kernels->warp(&ctx, &g, u->geoms_there + first * u->pieces, u->sources_there + first * u->pieces,
                                    to, NULL);
}

yl_device *yl__upload_device(const yl_upload *u)
{
    return u->device;
}

int64_t yl__upload_bytes(const yl_upload *u)
{
    return u->there_bytes + u->n * u->pieces * (int64_t)(sizeof *u->geoms + sizeof *u->sources);
}
