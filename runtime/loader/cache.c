/* A hash table of decoded pictures. */
#define _GNU_SOURCE
#include "loader/cache.h"
#include "core/folder.h"
#include "core/memory.h"
#include "image/decode.h"
#include "image/exif.h"
#include "loader/store.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { NOTICE = 512 };

/* Matters to warn of. */
enum { STORE, ORIENTATION, STRAY, MATTERS };
static bool told[MATTERS]; /* in this process; guarded by `telling` */
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

typedef struct entry {
    uint64_t low, high;
    yl_image image; /* data NULL: a free slot */
} entry;

struct yl_cache {
    pthread_mutex_t lock;
    entry *entries; /* open addressing, capacity a power of two, at most half full */
    int64_t capacity, count, bytes, limit;
    bool upright;
    char *folder;                  /* of the store on disk; NULL: none */
    pthread_mutex_t writing;       /* one file at a time */
    bool full;                     /* the store refused a file: no more are offered */
    char notices[MATTERS][NOTICE]; /* empty: nothing to say, or not any more; guarded by `lock` */
};

yl_status yl_cache_create(int64_t limit_bytes, const char *folder, bool upright, yl_cache **out)
{
    yl_cache *c;
    YL_TRY(yl__calloc(1, sizeof *c, &c));
    c->capacity = 256;
    c->limit = limit_bytes;
    c->upright = upright;
    yl_status status = yl__calloc(c->capacity, sizeof *c->entries, &c->entries);
    if (status == YL_OK && folder) status = yl__folder_make(folder);
    if (status == YL_OK && folder) status = yl__strdup(folder, &c->folder);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->writing, NULL);
    if (status != YL_OK) {
        c->capacity = c->entries ? c->capacity : 0;
        yl_cache_free(c);
    } else
        *out = c;
    return status;
}

void yl_cache_free(yl_cache *c)
{
    if (!c) return;
    for (int64_t i = 0; i < c->capacity; i++) yl_image_free(&c->entries[i].image);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->writing);
    yl__free(c->folder);
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
        if (c->entries[i].image.data)
            *slot(bigger, 2 * c->capacity, c->entries[i].low, c->entries[i].high) = c->entries[i];
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

bool yl_file_unchanged(const char *path, const yl_file_key *key)
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
    *key =
        (yl_file_key){size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (uint64_t)st.st_ino, hash.low64, hash.high64, seen};
}

static void note(yl_cache *c, int matter, const char *format, ...) YL__PRINTF(3, 4);

/* Puts a sentence down for the consumer, unless the matter waits for it already. */
static void note(yl_cache *c, int matter, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&c->lock);
    if (!c->notices[matter][0]) vsnprintf(c->notices[matter], NOTICE, format, args);
    pthread_mutex_unlock(&c->lock);
    va_end(args);
}

bool yl_cache_notice(yl_cache *c, char *out, size_t size)
{
    bool news = false;
    pthread_mutex_lock(&telling);
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < MATTERS && !news; i++) {
        news = c->notices[i][0] && (i == STORE || !told[i]);
        if (news) snprintf(out, size, "%s", c->notices[i]);
        if (i != STORE) told[i] = told[i] || news;
        c->notices[i][0] = '\0';
    }
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_unlock(&telling);
    return news;
}

/* Offers a picture to the store. A failure is no reason to stop training: it becomes a notice. */
static void put_down(yl_cache *c, const yl_file_key *key, const yl_image *image)
{
    if (!c->folder) return;
    pthread_mutex_lock(&c->writing);
    if (!c->full && yl__store_write(c->folder, key->high, key->low, image) != YL_OK) {
        c->full = true;
        note(c, STORE, "the folder of decoded pictures is no longer used: %s", yl_error());
    }
    pthread_mutex_unlock(&c->writing);
}

static void note_picture(yl_cache *c, const char *path, const yl_image_note *n)
{
    if (n->orientation > 1 && !c->upright)
        note(c, ORIENTATION,
             "%s: the picture has an EXIF orientation (%d), which is ignored here and in others like it: exif=apply "
             "turns them",
             path, n->orientation);
    if (n->stray)
        note(c, STRAY, "%s: stray bytes in the JPEG; its pixels are complete. Further ones are not reported", path);
}

/* From the store (which holds pictures as they lie in their files), or out of the bytes. */
static yl_status make(yl_cache *c, const char *path, const yl_file_key *key, const char *bytes, int64_t size,
                      yl_image *out, bool *decoded)
{
    yl_image_note n = {.orientation = yl_exif_orientation(bytes, size)};
    if (!c->folder || !yl__store_read(c->folder, key->high, key->low, out)) {
        YL_TRY(yl_image_decode_noted(bytes, size, path, out, &n));
        *decoded = true;
        put_down(c, key, out);
    }
    note_picture(c, path, &n);
    yl_status status = c->upright ? yl_image_turn(out, n.orientation) : YL_OK;
    if (status) yl_image_free(out);
    return status;
}

yl_status yl_cache_get(yl_cache *c, const char *path, yl_file_key *key, bool may_keep, yl_image *out, bool *owned,
                       bool *decoded)
{
    *owned = *decoded = false;
    if (yl_file_unchanged(path, key) && find(c, key, out)) return YL_OK;
    char *bytes;
    int64_t size;
    YL_TRY(yl__image_read(path, &bytes, &size));
    remember(path, bytes, size, key);
    yl_status status = YL_OK;
    if (!find(c, key, out)) {
        status = make(c, path, key, bytes, size, out, decoded);
        *owned = status == YL_OK;
        if (status == YL_OK && may_keep) keep(c, key, out, owned);
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
