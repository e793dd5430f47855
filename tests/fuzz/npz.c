/* NumPy's files: no input breaks the reader, and what it reads is as large as its sizes say. */
#include "fuzz.h"
#include "core/memory.h"
#include "formats/npz.h"

#include <string.h>

#define HEAD "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\x93NUMPY\x01\0\x3a\0" HEAD "12345678"),
    FUZZ("\x93NUMPY\x02\0\x3b\0\0\0{'descr': '>f2', 'fortran_order': True, 'shape': (2, 2), }\n12345678"),
    FUZZ("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x4c\0\0\0\x4c\0\0\0\5\0\0\0x.npy\x93NUMPY\x01\0\x3a\0" HEAD
         "12345678PK\1\2\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x4c\0\0\0\x4c\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x."
         "npy"
         "PK\5\6\0\0\0\0\1\0\1\0\x33\0\0\0\x6f\0\0\0\0\0"),
    FUZZ("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("PK\1\2"),       FUZZ("PK\5\6"),
    FUZZ("\x93NUMPY"),    FUZZ("'shape': ("),
    FUZZ("2147483647, "), FUZZ("\xff\xff\xff\xff"),
    FUZZ("0, "),          FUZZ("\x08\0"),
    FUZZ("True"),         FUZZ("<f8"),
    FUZZ("=f4"),          FUZZ("()"),
    FUZZ("\0\0\0\0"),     FUZZ("4611686018427387904"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_state state;
    if (yl_npz_parse("fuzz", (const char *)data, (int64_t)size, &state) != YL_OK) {
        FUZZ_CHECK(strstr(yl_error(), "fuzz") || strstr(yl_error(), "memory"));
        FUZZ_CHECK(state.count == 0 && !state.tensors);
        return 0;
    }
    for (int64_t i = 0; i < state.count; i++) {
        const yl_state_tensor *t = &state.tensors[i];
        int64_t count = yl__product(t->n_dims, t->dims);
        float sum = 0;
        for (int64_t k = 0; k < count; k++) sum += t->numbers[k];
        FUZZ_CHECK(t->name && (sum == sum || sum != sum));
    }
    yl_state_free(&state);
    return 0;
}
