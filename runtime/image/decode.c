/* Chooses the decoder by the first bytes. */
#define _GNU_SOURCE
#include "image/decode.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "image/codec.h"
#include "image/exif.h"
#include "image/kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* NULL: there is none. */
static yl__decoder *choose(const void *bytes, int64_t size)
{
    const yl_kind *kind = size > 0 ? yl_image_kind(bytes, size) : NULL;
    if (!kind || !kind->readable) return NULL;
    return strcmp(kind->name, "PNG") == 0 ? yl__png_decode : yl__jpeg_decode;
}

static yl_status refuse(const void *bytes, int64_t size, const char *name)
{
    if (size == 0) return yl__fail(YL_FORMAT, "%s: the file is empty; expected PNG or JPEG data", name);
    return yl__image_refuse(bytes, size, name);
}

yl_status yl_image_decode_noted(const void *bytes, int64_t size, const char *name, yl_image *out, yl_image_note *note)
{
    yl__decoder *decode = choose(bytes, size);
    *out = (yl_image){0};
    *note = (yl_image_note){.orientation = yl_exif_orientation(bytes, size)};
    if (!decode) return refuse(bytes, size, name);
    return decode(bytes, size, name, false, out, note);
}

yl_status yl_image_decode_bytes(const void *bytes, int64_t size, const char *name, yl_image *out)
{
    yl_image_note note;
    return yl_image_decode_noted(bytes, size, name, out, &note);
}

yl_status yl_image_probe_bytes(const void *bytes, int64_t size, const char *name, int64_t *w, int64_t *h)
{
    yl__decoder *decode = choose(bytes, size);
    yl_image image = {0};
    yl_image_note note;
    if (!decode) return refuse(bytes, size, name);
    YL_TRY(decode(bytes, size, name, true, &image, &note));
    *w = image.w;
    *h = image.h;
    return YL_OK;
}

static yl_status check_file(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return yl__fail(YL_IO, "cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) return yl__fail(YL_IO, "%s: a picture was expected, this is a directory", path);
    if (!S_ISREG(st.st_mode)) return yl__fail(YL_IO, "%s: a picture was expected, this is not a regular file", path);
    if (st.st_size > YL_IMAGE_MAX_FILE)
        return yl__fail(YL_FORMAT, "%s: a picture of at most %d bytes was expected, got %lld", path, YL_IMAGE_MAX_FILE,
                        (long long)st.st_size);
    return YL_OK;
}

yl_status yl__image_read(const char *path, char **bytes, int64_t *size)
{
    YL_TRY(check_file(path));
    return yl__file_read(path, bytes, size);
}

yl_status yl_image_decode(const char *path, yl_image *out)
{
    char *bytes;
    int64_t size;
    *out = (yl_image){0};
    YL_TRY(yl__image_read(path, &bytes, &size));
    yl_status status = yl_image_decode_bytes(bytes, size, path, out);
    yl__free(bytes);
    return status;
}

/* What a file holds at its two ends. */
typedef struct ends {
    char head[1 << 15], tail[12];
    int64_t size, head_size, tail_size;
} ends;

static bool read_ends(const char *path, ends *e)
{
    FILE *f = yl__sandbox_reads(path) == YL_OK ? fopen(path, "rbe") : NULL;
    if (!f) return false;
    e->head_size = (int64_t)fread(e->head, 1, sizeof e->head, f);
    bool there = fseek(f, 0, SEEK_END) == 0;
    e->size = there ? ftell(f) : -1;
    e->tail_size = e->size < (int64_t)sizeof e->tail ? e->size : (int64_t)sizeof e->tail;
    there = there && e->tail_size >= 0 && fseek(f, -e->tail_size, SEEK_END) == 0 &&
            (int64_t)fread(e->tail, 1, (size_t)e->tail_size, f) == e->tail_size;
    fclose(f);
    return there;
}

/* Does the file end as a whole picture of its kind does? One with something behind its end mark does not, and may be whole. */
static bool ends_well(const ends *e)
{
    static const char png[12] = "\0\0\0\0IEND\xae\x42\x60\x82";
    if (e->head[0] == '\x89') return e->tail_size == sizeof png && memcmp(e->tail, png, sizeof png) == 0;
    return e->tail_size >= 2 && memcmp(e->tail + e->tail_size - 2, "\xff\xd9", 2) == 0;
}

/* The head holds the size of nearly every picture, and its orientation: only large EXIF or ICC blocks, and an orientation that stands
 * behind a PNG's pixels, need the rest. */
static bool probe_ends(const char *path, bool upright, int64_t *w, int64_t *h, yl_image_note *note)
{
    ends e;
    if (!read_ends(path, &e) || yl_image_probe_bytes(e.head, e.head_size, path, w, h) || !ends_well(&e)) return false;
    note->orientation = yl_exif_orientation(e.head, e.head_size);
    return !upright || note->orientation || e.head[0] != '\x89' || e.size <= (int64_t)sizeof e.head;
}

static yl_status probe_whole(const char *path, int64_t *w, int64_t *h, yl_image_note *note)
{
    char *bytes;
    int64_t size;
    yl_image image;
    YL_TRY(yl__image_read(path, &bytes, &size));
    yl_status status = yl_image_decode_noted(bytes, size, path, &image, note);
    *w = image.w;
    *h = image.h;
    yl_image_free(&image);
    yl__free(bytes);
    return status;
}

yl_status yl_image_probe_noted(const char *path, bool upright, int64_t *w, int64_t *h, yl_image_note *note)
{
    *note = (yl_image_note){0};
    YL_TRY(check_file(path));
    if (!probe_ends(path, upright, w, h, note)) YL_TRY(probe_whole(path, w, h, note));
    if (upright && yl_exif_swaps(note->orientation)) {
        int64_t side = *w;
        *w = *h;
        *h = side;
    }
    return YL_OK;
}

yl_status yl_image_probe(const char *path, int64_t *w, int64_t *h)
{
    yl_image_note note;
    return yl_image_probe_noted(path, false, w, h, &note);
}

yl_status yl_image_load(const char *path, bool upright, yl_image *out)
{
    char *bytes;
    int64_t size;
    yl_image_note note;
    *out = (yl_image){0};
    YL_TRY(yl__image_read(path, &bytes, &size));
    yl_status status = yl_image_decode_noted(bytes, size, path, out, &note);
    yl__free(bytes);
    if (!status && upright) status = yl_image_turn(out, note.orientation);
    if (status) yl_image_free(out);
    return status;
}
