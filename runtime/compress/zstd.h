/* What a modern coder makes of the symbols that packed.h codes: Zstandard (RFC 8878), by the system's library, for comparison. No file is
 * written with it. */
#ifndef YL_COMPRESS_ZSTD_H
#define YL_COMPRESS_ZSTD_H

#include "core/status.h"

/* Bytes of `count` symbols, each written as one byte (two, little-endian, where values > 256), at level 19. -1: the library is missing.
 * Errors: MEMORY; INVALID, the library refused. */
yl_status yl__zstd_bytes(int64_t count, const uint16_t *symbols, int64_t values, int64_t *bytes);

#endif
