/* safetensors: no file breaks the reader, and every tensor that it lists can be read. */
#include "fuzz.h"
#include "formats/safetensors.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\x02\0\0\0\0\0\0\0{}"),
    FUZZ("\xff\xff\xff\xff\xff\xff\xff\xff{}"),
    FUZZ("not a checkpoint"),
    FUZZ("{\"__metadata__\":{\"step\":\"7\"},\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}"
         "\n12345678"),
    FUZZ("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]},\"b\":{\"dtype\":\"I32\",\"shape\":[],\"data_"
         "offsets\":[0,4]}}\n1234567"),
    FUZZ("{\"e\":{\"dtype\":\"BF16\",\"shape\":[0,9],\"data_offsets\":[0,0]}}\n"),
    FUZZ("{\"__metadata__\":{\"yolua.guard\":\"yolua:xxh64:0000000000000000\"},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"
         "\"data_"
         "offsets\":[0,2]}}\n12"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\"__metadata__\":{}"),
    FUZZ("\"__metadata__\":{\"yolua.guard\":\"\"}"),
    FUZZ("\"yolua:xxh64:"),
    FUZZ("F64"),
    FUZZ("U8"),
    FUZZ("[0,8]"),
    FUZZ("-1"),
    FUZZ("9223372036854775807"),
    FUZZ("4611686018427387904"),
    FUZZ("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"),
    FUZZ("1.5"),
    FUZZ("\n"),
    FUZZ("[]"),
    FUZZ("\\u0000"),
    FUZZ("0,"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_safetensors *f;
    const char *path = fuzz_safetensors_file(data, size);
    if (yl_safetensors_open(path, &f) != YL_OK) {
        FUZZ_CHECK(strstr(yl_error(), path));
        return 0;
    }
    for (int64_t i = 0; i < yl_safetensors_count(f); i++) {
        const yl_safetensor *e = yl_safetensors_at(f, i);
        FUZZ_CHECK(e->bytes >= 0 && e->bytes <= (int64_t)size);
        void *bytes = malloc((size_t)e->bytes + 1);
        FUZZ_CHECK(bytes && yl_safetensors_read(f, e, bytes) == YL_OK);
        FUZZ_CHECK(strcmp(yl_safetensors_find(f, e->name)->name, e->name) == 0);
        free(bytes);
    }
    yl_safetensors_close(f);
    return 0;
}
