/* Packed parameters. */
#include "compress/packed.h"
#include "compress/codebook.h"
#include "compress/huffman.h"
#include "compress/sparse.h"
#include "compress/zstd.h"
#include "core/memory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <xxhash.h>

static const char MAGIC[4] = {'Y', 'L', 'P', '1'};
enum { FIXED = 20, CHECKSUM = 8 };

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

/* The entries of one choice of index bits, and their codes. */
typedef struct yl_packing {
    int index_bits;
    int64_t entries, values, bytes; /* bytes: of streams and tables */
    uint16_t *gaps, *kept;
    uint8_t *code_lengths, gap_lengths[1 << YL_SPARSE_BITS];
    int64_t code_bits, gap_bits;
} yl_packing;

static void free_packing(yl_packing *p)
{
    yl__free(p->gaps);
    yl__free(p->kept);
    yl__free(p->code_lengths);
    *p = (yl_packing){0};
}

static int64_t coded_bits(int64_t n, const int64_t *counts, const uint8_t *lengths)
{
    int64_t bits = 0;
    for (int64_t i = 0; i < n; i++) bits += counts[i] * lengths[i];
    return bits;
}

/* Counts symbols, and finds their codes and how many bits those take. */
static yl_status find_code(int64_t n, int64_t count, const uint16_t *symbols, uint8_t *lengths, int64_t *bits)
{
    int64_t *counts;
    YL_TRY(yl__calloc(n, sizeof *counts, &counts));
    for (int64_t i = 0; i < count; i++) counts[symbols[i]]++;
    yl_status status = yl_huffman_lengths(n, counts, lengths);
    if (status == YL_OK) *bits = coded_bits(n, counts, lengths);
    yl__free(counts);
    return status;
}

static yl_status split(int64_t count, const uint16_t *codes, yl_packing *p)
{
    p->entries = p->index_bits ? yl_sparse_count(count, codes, p->index_bits) : count;
    YL_TRY(yl__alloc(p->entries, sizeof *p->kept, &p->kept));
    YL_TRY(yl__alloc(p->entries, sizeof *p->gaps, &p->gaps));
    YL_TRY(yl__alloc(p->values, 1, &p->code_lengths));
    if (p->index_bits)
        yl_sparse_split(count, codes, p->index_bits, p->gaps, p->kept);
    else
        memcpy(p->kept, codes, (size_t)count * sizeof *codes);
    YL_TRY(find_code(p->values, p->entries, p->kept, p->code_lengths, &p->code_bits));
    if (p->index_bits)
        YL_TRY(find_code(INT64_C(1) << p->index_bits, p->entries, p->gaps, p->gap_lengths, &p->gap_bits));
    p->bytes = (p->code_bits + 7) / 8 + (p->index_bits ? (p->gap_bits + 7) / 8 + (INT64_C(1) << p->index_bits) + 8 : 0);
    return YL_OK;
}

/* The packing with these index bits, or with those that give the fewest bytes. */
static yl_status choose(int64_t count, const uint16_t *codes, int64_t values, int index_bits, yl_packing *best)
{
    int first = index_bits < 0 ? 0 : index_bits, last = index_bits < 0 ? YL_SPARSE_BITS : index_bits;
    *best = (yl_packing){.bytes = INT64_MAX};
    for (int bits = first; bits <= last; bits++) {
        yl_packing p = {.index_bits = bits, .values = values};
        yl_status status = split(count, codes, &p);
        if (status == YL_OK && p.bytes < best->bytes) {
            free_packing(best);
            *best = p;
            continue;
        }
        free_packing(&p);
        if (status != YL_OK) return status;
    }
    return YL_OK;
}

static yl_status put(yl_text *out, uint64_t value, int bytes)
{
    uint8_t raw[8];
    for (int i = 0; i < bytes; i++) raw[i] = (uint8_t)(value >> (8 * i));
    return yl__text_append(out, raw, bytes);
}

static yl_status put_stream(yl_text *out, int64_t n, const uint8_t *lengths, int64_t count, const uint16_t *symbols,
                            int64_t bits)
{
    YL_TRY(put(out, (uint64_t)(bits + 7) / 8, 8));
    return yl_huffman_write(n, lengths, count, symbols, out);
}

static yl_status put_floats(yl_text *out, int64_t n, const float *values)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        YL_TRY(put(out, bits, 4));
    }
    return YL_OK;
}

static yl_status put_all(const yl_packing *p, int n_dims, const int64_t *dims, bool masked, const float *values,
                         yl_text *out)
{
    int64_t start = out->length;
    YL_TRY(yl__text_append(out, MAGIC, sizeof MAGIC));
    const uint8_t head[4] = {(uint8_t)p->index_bits, (uint8_t)n_dims, masked, 0};
    YL_TRY(yl__text_append(out, head, sizeof head));
    YL_TRY(put(out, (uint64_t)p->values, 4));
    YL_TRY(put(out, (uint64_t)p->entries, 8));
    for (int d = 0; d < n_dims; d++) YL_TRY(put(out, (uint64_t)dims[d], 8));
    YL_TRY(put_floats(out, p->values, values));
    YL_TRY(yl__text_append(out, p->code_lengths, p->values));
    if (p->index_bits) YL_TRY(yl__text_append(out, p->gap_lengths, INT64_C(1) << p->index_bits));
    YL_TRY(put_stream(out, p->values, p->code_lengths, p->entries, p->kept, p->code_bits));
    if (p->index_bits)
        YL_TRY(put_stream(out, INT64_C(1) << p->index_bits, p->gap_lengths, p->entries, p->gaps, p->gap_bits));
    return put(out, XXH64(out->data + start, (size_t)(out->length - start), 0), CHECKSUM);
}

static int bits_of(int64_t values)
{
    int bits = 0;
    while ((INT64_C(1) << bits) < values) bits++;
    return bits;
}

static yl_status measure(const yl_packing *p, int64_t numbers, const uint16_t *codes, yl_packed_sizes *s)
{
    *s = (yl_packed_sizes){.numbers = numbers, .entries = p->entries, .values = p->values, .index_bits = p->index_bits};
    for (int64_t i = 0; i < numbers; i++) s->kept += codes[i] != 0;
    double entries = p->entries > 0 ? (double)p->entries : 1;
    s->code_bits = (double)p->code_bits / entries;
    s->gap_bits = (double)p->gap_bits / entries;
    int64_t book = p->values * (int64_t)sizeof(float);
    s->bytes_p = (p->entries * (32 + p->index_bits) + 7) / 8;
    s->bytes_pq = (p->entries * (bits_of(p->values) + p->index_bits) + 7) / 8 + book;
    s->bytes_pqh = p->bytes + book + p->values;
    int64_t gaps = 0;
    YL_TRY(yl__zstd_bytes(p->entries, p->kept, p->values, &s->bytes_zstd));
    if (p->index_bits) YL_TRY(yl__zstd_bytes(p->entries, p->gaps, INT64_C(1) << p->index_bits, &gaps));
    if (s->bytes_zstd >= 0) s->bytes_zstd += gaps + book;
    return YL_OK;
}

static yl_status refuse_negative_zero(const char *name, int64_t count, const float *numbers)
{
    for (int64_t i = 0; i < count; i++)
        if (numbers[i] == 0 && signbit(numbers[i]))
            return yl__fail(YL_INVALID, "%s: number %" PRId64 " is a negative zero, which a codebook does not hold",
                            name, i + 1);
    return YL_OK;
}

/* values {YL_CODEBOOK_MOST} and codes {count} are room to work in. */
static yl_status write_packed(const char *name, int n_dims, const int64_t *dims, const float *numbers, bool masked,
                              int index_bits, float *values, uint16_t *codes, yl_text *out, yl_packed_sizes *sizes)
{
    int64_t count = yl__product(n_dims, dims), used;
    YL_TRY(refuse_negative_zero(name, count, numbers));
    YL_TRY(yl_codebook_read(name, count, numbers, YL_CODEBOOK_MOST, values, codes, &used));
    if (used == 0)
        return yl__fail(YL_INVALID, "%s has more than %d different values: share them first", name, YL_CODEBOOK_MOST);
    yl_packing p;
    yl_status status = choose(count, codes, used, index_bits, &p);
    if (status == YL_OK) status = put_all(&p, n_dims, dims, masked, values, out);
    if (status == YL_OK && sizes) status = measure(&p, count, codes, sizes);
    free_packing(&p);
    return status;
}

yl_status yl_packed_write(const char *name, int n_dims, const int64_t *dims, const float *numbers, bool masked,
                          int index_bits, yl_text *out, yl_packed_sizes *sizes)
{
    float *values = NULL;
    uint16_t *codes = NULL;
    yl_status status = yl__alloc(YL_CODEBOOK_MOST, sizeof *values, &values);
    if (status == YL_OK) status = yl__alloc(yl__product(n_dims, dims), sizeof *codes, &codes);
    if (status == YL_OK)
        status = write_packed(name, n_dims, dims, numbers, masked, index_bits, values, codes, out, sizes);
    yl__free(values);
    yl__free(codes);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

/* What is left to read. */
typedef struct yl_cursor {
    const uint8_t *at;
    int64_t left;
} yl_cursor;

/* The next `bytes` bytes, which have to be there. */
static yl_status take(yl_cursor *c, int64_t bytes, const char *what, const uint8_t **out)
{
    if (bytes < 0 || bytes > c->left)
        return yl__fail(YL_FORMAT, "packed numbers end in their %s: expected %" PRId64 " bytes, got %" PRId64, what,
                        bytes, c->left);
    *out = c->at;
    c->at += bytes;
    c->left -= bytes;
    return YL_OK;
}

static uint64_t number_at(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* A 64-bit size; INT64_MAX, which nothing has, where it is larger. */
static yl_status take_size(yl_cursor *c, const char *what, int64_t *out)
{
    const uint8_t *at = NULL;
    YL_TRY(take(c, 8, what, &at));
    uint64_t value = number_at(at, 8);
    *out = value > INT64_MAX ? INT64_MAX : (int64_t)value;
    return YL_OK;
}

static yl_status take_stream(yl_cursor *c, const char *what, const uint8_t **data, int64_t *bytes)
{
    YL_TRY(take_size(c, what, bytes));
    return take(c, *bytes, what, data);
}

static yl_status take_head(yl_cursor *c, yl_packed *p)
{
    const uint8_t *at = NULL;
    YL_TRY(take(c, FIXED, "head", &at));
    if (memcmp(at, MAGIC, sizeof MAGIC) != 0)
        return yl__fail(YL_FORMAT, "packed numbers begin otherwise: expected YLP1");
    p->index_bits = at[4];
    p->n_dims = at[5];
    p->masked = at[6];
    p->values = (int64_t)number_at(at + 8, 4);
    uint64_t entries = number_at(at + 12, 8);
    if (p->index_bits > YL_SPARSE_BITS || p->n_dims < 1 || p->n_dims > YL_PACKED_DIMS || at[6] > 1 || at[7] != 0)
        return yl__fail(YL_FORMAT,
                        "packed numbers: expected 0..%d index bits, 1..%d sizes, a flag and 0, got %d, %d, %d and %d",
                        YL_SPARSE_BITS, YL_PACKED_DIMS, at[4], at[5], at[6], at[7]);
    if (p->values < 1 || p->values > YL_CODEBOOK_MOST)
        return yl__fail(YL_FORMAT, "packed numbers: expected a codebook of 1..%d values, got %" PRId64,
                        YL_CODEBOOK_MOST, p->values);
    for (int d = 0; d < p->n_dims; d++) YL_TRY(take_size(c, "sizes", &p->dims[d]));
    p->numbers = yl__product(p->n_dims, p->dims);
    if (p->numbers > INT64_MAX / 8 || entries > (uint64_t)p->numbers ||
        (!p->index_bits && entries != (uint64_t)p->numbers))
        return yl__fail(YL_FORMAT, "packed numbers: %" PRIu64 " entries do not fit %" PRId64 " numbers", entries,
                        p->numbers);
    p->entries = (int64_t)entries;
    return YL_OK;
}

/* The codebook's first value is zero, and all are finite. */
static yl_status check_codebook(const yl_packed *p)
{
    for (int64_t i = 0; i < p->values; i++) {
        uint32_t bits = (uint32_t)number_at(p->codebook + 4 * i, 4);
        if ((bits & 0x7f800000u) == 0x7f800000u || (i == 0 && bits != 0))
            return yl__fail(YL_FORMAT, "packed numbers: value %" PRId64 " of the codebook is %s", i + 1,
                            i ? "not finite" : "not 0");
    }
    return YL_OK;
}

yl_status yl_packed_open(const void *bytes, int64_t length, yl_packed *out)
{
    yl_cursor c = {bytes, length - CHECKSUM};
    *out = (yl_packed){0};
    if (length < FIXED + CHECKSUM)
        return yl__fail(YL_FORMAT, "packed numbers end in their head: %" PRId64 " bytes", length);
    if (XXH64(bytes, (size_t)c.left, 0) != number_at((const uint8_t *)bytes + c.left, 8))
        return yl__fail(YL_FORMAT, "packed numbers: the checksum does not fit the data");
    YL_TRY(take_head(&c, out));
    YL_TRY(take(&c, out->values * (int64_t)sizeof(float), "codebook", &out->codebook));
    YL_TRY(take(&c, out->values, "code lengths", &out->code_lengths));
    if (out->index_bits) YL_TRY(take(&c, INT64_C(1) << out->index_bits, "code lengths", &out->gap_lengths));
    YL_TRY(take_stream(&c, "codes", &out->codes, &out->code_bytes));
    if (out->index_bits) YL_TRY(take_stream(&c, "gaps", &out->gaps, &out->gap_bytes));
    if (c.left > 0) return yl__fail(YL_FORMAT, "packed numbers: %" PRId64 " bytes too many", c.left);
    /* every entry takes a bit at least, so that a short file cannot ask for much memory */
    if (out->entries > 8 * out->code_bytes)
        return yl__fail(YL_FORMAT, "packed numbers: %" PRId64 " entries in %" PRId64 " bytes", out->entries,
                        out->code_bytes);
    return check_codebook(out);
}

/* The entries' codes, put in their places. */
static yl_status read_codes(const yl_packed *p, uint16_t *kept, uint16_t *gaps, uint16_t *codes)
{
    YL_TRY(yl_huffman_read(p->values, p->code_lengths, p->entries, p->codes, p->code_bytes, kept));
    if (!p->index_bits) {
        memcpy(codes, kept, (size_t)p->numbers * sizeof *codes);
        return YL_OK;
    }
    YL_TRY(yl_huffman_read(INT64_C(1) << p->index_bits, p->gap_lengths, p->entries, p->gaps, p->gap_bytes, gaps));
    return yl_sparse_join(p->entries, gaps, kept, p->numbers, codes);
}

yl_status yl_packed_read(const yl_packed *packed, float *numbers)
{
    uint16_t *kept = NULL, *gaps = NULL, *codes = NULL;
    yl_status status = yl__alloc(packed->entries, sizeof *kept, &kept);
    if (status == YL_OK) status = yl__alloc(packed->entries, sizeof *gaps, &gaps);
    if (status == YL_OK) status = yl__alloc(packed->numbers, sizeof *codes, &codes);
    if (status == YL_OK) status = read_codes(packed, kept, gaps, codes);
    for (int64_t i = 0; status == YL_OK && i < packed->numbers; i++) {
        uint32_t bits = (uint32_t)number_at(packed->codebook + 4 * codes[i], 4);
        memcpy(&numbers[i], &bits, sizeof bits);
    }
    yl__free(kept);
    yl__free(gaps);
    yl__free(codes);
    return status;
}
