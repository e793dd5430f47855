/* safetensors: a checked reader and a deterministic writer. */
#define _GNU_SOURCE
#include "formats/safetensors.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "formats/json.h"
#include "formats/safetensors_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Headers larger than this are refused, as in the reference implementation. */
enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000, ALIGN = 64, CHUNK = 1 << 16 };

static const char METADATA[] = "__metadata__";

struct yl_safetensors {
    char *path;
    int descriptor;
    int64_t data_start, data_bytes, count, n_notes;
    yl_document header;
    yl_safetensor *entries;
    yl_safetensors_note *notes;
    const char *guard; /* the note's text; NULL where the file has no checksum */
};

/* The format's names of our types are ours in capitals: those of the list. */
static const char *const dtype_names[] = {
#define X(name, text, bytes) #name,
    YL_DTYPES(X)
#undef X
};
enum { DTYPES = sizeof dtype_names / sizeof *dtype_names };

/* ---- reading ---- */

static yl_status read_at(const yl_safetensors *f, int64_t offset, void *out, int64_t bytes)
{
    for (int64_t done = 0; done < bytes;) {
        ssize_t got = pread(f->descriptor, (char *)out + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return yl__fail(YL_IO, "cannot read %s: %s", f->path, strerror(errno));
        if (got == 0)
            return yl__fail(YL_FORMAT, "%s: the file ends at byte %lld, %lld bytes were expected", f->path,
                            (long long)(offset + done), (long long)(offset + bytes));
        done += got;
    }
    return YL_OK;
}

static yl_status open_file(yl_safetensors *f, int64_t *size)
{
    struct stat st;
    YL_TRY(yl__sandbox_reads(f->path));
    f->descriptor = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block here */
    if (f->descriptor < 0) return yl__fail(YL_IO, "cannot open %s: %s", f->path, strerror(errno));
    if (fstat(f->descriptor, &st)) return yl__fail(YL_IO, "cannot read %s: %s", f->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return yl__fail(YL_IO, "cannot read %s: it is not a regular file", f->path);
    *size = (int64_t)st.st_size;
    return YL_OK;
}

static yl_status header_length(const yl_safetensors *f, int64_t size, int64_t *out)
{
    unsigned char raw[LENGTH_BYTES];
    uint64_t length = 0;
    if (size < LENGTH_BYTES)
        return yl__fail(YL_FORMAT, "%s: not a safetensors file: it has %lld bytes, at least 8 were expected", f->path,
                        (long long)size);
    YL_TRY(read_at(f, 0, raw, LENGTH_BYTES));
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | raw[i];
    if (length > (uint64_t)(size - LENGTH_BYTES))
        return yl__fail(YL_FORMAT,
                        "%s: not a safetensors file: its header should have %llu bytes, but only %lld follow", f->path,
                        (unsigned long long)length, (long long)(size - LENGTH_BYTES));
    if (length > MAX_HEADER)
        return yl__fail(YL_FORMAT, "%s: the header has %llu bytes, at most %d are accepted", f->path,
                        (unsigned long long)length, MAX_HEADER);
    *out = (int64_t)length;
    return YL_OK;
}

static yl_status parse_header(yl_safetensors *f, int64_t length)
{
    char *text;
    YL_TRY(yl__alloc(length, 1, &text));
    yl_status status = read_at(f, LENGTH_BYTES, text, length);
    if (status == YL_OK) status = yl__json_decode(text, length, f->path, &f->header);
    yl__free(text);
    if (status != YL_OK) return status;
    if (f->header.root->kind == YL_TREE_MAP) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: the header should be a JSON object, it is %s", f->path,
                    yl__tree_kind_name(f->header.root->kind));
}

static yl_status read_dtype(const yl_safetensors *f, const yl_tree *node, yl_safetensor *e)
{
    const yl_tree *dtype = yl__tree_find(node, "dtype");
    if (!dtype || dtype->kind != YL_TREE_STRING)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' has no dtype", f->path, e->name);
    for (int i = 0; i < DTYPES; i++)
        if (strcmp(dtype->text, dtype_names[i]) == 0) {
            e->dtype = (yl_dtype)i;
            return YL_OK;
        }
    return yl__fail(YL_UNSUPPORTED,
                    "%s: tensor '%.100s' has dtype '%.20s'; F32, F64, BF16, F16, U8, I32 and I64 can be read", f->path,
                    e->name, dtype->text);
}

/* dims and the bytes that they ask for, without overflow. */
static yl_status read_shape(const yl_safetensors *f, const yl_tree *node, yl_safetensor *e, int64_t *bytes)
{
    const yl_tree *shape = yl__tree_find(node, "shape");
    if (!shape || shape->kind != YL_TREE_LIST || shape->count > YL_SAFETENSORS_DIMS)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' needs a shape of at most %d dimensions", f->path, e->name,
                        YL_SAFETENSORS_DIMS);
    *bytes = (int64_t)yl_dtype_bytes(e->dtype);
    for (const yl_tree *d = shape->first; d; d = d->next) {
        if (d->kind != YL_TREE_INTEGER || d->integer < 0)
            return yl__fail(YL_FORMAT, "%s: tensor '%.100s': a dimension is not a whole number >= 0", f->path, e->name);
        if (d->integer > 0 && *bytes > INT64_MAX / d->integer)
            return yl__fail(YL_FORMAT, "%s: tensor '%.100s': its shape is larger than any file", f->path, e->name);
        *bytes *= d->integer;
        e->dims[e->n_dims++] = d->integer;
    }
    return YL_OK;
}

static yl_status read_offsets(const yl_safetensors *f, const yl_tree *node, yl_safetensor *e, int64_t bytes)
{
    const yl_tree *o = yl__tree_find(node, "data_offsets");
    bool pair = o && o->kind == YL_TREE_LIST && o->count == 2 && o->first->kind == YL_TREE_INTEGER &&
                o->last->kind == YL_TREE_INTEGER;
    if (!pair)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' needs data_offsets of two whole numbers", f->path, e->name);
    int64_t begin = o->first->integer, end = o->last->integer;
    if (begin < 0 || end < begin || end > f->data_bytes)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' lies at bytes %lld to %lld of %lld", f->path, e->name,
                        (long long)begin, (long long)end, (long long)f->data_bytes);
    if (end - begin != bytes)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' has %lld bytes, its shape and dtype ask for %lld", f->path,
                        e->name, (long long)(end - begin), (long long)bytes);
    e->offset = begin;
    e->bytes = bytes;
    return YL_OK;
}

static yl_status read_entry(yl_safetensors *f, const yl_tree *node)
{
    yl_safetensor *e = &f->entries[f->count];
    int64_t bytes = 0;
    e->name = node->key;
    if (node->kind != YL_TREE_MAP)
        return yl__fail(YL_FORMAT, "%s: tensor '%.100s' is described by %s, an object was expected", f->path, e->name,
                        yl__tree_kind_name(node->kind));
    YL_TRY(read_dtype(f, node, e));
    YL_TRY(read_shape(f, node, e, &bytes));
    YL_TRY(read_offsets(f, node, e, bytes));
    f->count++;
    return YL_OK;
}

static yl_status read_notes(yl_safetensors *f, const yl_tree *node)
{
    if (node->kind != YL_TREE_MAP) return yl__fail(YL_FORMAT, "%s: __metadata__ is not an object", f->path);
    YL_TRY(yl__alloc(node->count, sizeof *f->notes, &f->notes));
    for (const yl_tree *n = node->first; n; n = n->next) {
        if (n->kind != YL_TREE_STRING)
            return yl__fail(YL_FORMAT, "%s: __metadata__ '%.100s' is %s, text was expected", f->path, n->key,
                            yl__tree_kind_name(n->kind));
        if (yl__guard_is(n->key, n->text))
            f->guard = n->text;
        else
            f->notes[f->n_notes++] = (yl_safetensors_note){n->key, n->text};
    }
    return YL_OK;
}

static int by_place(const void *left, const void *right)
{
    const yl_safetensor *a = *(const yl_safetensor *const *)left, *b = *(const yl_safetensor *const *)right;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* Every byte of the data section belongs to exactly one tensor. */
static yl_status check_cover(const yl_safetensors *f, const yl_safetensor **order)
{
    int64_t end = 0;
    for (int64_t i = 0; i < f->count; i++) order[i] = &f->entries[i];
    qsort(order, (size_t)f->count, sizeof *order, by_place);
    for (int64_t i = 0; i < f->count; i++) {
        if (order[i]->offset != end)
            return yl__fail(YL_FORMAT, "%s: tensor '%.100s' begins at byte %lld, %s byte %lld was expected", f->path,
                            order[i]->name, (long long)order[i]->offset,
                            order[i]->offset < end ? "an overlap:" : "a gap:", (long long)end);
        end += order[i]->bytes;
    }
    if (end == f->data_bytes) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: the tensors have %lld bytes, the file holds %lld for them", f->path, (long long)end,
                    (long long)f->data_bytes);
}

static yl_status read_header(yl_safetensors *f)
{
    const yl_safetensor **order;
    const yl_tree *root = f->header.root;
    YL_TRY(yl__calloc(root->count, sizeof *f->entries, &f->entries));
    for (const yl_tree *n = root->first; n; n = n->next) {
        if ((int64_t)strlen(n->key) != n->key_length) /* two such names could not be told apart */
            return yl__fail(YL_FORMAT, "%s: the name '%.100s' continues after a NUL", f->path, n->key);
        YL_TRY(strcmp(n->key, METADATA) == 0 ? read_notes(f, n) : read_entry(f, n));
    }
    YL_TRY(yl__alloc(f->count, sizeof *order, &order));
    yl_status status = check_cover(f, order);
    yl__free(order);
    return status;
}

static yl_status add_file(const yl_safetensors *f, int64_t size, yl__guard *guard)
{
    char *chunk;
    YL_TRY(yl__alloc(CHUNK, 1, &chunk));
    yl_status status = YL_OK;
    for (int64_t at = 0; at < size && status == YL_OK; at += CHUNK) {
        int64_t bytes = size - at < CHUNK ? size - at : CHUNK;
        status = read_at(f, at, chunk, bytes);
        if (status == YL_OK) yl__guard_add(guard, chunk, bytes);
    }
    yl__free(chunk);
    return status;
}

/* Every byte of a guarded file is as it was written. */
static yl_status check_guard(const yl_safetensors *f, int64_t size)
{
    yl__guard guard;
    char text[YL__GUARD_TEXT];
    if (!f->guard) return YL_OK;
    YL_TRY(yl__guard_begin(&guard));
    yl_status status = add_file(f, size, &guard);
    yl__guard_end(&guard, text);
    if (status != YL_OK || strcmp(text, f->guard) == 0) return status;
    return yl__fail(YL_FORMAT, "%s: the file is damaged: its bytes do not fit its checksum", f->path);
}

static yl_status open_checked(yl_safetensors *f, const char *path)
{
    int64_t size = 0, length = 0;
    YL_TRY(yl__strdup(path, &f->path));
    YL_TRY(open_file(f, &size));
    YL_TRY(header_length(f, size, &length));
    f->data_start = LENGTH_BYTES + length;
    f->data_bytes = size - f->data_start;
    YL_TRY(parse_header(f, length));
    YL_TRY(read_header(f));
    return check_guard(f, size);
}

yl_status yl_safetensors_open(const char *path, yl_safetensors **out)
{
    yl_safetensors *f;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *f, &f));
    f->descriptor = -1;
    yl_status status = open_checked(f, path);
    if (status == YL_OK)
        *out = f;
    else
        yl_safetensors_close(f);
    return status;
}

void yl_safetensors_close(yl_safetensors *f)
{
    if (!f) return;
    if (f->descriptor >= 0) close(f->descriptor);
    yl__document_free(&f->header);
    yl__free(f->entries);
    yl__free(f->notes);
    yl__free(f->path);
    yl__free(f);
}

int64_t yl_safetensors_count(const yl_safetensors *f)
{
    return f->count;
}

const yl_safetensor *yl_safetensors_at(const yl_safetensors *f, int64_t index)
{
    return &f->entries[index];
}

const yl_safetensor *yl_safetensors_find(const yl_safetensors *f, const char *name)
{
    for (int64_t i = 0; i < f->count; i++)
        if (strcmp(f->entries[i].name, name) == 0) return &f->entries[i];
    return NULL;
}

int64_t yl_safetensors_notes(const yl_safetensors *f, const yl_safetensors_note **out)
{
    *out = f->notes;
    return f->n_notes;
}

bool yl_safetensors_guarded(const yl_safetensors *f)
{
    return f->guard;
}

const char *yl_safetensors_note_of(const yl_safetensors *f, const char *key)
{
    for (int64_t i = 0; i < f->n_notes; i++)
        if (strcmp(f->notes[i].key, key) == 0) return f->notes[i].value;
    return NULL;
}

yl_status yl_safetensors_read(yl_safetensors *f, const yl_safetensor *entry, void *out)
{
    YL_TRY(read_at(f, f->data_start + entry->offset, out, entry->bytes));
    return YL_OK;
}

/* ---- writing ---- */

static yl_status tensor_bytes(const yl_safetensor *t, int64_t *out)
{
    *out = (int64_t)yl_dtype_bytes(t->dtype);
    for (int i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || (t->dims[i] > 0 && *out > INT64_MAX / t->dims[i]))
            return yl__fail(YL_INVALID, "safetensors: tensor '%.100s' has a dimension of %lld", t->name,
                            (long long)t->dims[i]);
        *out *= t->dims[i];
    }
    return YL_OK;
}

static yl_status put_entry(yl_text *text, const yl_safetensor *t, int64_t *offset)
{
    int64_t bytes;
    YL_TRY(tensor_bytes(t, &bytes));
    if (bytes > INT64_MAX - *offset) return yl__fail(YL_INVALID, "safetensors: the tensors are larger than any file");
    YL_TRY(yl__tree_quote(text, t->name, (int64_t)strlen(t->name)));
    YL_TRY(yl__text_add(text, ":{\"dtype\":\"%s\",\"shape\":[", dtype_names[t->dtype]));
    for (int i = 0; i < t->n_dims; i++) YL_TRY(yl__text_add(text, "%s%lld", i > 0 ? "," : "", (long long)t->dims[i]));
    YL_TRY(yl__text_add(text, "],\"data_offsets\":[%lld,%lld]}", (long long)*offset, (long long)(*offset + bytes)));
    *offset += bytes;
    return YL_OK;
}

static yl_status put_notes(yl_text *text, const yl_safetensors_note *notes, int64_t n, bool guarded)
{
    YL_TRY(yl__text_add(text, "\"%s\":{", METADATA));
    if (guarded) YL_TRY(yl__text_add(text, "\"%s\":\"%s%*s\"", YL__GUARD_KEY, YL__GUARD_SCHEME, YL__GUARD_DIGITS, ""));
    for (int64_t i = 0; i < n; i++) {
        if (yl__guard_is(notes[i].key, notes[i].value))
            return yl__fail(YL_INVALID, "safetensors: a note '%.100s' would pass for a checksum", notes[i].key);
        if (i > 0 || guarded) YL_TRY(yl__text_append(text, ",", 1));
        YL_TRY(yl__tree_quote(text, notes[i].key, (int64_t)strlen(notes[i].key)));
        YL_TRY(yl__text_append(text, ":", 1));
        YL_TRY(yl__tree_quote(text, notes[i].value, (int64_t)strlen(notes[i].value)));
    }
    return yl__text_append(text, "}", 1);
}

/* The header with its length, padded with blanks so that the data begins at a multiple of 64. */
static yl_status put_header(yl_text *text, const yl_safetensor *tensors, int64_t count,
                            const yl_safetensors_note *notes, int64_t n_notes, bool guarded)
{
    int64_t offset = 0;
    YL_TRY(yl__text_append(text, "--------{", LENGTH_BYTES + 1));
    if (n_notes > 0 || guarded) YL_TRY(put_notes(text, notes, n_notes, guarded));
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 || n_notes > 0 || guarded) YL_TRY(yl__text_append(text, ",", 1));
        YL_TRY(put_entry(text, &tensors[i], &offset));
    }
    YL_TRY(yl__text_append(text, "}", 1));
    YL_TRY(yl__text_add(text, "%*s", (int)((ALIGN - text->length % ALIGN) % ALIGN), ""));
    uint64_t length = (uint64_t)(text->length - LENGTH_BYTES);
    for (int i = 0; i < LENGTH_BYTES; i++) text->data[i] = (char)(length >> 8 * i & 0xff);
    return YL_OK;
}

/* The written header must be one that the reader takes: names are unique, and so are keys. */
static yl_status check_header(const yl_text *text, const char *path)
{
    yl_document document;
    if (text->length - LENGTH_BYTES > MAX_HEADER)
        return yl__fail(YL_INVALID, "%s: the header would have %lld bytes, at most %d are accepted", path,
                        (long long)(text->length - LENGTH_BYTES), MAX_HEADER);
    yl_status status = yl__json_decode(text->data + LENGTH_BYTES, text->length - LENGTH_BYTES, path, &document);
    yl__document_free(&document);
    return status == YL_FORMAT ? YL_INVALID : status;
}

/* The checksum's digits, in their place in the header. */
static yl_status put_guard(yl_text *header, const yl_safetensor *tensors, int64_t count)
{
    yl__guard guard;
    char text[YL__GUARD_TEXT];
    YL_TRY(yl__guard_begin(&guard));
    yl__guard_add(&guard, header->data, header->length);
    for (int64_t i = 0; i < count; i++) {
        int64_t bytes = 0;
        yl_status status = tensor_bytes(&tensors[i], &bytes); /* put_header has refused what fails */
        if (status == YL_OK) yl__guard_add(&guard, tensors[i].data, bytes);
    }
    yl__guard_end(&guard, text);
    memcpy(header->data + YL__GUARD_AT, text + sizeof YL__GUARD_SCHEME - 1, YL__GUARD_DIGITS);
    return YL_OK;
}

static yl_status put_file(yl_file_writer *writer, const yl_text *header, const yl_safetensor *tensors, int64_t count)
{
    YL_TRY(yl__file_put(writer, header->data, header->length));
    for (int64_t i = 0; i < count; i++) {
        int64_t bytes;
        YL_TRY(tensor_bytes(&tensors[i], &bytes));
        YL_TRY(yl__file_put(writer, tensors[i].data, bytes));
    }
    return YL_OK;
}

static yl_status write_file(const char *path, const yl_safetensor *tensors, int64_t count,
                            const yl_safetensors_note *notes, int64_t n_notes, bool guarded)
{
    yl_text header = {0};
    yl_file_writer writer;
    yl_status status;
    for (int64_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, METADATA) == 0)
            return yl__fail(YL_INVALID, "%s: no tensor may be named %s", path, METADATA);
    YL_TRY_GOTO(put_header(&header, tensors, count, notes, n_notes, guarded), done);
    YL_TRY_GOTO(check_header(&header, path), done);
    if (guarded) YL_TRY_GOTO(put_guard(&header, tensors, count), done);
    YL_TRY_GOTO(yl__file_begin(path, &writer), done);
    status = put_file(&writer, &header, tensors, count);
    if (status == YL_OK)
        status = yl__file_commit(&writer);
    else
        yl__file_discard(&writer);
done:
    yl__text_free(&header);
    return status;
}

yl_status yl_safetensors_write(const char *path, const yl_safetensor *tensors, int64_t count,
                               const yl_safetensors_note *notes, int64_t n_notes)
{
    return write_file(path, tensors, count, notes, n_notes, false);
}

yl_status yl_safetensors_write_guarded(const char *path, const yl_safetensor *tensors, int64_t count,
                                       const yl_safetensors_note *notes, int64_t n_notes)
{
    return write_file(path, tensors, count, notes, n_notes, true);
}
