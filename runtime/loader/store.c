/* One file per picture: magic, width, height, checksum of the pixels, pixels. Numbers are the machine's own, as the
 * magic word shows: a folder from a machine of another byte order is not read. */
#include "loader/store.h"
#include "core/file.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct head {
    uint64_t magic, checksum;
    int64_t w, h;
} head;

static const uint64_t MAGIC = 0x3130624772756c79; /* "ylurGb01" read as a little-endian word */

static yl_status make_path(const char *folder, uint64_t high, uint64_t low, char **out)
{
    size_t size = strlen(folder) + 48;
    YL_TRY(yl__alloc((int64_t)size, 1, out));
    snprintf(*out, size, "%s/%016" PRIx64 "%016" PRIx64 ".rgb", folder, high, low);
    return YL_OK;
}

static bool unpack(const char *bytes, int64_t size, yl_image *out)
{
    head f;
    if (size < (int64_t)sizeof f) return false;
    memcpy(&f, bytes, sizeof f);
    int64_t body = size - (int64_t)sizeof f;
    if (f.magic != MAGIC || f.w < 1 || f.h < 1 || f.w > body || f.h > body || f.w * f.h * 3 != body) return false;
    if (XXH3_64bits(bytes + sizeof f, (size_t)body) != f.checksum || yl_image_new(f.w, f.h, out)) return false;
    memcpy(out->data, bytes + sizeof f, (size_t)body);
    return true;
}

bool yl__store_read(const char *folder, uint64_t high, uint64_t low, yl_image *out)
{
    char *path, *bytes;
    int64_t size;
    if (make_path(folder, high, low, &path)) return false;
    bool found = access(path, R_OK) == 0 && yl__file_read(path, &bytes, &size) == YL_OK;
    yl__free(path);
    if (!found) return false;
    found = unpack(bytes, size, out);
    yl__free(bytes);
    return found;
}

yl_status yl__store_write(const char *folder, uint64_t high, uint64_t low, const yl_image *image)
{
    char *path;
    yl_file_writer writer;
    int64_t size = yl_image_bytes(image);
    head f = {MAGIC, XXH3_64bits(image->data, (size_t)size), image->w, image->h};
    YL_TRY(make_path(folder, high, low, &path));
    yl_status status = yl__file_begin(path, &writer);
    yl__free(path);
    if (status) return status;
    status = yl__file_put(&writer, &f, sizeof f);
    if (!status) status = yl__file_put(&writer, image->data, size);
    if (!status) return yl__file_commit(&writer);
    yl__file_discard(&writer);
    return status;
}
