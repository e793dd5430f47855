/* NumPy's files: npz.h says what is read. */
#include "formats/npz.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/f16.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
    END = 22,          /* bytes of a zip archive's last record without its comment */
    ENTRY = 46,        /* of an entry of its directory, */
    LOCAL = 30,        /* of the head before an entry's bytes, without names */
    COMMENT = 1 << 16, /* longest comment */
    NAME = 256,
};

static uint32_t word(const char *p, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | (uint8_t)p[i];
    return value;
}

/* ---- one array ---- */

typedef struct header {
    char order, type[4]; /* '<', '>' or '|'; "f4" */
    bool fortran;
    int n_dims;
    int64_t dims[YL_SAFETENSORS_DIMS];
} header;

/* The text after "'key':" and blanks; NULL where the dictionary lacks it. */
static const char *value_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ') at++;
    if (*at++ != ':') return NULL;
    while (*at == ' ') at++;
    return at;
}

static bool read_shape(const char *at, header *h)
{
    if (!at || *at++ != '(') return false;
    for (;;) {
        while (*at == ' ' || *at == ',') at++;
        if (*at == ')') return true;
        if (*at < '0' || *at > '9' || h->n_dims == YL_SAFETENSORS_DIMS) return false;
        int64_t d = 0;
        for (; *at >= '0' && *at <= '9'; at++) {
            if (d > INT32_MAX) return false;
            d = 10 * d + (*at - '0');
        }
        h->dims[h->n_dims++] = d;
    }
}

/* "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" */
static yl_status read_header(const char *what, const char *text, header *h)
{
    const char *type = value_of(text, "'descr'"), *order = value_of(text, "'fortran_order'");
    if (!type || !order || !read_shape(value_of(text, "'shape'"), h))
        return yl__fail(YL_FORMAT, "%s: its header is not that of a NumPy array", what);
    h->fortran = strncmp(order, "True", 4) == 0;
    if (!h->fortran && strncmp(order, "False", 5) != 0)
        return yl__fail(YL_FORMAT, "%s: its fortran_order is neither True nor False", what);
    bool plain = type[0] == '\'' && type[1] && type[2] && type[3] && type[4] == '\'';
    if (plain) h->order = type[1], h->type[0] = type[2], h->type[1] = type[3];
    if (!plain || (h->order != '<' && h->order != '>' && h->order != '=') || h->type[0] != 'f' ||
        !strchr("248", h->type[1]))
        return yl__fail(YL_UNSUPPORTED, "%s: expected an array of floating-point numbers (f2, f4 or f8), got %.*s",
                        what, (int)strcspn(type, ","), type);
    return YL_OK;
}

static double number_at(const header *h, const char *p)
{
    int size = h->type[1] - '0';
    char bytes[8];
    for (int i = 0; i < size; i++) bytes[i] = p[h->order == '>' ? size - 1 - i : i];
    uint64_t low = word(bytes, size < 4 ? size : 4), high = size == 8 ? word(bytes + 4, 4) : 0,
             whole = high << 32 | low;
    uint32_t single = (uint32_t)low;
    float f;
    double d;
    memcpy(&f, &single, sizeof f);
    memcpy(&d, &whole, sizeof d);
    return size == 2 ? yl_of_f16((uint16_t)low) : size == 4 ? f : d;
}

/* The place, in C's order, of the i-th number of Fortran's. */
static int64_t turned(const header *h, int64_t i)
{
    int64_t at = 0, index[YL_SAFETENSORS_DIMS];
    for (int d = 0; d < h->n_dims; d++) index[d] = i % h->dims[d], i /= h->dims[d];
    for (int d = 0; d < h->n_dims; d++) at = at * h->dims[d] + index[d];
    return at;
}

static yl_status read_numbers(const char *what, const header *h, const char *bytes, int64_t count, float *numbers)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t at = h->fortran ? turned(h, i) : i;
        YL_TRY(yl__state_narrow(what, at, number_at(h, bytes + i * (h->type[1] - '0')), &numbers[at]));
    }
    return YL_OK;
}

static yl_status parse_array(const char *what, const char *bytes, int64_t size, const char *name, yl_state *out)
{
    header h = {0};
    char *text, *copy;
    float *numbers;
    if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0) return yl__fail(YL_FORMAT, "%s: not a NumPy array", what);
    int wide = bytes[6] == 1 ? 2 : 4;
    int64_t length = word(bytes + 8, wide), start = 8 + wide + length;
    if (bytes[6] < 1 || bytes[6] > 3 || start > size)
        return yl__fail(YL_FORMAT, "%s: its header of %lld bytes does not fit into %lld", what, (long long)length,
                        (long long)size);
    YL_TRY(yl__calloc(length + 1, 1, &text));
    memcpy(text, bytes + 8 + wide, (size_t)length);
    yl_status status = read_header(what, text, &h);
    yl__free(text);
    YL_TRY(status);
    int64_t count = yl__product(h.n_dims, h.dims), each = h.type[1] - '0';
    if (YL_PRODUCT(count, each) != size - start)
        return yl__fail(YL_FORMAT, "%s: expected %lld numbers of %lld bytes, got %lld bytes", what, (long long)count,
                        (long long)each, (long long)(size - start));
    YL_TRY(yl__alloc(count, sizeof *numbers, &numbers));
    status = read_numbers(what, &h, bytes + start, count, numbers);
    if (status == YL_OK) status = yl__strdup(name, &copy);
    if (status == YL_OK) return yl__state_add(out, h.n_dims, h.dims, copy, numbers);
    yl__free(numbers);
    return status;
}

/* ---- the archive ---- */

typedef struct entry {
    char name[NAME];
    uint32_t method, crc;
    int64_t packed, size, offset;
} entry;

static yl_status damaged(const char *path, const char *what)
{
    return yl__fail(YL_FORMAT, "%s: the archive is damaged: %s", path, what);
}

static yl_status inflate_entry(const char *what, const char *from, const entry *e, char *to)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)from,
                  .avail_in = (uInt)e->packed,
                  .next_out = (Bytef *)to,
                  .avail_out = (uInt)e->size};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return yl__fail(YL_MEMORY, "%s: no memory to inflate it", what);
    int state = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return state == Z_STREAM_END && z.avail_out == 0 ? YL_OK
                                                     : yl__fail(YL_FORMAT, "%s: its compression is damaged", what);
}

static yl_status unpack(const char *what, const char *from, const entry *e, yl_state *out)
{
    char *bytes, name[NAME];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(e->name) - 4), e->name);
    YL_TRY(yl__alloc(e->size + 1, 1, &bytes));
    yl_status status = YL_OK;
    if (e->method == 8)
        status = inflate_entry(what, from, e, bytes);
    else
        memcpy(bytes, from, (size_t)e->size);
    if (status == YL_OK && crc32(crc32(0, NULL, 0), (const Bytef *)bytes, (uInt)e->size) != e->crc)
        status = yl__fail(YL_FORMAT, "%s: its checksum is wrong", what);
    if (status == YL_OK && !yl__state_uncounted(name)) status = parse_array(what, bytes, e->size, name, out);
    yl__free(bytes);
    return status;
}

static yl_status read_entry(const char *path, const char *bytes, int64_t size, const entry *e, yl_state *out)
{
    char what[2 * NAME];
    size_t length = strlen(e->name);
    snprintf(what, sizeof what, "%.200s: '%.200s'", path, e->name);
    if (length < 5 || strcmp(e->name + length - 4, ".npy") != 0) return yl__fail(YL_FORMAT, "%s is no array", what);
    if (e->size == UINT32_MAX || e->packed == UINT32_MAX)
        return yl__fail(YL_UNSUPPORTED, "%s: archives of the kind zip64 are not supported", what);
    if (e->method != 0 && e->method != 8)
        return yl__fail(YL_UNSUPPORTED, "%s: compression %u is not supported", what, e->method);
    if (e->offset > size - LOCAL || memcmp(bytes + e->offset, "PK\3\4", 4) != 0)
        return damaged(path, "an entry is missing");
    int64_t start = e->offset + LOCAL + word(bytes + e->offset + 26, 2) + word(bytes + e->offset + 28, 2);
    if (start > size - e->packed || (e->method == 0 && e->packed != e->size))
        return damaged(path, "an entry is cut off");
    if (e->method == 8 && e->size > 1100 * e->packed + 64) return damaged(path, "an entry's size is impossible");
    return unpack(what, bytes + start, e, out);
}

static yl_status parse_archive(const char *path, const char *bytes, int64_t size, yl_state *out)
{
    int64_t end = size - END;
    while (end >= 0 && end > size - END - COMMENT && memcmp(bytes + end, "PK\5\6", 4) != 0) end--;
    if (end < 0 || memcmp(bytes + end, "PK\5\6", 4) != 0) return damaged(path, "its directory is missing");
    int64_t count = word(bytes + end + 10, 2), at = word(bytes + end + 16, 4);
    for (int64_t i = 0; i < count; i++) {
        if (at > end - ENTRY || memcmp(bytes + at, "PK\1\2", 4) != 0) return damaged(path, "its directory is cut off");
        const char *p = bytes + at;
        entry e = {.method = word(p + 10, 2),
                   .crc = word(p + 16, 4),
                   .packed = word(p + 20, 4),
                   .size = word(p + 24, 4),
                   .offset = word(p + 42, 4)};
        int64_t length = word(p + 28, 2);
        if (at + ENTRY + length > end || length >= NAME) return damaged(path, "a name is too long");
        memcpy(e.name, p + ENTRY, (size_t)length);
        YL_TRY(read_entry(path, bytes, size, &e, out));
        at += ENTRY + length + word(p + 30, 2) + word(p + 32, 2);
    }
    return YL_OK;
}

yl_status yl_npz_parse(const char *path, const char *bytes, int64_t size, yl_state *out)
{
    const char *slash = strrchr(path, '/');
    *out = (yl_state){0};
    bool archive = size >= 4 && memcmp(bytes, "PK", 2) == 0;
    yl_status status =
        archive ? parse_archive(path, bytes, size, out) : parse_array(path, bytes, size, slash ? slash + 1 : path, out);
    if (status != YL_OK) yl_state_free(out);
    return status;
}

yl_status yl_npz_read(const char *path, yl_state *out)
{
    char *bytes;
    int64_t size;
    *out = (yl_state){0};
    YL_TRY(yl__file_read(path, &bytes, &size));
    yl_status status = yl_npz_parse(path, bytes, size, out);
    yl__free(bytes);
    return status;
}
