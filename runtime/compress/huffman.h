/* Canonical Huffman codes of whole numbers 0..n-1 (Huffman 1952; Han, Mao and Dally, "Deep Compression", section 4). A code is its
 * symbols' lengths in bits: codes of one length are consecutive numbers in the order of the symbols, shorter ones come first, and bits
 * are written from a byte's highest. */
#ifndef YL_COMPRESS_HUFFMAN_H
#define YL_COMPRESS_HUFFMAN_H

#include "core/text.h"

enum { YL_HUFFMAN_LONGEST = 32, YL_HUFFMAN_SYMBOLS = 65536 };

/* The lengths of an optimal code for symbols that occur so often; 0 for one that does not occur, 1 for the only one that does. Where
 * the optimal code has more than 32 bits, one that is nearly as good. Errors: MEMORY. */
yl_status yl_huffman_lengths(int64_t n, const int64_t *counts, uint8_t *lengths);

/* Appends the symbols' codes, completed to whole bytes by zeros. Each symbol has a length. Errors: MEMORY. */
yl_status yl_huffman_write(int64_t n, const uint8_t *lengths, int64_t count, const uint16_t *symbols, yl_text *out);

/* Reads `count` symbols from exactly `bytes` bytes. Errors: FORMAT where the lengths are those of no code, where the bytes hold what
 * is no code, end early or are too many; MEMORY. The sentence is without a file's name. */
yl_status yl_huffman_read(int64_t n, const uint8_t *lengths, int64_t count, const uint8_t *data, int64_t bytes,
                          uint16_t *symbols);

#endif
