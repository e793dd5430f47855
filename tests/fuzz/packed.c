/* Packed parameters: no bytes break the reader. Mutations of a packed parameter get a right checksum, so that they reach what lies behind
 * it; what is read is finite in number, and is packed again to what reads back alike. */
#include "fuzz.h"
#include "compress/packed.h"
#include "core/memory.h"

#include <string.h>
#include <xxhash.h>

enum { MOST = 1 << 16 };

/* The first byte chooses a parameter to pack; the others are written over its bytes: place, value, ... */
const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\0"),
    FUZZ("\1"),
    FUZZ("\2\4\1"),
    FUZZ("\3\x10\xff\x18\x01"),
    FUZZ("\4\0\0"),
    FUZZ("\5"),
    FUZZ("raw bytes, as they are"),
};
const fuzz_bytes fuzz_words[] = {FUZZ("\x08\xff"), FUZZ("\x10\0"), FUZZ("\x18\x7f"), FUZZ("\x20\x01"),
                                 FUZZ("\x28\xff\x29\xff")};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static void read_back(const void *bytes, int64_t length)
{
    yl_packed p;
    if (yl_packed_open(bytes, length, &p) != YL_OK || p.numbers > MOST) return;
    float *numbers;
    FUZZ_CHECK(yl__alloc(p.numbers, sizeof *numbers, &numbers) == YL_OK);
    if (yl_packed_read(&p, numbers) == YL_OK) {
        yl_text again = {0};
        if (yl_packed_write("w", p.n_dims, p.dims, numbers, p.masked, -1, &again, NULL) == YL_OK) {
            yl_packed q;
            float *same;
            FUZZ_CHECK(yl_packed_open(again.data, again.length, &q) == YL_OK && q.numbers == p.numbers);
            FUZZ_CHECK(yl__alloc(q.numbers, sizeof *same, &same) == YL_OK && yl_packed_read(&q, same) == YL_OK);
            FUZZ_CHECK(memcmp(same, numbers, (size_t)q.numbers * sizeof *same) == 0);
            yl__free(same);
        }
        yl__text_free(&again);
    }
    yl__free(numbers);
}

static void mutated(const uint8_t *data, size_t size)
{
    const int64_t dims[][2] = {{1, 1}, {4, 9}, {16, 31}, {2, 700}, {64, 64}, {3, 5}};
    int kind = data[0] % 6, count = (int)(dims[kind][0] * dims[kind][1]);
    static float numbers[1 << 13];
    for (int i = 0; i < count; i++) numbers[i] = i * 37 % 11 < 3 ? (float)(i % (kind + 2)) - 0.5f : 0;
    yl_text packed = {0};
    FUZZ_CHECK(yl_packed_write("w", 2, dims[kind], numbers, kind & 1, kind - 1, &packed, NULL) == YL_OK);
    uint8_t *bytes = (uint8_t *)packed.data;
    for (size_t i = 1; i + 1 < size; i += 2) bytes[(size_t)data[i] * (1 + i % 3) % (size_t)packed.length] = data[i + 1];
    uint64_t sum = XXH64(bytes, (size_t)packed.length - 8, 0);
    for (int i = 0; i < 8; i++) bytes[packed.length - 8 + i] = (uint8_t)(sum >> 8 * i);
    read_back(bytes, packed.length);
    yl__text_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_back(data, (int64_t)size);
    if (size) mutated(data, size);
    return 0;
}
