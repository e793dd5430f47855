/* idx files: no input breaks the reader, and what it reads is as large as its sizes say. */
#include "fuzz.h"
#include "core/memory.h"
#include "formats/idx.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\0\0\x08\x01\0\0\0\x03\x01\x02\x03"),
    FUZZ("\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02\x01\x02\x03\x04"),
    FUZZ("\x1f\x8b\x08\0\0\0\0\0\0\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x66\x64\x62\x06\0\x8b\xa9\x96\xd5\x0b\0\0\0"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\0\0\0\x01"), FUZZ("\xff\xff\xff\xff"), FUZZ("\x1f\x8b\x08"), FUZZ("\x08\x04"), FUZZ("\0\0\0\0"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_idx idx;
    if (yl_idx_parse(data, (int64_t)size, "fuzz", &idx) != YL_OK) {
        FUZZ_CHECK(strncmp(yl_error(), "fuzz:", 5) == 0 || strstr(yl_error(), "memory") != NULL);
        FUZZ_CHECK(!idx.data);
        return 0;
    }
    int64_t count = yl__product(idx.n_dims, idx.dims);
    uint8_t sum = 0;
    for (int64_t i = 0; i < count; i++) sum ^= idx.data[i];
    FUZZ_CHECK(count >= 1 && (sum | 1));
    yl__free(idx.data);
    return 0;
}
