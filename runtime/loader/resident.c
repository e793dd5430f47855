/* Blocks of device memory, filled one after the other; each is as large as all before it, within bounds. */
#include "loader/resident.h"
#include "core/memory.h"

enum { LEAST = 4 << 20, MOST = 256 << 20, SPARE = 1 << 30, ALIGN = 256, BLOCKS = 4096 };

struct yl_resident {
    yl_device *device;
    yl_resident_picture *pictures; /* by sample */
    void *blocks[BLOCKS];
    int n_blocks;
    int64_t held, limit; /* bytes of the blocks, and how many these may be */
    int64_t bytes;       /* of the pictures */
    uint8_t *at;         /* where the last block continues, */
    int64_t left;        /* for so many bytes */
    bool full;
};

yl_status yl__resident_create(yl_device *device, int64_t count, int64_t limit_bytes, yl_resident **out)
{
    yl_resident *r;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->device = device;
    r->limit = limit_bytes;
    yl_status status = yl__calloc(count, sizeof *r->pictures, &r->pictures);
    if (status != YL_OK)
        yl__free(r);
    else
        *out = r;
    return status;
}

void yl__resident_free(yl_resident *r)
{
    if (!r) return;
    for (int i = 0; i < r->n_blocks; i++) r->device->release(r->device, r->blocks[i]);
    yl__free(r->pictures);
    yl__free(r);
}

yl_resident_picture yl__resident_get(const yl_resident *r, int64_t sample)
{
    return r->pictures[sample];
}

static int64_t block_size(const yl_resident *r, int64_t need)
{
    int64_t size = r->held < LEAST ? LEAST : r->held < MOST ? r->held : MOST;
    if (size < need) size = need;
    return size < r->limit - r->held ? size : r->limit - r->held;
}

/* Does the device have memory for a block, and for what a training comes to need besides: plans of other sizes, evaluations? */
static bool can_spare(const yl_resident *r, int64_t size)
{
    int64_t room, spare = r->limit / 4 < SPARE ? r->limit / 4 : SPARE;
    return r->device->room(r->device, &room) == YL_OK && room - size >= spare;
}

/* A new block where the last one has no room left. */
static bool make_room(yl_resident *r, int64_t need)
{
    if (need <= r->left) return true;
    int64_t size = block_size(r, need);
    void *block;
    if (size < need || r->n_blocks == BLOCKS || !can_spare(r, size)) return false;
    if (r->device->alloc(r->device, (size_t)size, &block) != YL_OK) return false;
    r->blocks[r->n_blocks++] = r->at = block;
    r->held += size;
    r->left = size;
    return true;
}

uint8_t *yl__resident_add(yl_resident *r, int64_t sample, int64_t w, int64_t h, const yl_file_key *key)
{
    yl_resident_picture *p = &r->pictures[sample];
    int64_t need = (w * h * 3 + ALIGN - 1) / ALIGN * ALIGN;
    if (p->data) return NULL;
    if (!make_room(r, need)) {
        r->full = true;
        return NULL;
    }
    *p = (yl_resident_picture){r->at, w, h, key->low, key->high};
    r->at += need;
    r->left -= need;
    r->bytes += w * h * 3;
    return p->data;
}

bool yl__resident_full(const yl_resident *r)
{
    return r->full;
}

int64_t yl__resident_bytes(const yl_resident *r)
{
    return r->bytes;
}
