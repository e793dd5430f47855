/* Canonical Huffman codes. */
#include "compress/huffman.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- lengths: Moffat and Katajainen, "In-place calculation of minimum-redundancy codes" (WADS 1995), with two queues ----------- */

typedef struct yl_symbol {
    int64_t count;
    int32_t symbol;
} yl_symbol;

static int by_count(const void *a, const void *b)
{
    const yl_symbol *x = a, *y = b;
    return x->count != y->count ? (x->count > y->count) - (x->count < y->count) : x->symbol - y->symbol;
}

/* The lighter of the next leaf and the next inner node; leaves first, so that the tree stays flat. */
static int32_t lightest(const yl_symbol *leaves, int32_t n, const int64_t *weights, int32_t made, int32_t *leaf,
                        int32_t *inner)
{
    if (*inner >= made || (*leaf < n && leaves[*leaf].count <= weights[*inner])) return (*leaf)++;
    return n + (*inner)++;
}

/* Joins the two lightest nodes until one is left. parent[node]: leaves are 0..n-1, inner nodes follow in the order of their making. */
static void join(const yl_symbol *leaves, int32_t n, int64_t *weights, int32_t *parent)
{
    int32_t leaf = 0, inner = 0;
    for (int32_t made = 0; made < n - 1; made++) {
        weights[made] = 0;
        for (int side = 0; side < 2; side++) {
            int32_t node = lightest(leaves, n, weights, made, &leaf, &inner);
            weights[made] += node < n ? leaves[node].count : weights[node - n];
            parent[node] = n + made;
        }
    }
}

/* Depths of all nodes from the root down; the deepest leaf's. */
static int depths(const yl_symbol *leaves, int32_t n, const int32_t *parent, int32_t *depth, uint8_t *lengths)
{
    int deepest = 0;
    depth[2 * n - 2] = 0;
    for (int32_t node = 2 * n - 3; node >= 0; node--) {
        depth[node] = depth[parent[node]] + 1;
        if (node >= n) continue;
        if (depth[node] > deepest) deepest = depth[node];
        lengths[leaves[node].symbol] = (uint8_t)(depth[node] < 255 ? depth[node] : 255);
    }
    return deepest;
}

/* A code of at most so many bits: counts are made more alike until there is one. */
static void build(yl_symbol *leaves, int32_t n, int64_t *weights, int32_t *parent, int32_t *depth, uint8_t *lengths)
{
    for (;;) {
        qsort(leaves, (size_t)n, sizeof *leaves, by_count);
        join(leaves, n, weights, parent);
        if (depths(leaves, n, parent, depth, lengths) <= YL_HUFFMAN_LONGEST) return;
        for (int32_t i = 0; i < n; i++) leaves[i].count = leaves[i].count / 2 + 1;
    }
}

yl_status yl_huffman_lengths(int64_t n, const int64_t *counts, uint8_t *lengths)
{
    yl_symbol *leaves;
    YL_TRY(yl__alloc(n, sizeof *leaves, &leaves));
    int32_t used = 0;
    memset(lengths, 0, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        if (counts[i] > 0) leaves[used++] = (yl_symbol){counts[i], (int32_t)i};
    yl_status status = YL_OK;
    if (used == 1) lengths[leaves[0].symbol] = 1;
    if (used > 1) {
        int64_t *weights = NULL;
        int32_t *parent = NULL, *depth = NULL;
        status = yl__alloc(used, sizeof *weights, &weights);
        if (status == YL_OK) status = yl__alloc(2 * (int64_t)used, sizeof *parent, &parent);
        if (status == YL_OK) status = yl__alloc(2 * (int64_t)used, sizeof *depth, &depth);
        if (status == YL_OK) build(leaves, used, weights, parent, depth, lengths);
        yl__free(weights);
        yl__free(parent);
        yl__free(depth);
    }
    yl__free(leaves);
    return status;
}

/* ---- canonical codes ----------------------------------------------------------------------------------------------------------- */

/* Of each length: the first code, how many there are, and where its symbols begin in the order of the codes. */
typedef struct yl_code {
    uint64_t first[YL_HUFFMAN_LONGEST + 1], count[YL_HUFFMAN_LONGEST + 1], place[YL_HUFFMAN_LONGEST + 1];
} yl_code;

static yl_status number_codes(int64_t n, const uint8_t *lengths, yl_code *code)
{
    *code = (yl_code){{0}, {0}, {0}};
    uint64_t used = 0, share = 0; /* of 2^32 */
    for (int64_t i = 0; i < n; i++) {
        if (lengths[i] > YL_HUFFMAN_LONGEST)
            return yl__fail(YL_FORMAT, "symbol %" PRId64 " has a code of %d bits: expected at most %d", i, lengths[i],
                            YL_HUFFMAN_LONGEST);
        if (!lengths[i]) continue;
        code->count[lengths[i]]++;
        used++;
        share += UINT64_C(1) << (YL_HUFFMAN_LONGEST - lengths[i]);
    }
    bool whole = share == UINT64_C(1) << YL_HUFFMAN_LONGEST, single = used == 1 && code->count[1] == 1;
    if (used > 0 && !whole && !single)
        return yl__fail(YL_FORMAT, "the lengths of %" PRIu64 " codes are those of no Huffman tree", used);
    for (int bits = 1; bits <= YL_HUFFMAN_LONGEST; bits++) {
        code->first[bits] = (code->first[bits - 1] + code->count[bits - 1]) << 1;
        code->place[bits] = code->place[bits - 1] + code->count[bits - 1];
    }
    return YL_OK;
}

yl_status yl_huffman_write(int64_t n, const uint8_t *lengths, int64_t count, const uint16_t *symbols, yl_text *out)
{
    yl_code code;
    uint64_t *codes, window = 0;
    int held = 0;
    YL_TRY(number_codes(n, lengths, &code));
    YL_TRY(yl__alloc(n, sizeof *codes, &codes));
    for (int64_t i = 0; i < n; i++) codes[i] = lengths[i] ? code.first[lengths[i]]++ : 0;
    yl_status status = YL_OK;
    for (int64_t i = 0; i < count && status == YL_OK; i++) {
        window = window << lengths[symbols[i]] | codes[symbols[i]];
        for (held += lengths[symbols[i]]; held >= 8 && status == YL_OK; held -= 8)
            status = yl__text_append(out, &(uint8_t){(uint8_t)(window >> (held - 8))}, 1);
    }
    if (held > 0 && status == YL_OK) status = yl__text_append(out, &(uint8_t){(uint8_t)(window << (8 - held))}, 1);
    yl__free(codes);
    return status;
}

/* ---- reading: short codes by a table, long ones length by length ----------------------------------------------------------------- */

enum { TABLE_BITS = 11 };

typedef struct yl_huffman_reader {
    yl_code code;
    uint16_t *symbols; /* in the order of the codes */
    struct {
        uint16_t symbol;
        uint8_t bits; /* 0: a longer code, or none */
    } table[1 << TABLE_BITS];
} yl_huffman_reader;

static void fill_table(int64_t n, const uint8_t *lengths, yl_huffman_reader *r)
{
    yl_code next = r->code;
    for (int64_t i = 0; i < n; i++) {
        int bits = lengths[i];
        if (!bits) continue;
        r->symbols[next.place[bits]++] = (uint16_t)i;
        if (bits > TABLE_BITS) continue;
        uint64_t from = next.first[bits]++ << (TABLE_BITS - bits);
        for (uint64_t k = from; k < from + (UINT64_C(1) << (TABLE_BITS - bits)); k++) {
            r->table[k].symbol = (uint16_t)i;
            r->table[k].bits = (uint8_t)bits;
        }
    }
}

/* The bits of the next symbol, which begins at the window's highest bit; 0: no code. */
static int next_symbol(const yl_huffman_reader *r, uint64_t window, uint16_t *symbol)
{
    uint64_t key = window >> (64 - TABLE_BITS);
    *symbol = r->table[key].symbol;
    if (r->table[key].bits) return r->table[key].bits;
    for (int bits = TABLE_BITS + 1; bits <= YL_HUFFMAN_LONGEST; bits++) {
        uint64_t code = window >> (64 - bits);
        if (code - r->code.first[bits] >= r->code.count[bits]) continue;
        *symbol = r->symbols[r->code.place[bits] + code - r->code.first[bits]];
        return bits;
    }
    return 0;
}

static yl_status read_symbols(const yl_huffman_reader *r, int64_t count, const uint8_t *data, int64_t bytes,
                              uint16_t *symbols)
{
    uint64_t window = 0;
    int held = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        for (; held <= 56 && at < bytes; held += 8) window |= (uint64_t)data[at++] << (56 - held);
        int bits = next_symbol(r, window, &symbols[i]);
        if (bits == 0 || bits > held)
            return yl__fail(YL_FORMAT, "symbol %" PRId64 " of %" PRId64 " is no code, or the data end in it", i + 1,
                            count);
        window <<= bits;
        held -= bits;
    }
    if (at < bytes || held >= 8 || window != 0)
        return yl__fail(YL_FORMAT, "there are data after the last of %" PRId64 " symbols", count);
    return YL_OK;
}

yl_status yl_huffman_read(int64_t n, const uint8_t *lengths, int64_t count, const uint8_t *data, int64_t bytes,
                          uint16_t *symbols)
{
    yl_huffman_reader *r;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    yl_status status = number_codes(n, lengths, &r->code);
    if (status == YL_OK) status = yl__alloc(n, sizeof *r->symbols, &r->symbols);
    if (status == YL_OK) {
        fill_table(n, lengths, r);
        status = read_symbols(r, count, data, bytes, symbols);
    }
    yl__free(r->symbols);
    yl__free(r);
    return status;
}
