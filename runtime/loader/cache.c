/* A hash table of decoded pictures. */
#define _GNU_SOURCE
#include "loader/cache.h"
#include "core/machine.h"
#include "core/memory.h"
#include "image/decode.h"

#include <pthread.h>
#include <sys/stat.h>
#include <xxhash.h>

typedef struct entry {
    uint64_t low, high;
    yl_image image; /* data NULL: a free slot */
} entry;

struct yl_cache {
    pthread_mutex_t lock;
    entry *entries; /* open addressing, capacity a power of two, at most half full */
    int64_t capacity, count, bytes, limit;
};

int64_t yl_cache_default_bytes(void)
{
    yl_machine machine;
    yl_machine_look(&machine);
    int64_t most = (int64_t)2 << 30, third = machine.memory_bytes / 3;
    return third > 0 && third < most ? third : most;
}

yl_status yl_cache_create(int64_t limit_bytes, yl_cache **out)
{
    yl_cache *c;
    YL_TRY(yl__calloc(1, sizeof *c, &c));
    c->capacity = 256;
    c->limit = limit_bytes;
    yl_status status = yl__calloc(c->capacity, sizeof *c->entries, &c->entries);
    if (status != YL_OK) {
        yl__free(c);
        return status;
    }
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return YL_OK;
}

void yl_cache_free(yl_cache *c)
{
    if (!c) return;
    for (int64_t i = 0; i < c->capacity; i++) yl_image_free(&c->entries[i].image);
    pthread_mutex_destroy(&c->lock);
    yl__free(c->entries);
    yl__free(c);
}

/* The slot that holds the key, or the free one where it belongs. */
static entry *slot(entry *entries, int64_t capacity, uint64_t low, uint64_t high)
{
    for (int64_t i = (int64_t)(low & (uint64_t)(capacity - 1));; i = (i + 1) & (capacity - 1))
        if (!entries[i].image.data || (entries[i].low == low && entries[i].high == high)) return &entries[i];
}

static yl_status grow(yl_cache *c)
{
    if (2 * (c->count + 1) <= c->capacity) return YL_OK;
    entry *bigger;
    YL_TRY(yl__calloc(2 * c->capacity, sizeof *bigger, &bigger));
    for (int64_t i = 0; i < c->capacity; i++)
        if (c->entries[i].image.data) *slot(bigger, 2 * c->capacity, c->entries[i].low, c->entries[i].high) = c->entries[i];
    yl__free(c->entries);
    c->entries = bigger;
    c->capacity *= 2;
    return YL_OK;
}

static bool find(yl_cache *c, const yl_file_key *key, yl_image *out)
{
    pthread_mutex_lock(&c->lock);
    *out = slot(c->entries, c->capacity, key->low, key->high)->image;
    pthread_mutex_unlock(&c->lock);
    return out->data != NULL;
}

/* Takes the picture over where it fits; *owned tells whether the caller keeps it. */
static void keep(yl_cache *c, const yl_file_key *key, yl_image *image, bool *owned)
{
    pthread_mutex_lock(&c->lock);
    int64_t bytes = yl_image_bytes(image);
    entry *e = slot(c->entries, c->capacity, key->low, key->high);
    if (e->image.data) { /* another worker was faster */
        yl_image_free(image);
        *image = e->image;
        *owned = false;
    } else if (c->bytes + bytes <= c->limit && grow(c) == YL_OK) {
        *slot(c->entries, c->capacity, key->low, key->high) = (entry){key->low, key->high, *image};
        c->count++;
        c->bytes += bytes;
        *owned = false;
    }
    pthread_mutex_unlock(&c->lock);
}

static bool unchanged(const char *path, const yl_file_key *key)
{
    struct stat st;
    return key->known && stat(path, &st) == 0 && st.st_size == key->size && (uint64_t)st.st_ino == key->inode &&
           st.st_mtim.tv_sec == key->seconds && st.st_mtim.tv_nsec == key->nanoseconds;
}

static void remember(const char *path, const char *bytes, int64_t size, yl_file_key *key)
{
    struct stat st = {0};
    XXH128_hash_t hash = XXH3_128bits(bytes, (size_t)size);
    bool seen = stat(path, &st) == 0;
    *key = (yl_file_key){size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (uint64_t)st.st_ino, hash.low64, hash.high64, seen};
}

yl_status yl_cache_get(yl_cache *c, const char *path, yl_file_key *key, yl_image *out, bool *owned, bool *decoded)
{
    *owned = *decoded = false;
    if (unchanged(path, key) && find(c, key, out)) return YL_OK;
    char *bytes;
    int64_t size;
    YL_TRY(yl__image_read(path, &bytes, &size));
    remember(path, bytes, size, key);
    yl_status status = YL_OK;
    if (!find(c, key, out)) {
        status = yl_image_decode_bytes(bytes, size, path, out);
        *owned = *decoded = status == YL_OK;
        if (status == YL_OK) keep(c, key, out, owned);
    }
    yl__free(bytes);
    return status;
}

int64_t yl_cache_bytes(yl_cache *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t bytes = c->bytes;
    pthread_mutex_unlock(&c->lock);
    return bytes;
}
