/* JSON: no input breaks the reader, and what it reads survives encoding. */
#include "fuzz.h"
#include "formats/json.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("{\"a\": [1, -2.5e3, true, false, null, \"x\\u00e9\\ud83d\\ude00\\n\"], \"b\": {\"c\": {}}, \"d\": []}"),
    FUZZ("[[[[[[[[1]]]]]]]]"),
    FUZZ("\"\xc3\xa9 \xf0\x9f\x98\x80\""),
    FUZZ("-0.0001e-300"),
    FUZZ(" 9223372036854775808 "),
    FUZZ("{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("[[[[[[[["),     FUZZ("]]]]]]]]"), FUZZ("{\"a\":"), FUZZ("}"),    FUZZ("\\ud83d"),
    FUZZ("\\u0000"),      FUZZ("1e308"),    FUZZ("-"),       FUZZ("null"), FUZZ("\xff"),
    FUZZ("\xe2\x80\xa8"), FUZZ(","),        FUZZ(":"),       FUZZ("\""),   FUZZ("9999999999999999999"),
    FUZZ("\0"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_document first, second;
    yl_text once = {0}, twice = {0};
    if (yl__json_decode((const char *)data, (int64_t)size, "fuzz", &first) != YL_OK) {
        FUZZ_CHECK(strncmp(yl_error(), "fuzz: line ", 11) == 0 && !first.blocks);
        return 0;
    }
    FUZZ_CHECK(yl__json_encode(first.root, size % 2, &once) == YL_OK);
    FUZZ_CHECK(yl__json_decode(once.data, once.length, "again", &second) == YL_OK);
    FUZZ_CHECK(yl__json_encode(second.root, size % 2, &twice) == YL_OK);
    FUZZ_CHECK(once.length == twice.length && memcmp(once.data, twice.data, (size_t)once.length) == 0);
    yl__document_free(&first);
    yl__document_free(&second);
    yl__text_free(&once);
    yl__text_free(&twice);
    return 0;
}
