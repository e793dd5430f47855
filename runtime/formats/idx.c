/* idx files, and gzip around them. */
#include "formats/idx.h"
#include "core/file.h"
#include "core/memory.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

enum { HEAD = 4, MOST = 1 << 30 /* bytes of elements */ };

/* Where the bytes come from: memory, or a stream that inflates it. */
typedef struct reader {
    const uint8_t *at;
    int64_t left;
    z_stream z;
    bool zipped;
    const char *name;
} reader;

/* Exactly `size` bytes. */
static yl_status take(reader *r, void *out, int64_t size, const char *what)
{
    if (!r->zipped) {
        if (size > r->left)
            return yl__fail(YL_FORMAT, "%s: ends within its %s: expected %" PRId64 " bytes, got %" PRId64, r->name,
                            what, size, r->left);
        memcpy(out, r->at, (size_t)size);
        r->at += size, r->left -= size;
        return YL_OK;
    }
    r->z.next_out = out, r->z.avail_out = (uInt)size;
    int state = Z_OK;
    while (r->z.avail_out > 0 && state == Z_OK) state = inflate(&r->z, Z_NO_FLUSH);
    if (r->z.avail_out == 0 && (state == Z_OK || state == Z_STREAM_END)) return YL_OK;
    if (state == Z_STREAM_END || state == Z_BUF_ERROR)
        return yl__fail(YL_FORMAT, "%s: ends within its %s: expected %" PRId64 " bytes, got %" PRId64, r->name, what,
                        size, size - (int64_t)r->z.avail_out);
    return yl__fail(YL_FORMAT, "%s: its compression is damaged: %s", r->name,
                    r->z.msg ? r->z.msg : "no reason is known");
}

/* Refuses what stands behind the elements, and a wrong checksum. */
static yl_status check_end(reader *r)
{
    uint8_t more;
    if (!r->zipped)
        return r->left == 0 ? YL_OK
                            : yl__fail(YL_FORMAT, "%s: %" PRId64 " bytes stand behind its elements", r->name, r->left);
    r->z.next_out = &more, r->z.avail_out = 1;
    int state = inflate(&r->z, Z_FINISH);
    if (state == Z_STREAM_END && r->z.avail_out == 1) return YL_OK;
    if (r->z.avail_out == 0) return yl__fail(YL_FORMAT, "%s: bytes stand behind its elements", r->name);
    return yl__fail(YL_FORMAT, "%s: its compression is damaged: %s", r->name,
                    r->z.msg ? r->z.msg : "it ends too early");
}

static yl_status read_sizes(reader *r, yl_idx *out, int64_t *count)
{
    uint8_t head[HEAD], size[4];
    YL_TRY(take(r, head, HEAD, "head"));
    if (head[0] || head[1] || head[3] < 1 || head[3] > YL_IDX_DIMS)
        return yl__fail(YL_FORMAT, "%s: not an idx file: expected bytes 0 0 8 1..%d at its start, got %d %d %d %d",
                        r->name, YL_IDX_DIMS, head[0], head[1], head[2], head[3]);
    if (head[2] != 8)
        return yl__fail(YL_FORMAT, "%s: expected elements of type 8 (unsigned bytes), got type %d", r->name, head[2]);
    out->n_dims = head[3];
    for (int d = 0; d < out->n_dims; d++) {
        YL_TRY(take(r, size, 4, "sizes"));
        out->dims[d] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    *count = yl__product(out->n_dims, out->dims);
    if (*count < 1 || *count > MOST)
        return yl__fail(YL_FORMAT, "%s: expected 1 to %d elements, its sizes say %" PRId64, r->name, MOST, *count);
    return YL_OK;
}

static yl_status read_all(reader *r, yl_idx *out)
{
    int64_t count = 0;
    YL_TRY(read_sizes(r, out, &count));
    if (!r->zipped && count != r->left)
        return yl__fail(YL_FORMAT, "%s: its sizes say %" PRId64 " bytes of elements, got %" PRId64, r->name, count,
                        r->left);
    YL_TRY(yl__alloc(count, 1, &out->data));
    yl_status status = take(r, out->data, count, "elements");
    if (status == YL_OK) status = check_end(r);
    if (status == YL_OK) return YL_OK;
    yl__free(out->data);
    out->data = NULL;
    return status;
}

yl_status yl_idx_parse(const void *bytes, int64_t size, const char *name, yl_idx *out)
{
    const uint8_t *first = bytes;
    reader r = {.at = bytes, .left = size, .name = name};
    *out = (yl_idx){0};
    r.zipped = size > 2 && first[0] == 0x1f && first[1] == 0x8b;
    if (!r.zipped) return read_all(&r, out);
    if (size > MOST) return yl__fail(YL_FORMAT, "%s: expected at most %d bytes, got %" PRId64, name, MOST, size);
    r.z.next_in = (z_const Bytef *)first, r.z.avail_in = (uInt)size;
    if (inflateInit2(&r.z, 16 + MAX_WBITS) != Z_OK) return yl__fail(YL_MEMORY, "%s: no memory to decompress it", name);
    yl_status status = read_all(&r, out);
    inflateEnd(&r.z);
    return status;
}

yl_status yl_idx_read(const char *path, yl_idx *out)
{
    char *bytes;
    int64_t size;
    YL_TRY(yl__file_read(path, &bytes, &size));
    yl_status status = yl_idx_parse(bytes, size, path, out);
    yl__free(bytes);
    return status;
}
