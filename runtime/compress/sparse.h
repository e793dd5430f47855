/* Relative indices of the numbers that are not zero (Han, Mao and Dally, "Deep Compression", section 2 and figure 2). An entry is a gap
 * of zeros and the code after it. Where a gap does not fit into 2^bits - 1, an entry with that gap and code 0 is put in between: the
 * paper's filler zero, which takes a place of its own. Zeros after the last entry are not written. */
#ifndef YL_COMPRESS_SPARSE_H
#define YL_COMPRESS_SPARSE_H

#include "core/status.h"

enum { YL_SPARSE_BITS = 8 };

/* How many entries these codes need with gaps of so many bits. */
int64_t yl_sparse_count(int64_t count, const uint16_t *codes, int bits);
/* Writes them: gaps and codes {yl_sparse_count()}. */
void yl_sparse_split(int64_t count, const uint16_t *codes, int bits, uint16_t *gaps, uint16_t *kept);
/* Puts the codes back in their places, zeros elsewhere. Errors: FORMAT where the entries reach beyond `count`. */
yl_status yl_sparse_join(int64_t entries, const uint16_t *gaps, const uint16_t *kept, int64_t count, uint16_t *codes);

#endif
