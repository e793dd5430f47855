/* Relative indices with filler zeros. */
#include "compress/sparse.h"

#include <inttypes.h>
#include <string.h>

/* Walks over the entries; `gaps` and `kept` may be NULL. */
static int64_t walk(int64_t count, const uint16_t *codes, int bits, uint16_t *gaps, uint16_t *kept)
{
    int64_t most = (INT64_C(1) << bits) - 1, entries = 0, gap = 0;
    for (int64_t i = 0; i < count; i++) {
        if (codes[i] == 0) {
            gap++;
            continue;
        }
        for (; gap > most; gap -= most + 1, entries++)
            if (gaps) gaps[entries] = (uint16_t)most, kept[entries] = 0;
        if (gaps) gaps[entries] = (uint16_t)gap, kept[entries] = codes[i];
        entries++;
        gap = 0;
    }
    return entries;
}

int64_t yl_sparse_count(int64_t count, const uint16_t *codes, int bits)
{
    return walk(count, codes, bits, NULL, NULL);
}

void yl_sparse_split(int64_t count, const uint16_t *codes, int bits, uint16_t *gaps, uint16_t *kept)
{
    walk(count, codes, bits, gaps, kept);
}

yl_status yl_sparse_join(int64_t entries, const uint16_t *gaps, const uint16_t *kept, int64_t count, uint16_t *codes)
{
    int64_t at = 0;
    memset(codes, 0, (size_t)count * sizeof *codes);
    for (int64_t i = 0; i < entries; i++, at++) {
        at += gaps[i];
        if (at >= count)
            return yl__fail(YL_FORMAT, "entry %" PRId64 " of %" PRId64 " lies beyond the last of %" PRId64 " numbers",
                            i + 1, entries, count);
        codes[at] = kept[i];
    }
    return YL_OK;
}
