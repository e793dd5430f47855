/* YAML: no input breaks the reader, and what it reads survives encoding. */
#include "fuzz.h"
#include "formats/yaml.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("# a run\nepochs: 3\noptim:\n  name: sgd\n  lr: 1e-4\n  steps: [1, 2, 3]\nlist:\n- a: 1\n  b: 'x y'\n- []\n- "
         "{c: \"d\\n\"}\n"),
    FUZZ("text: |\n  two\n  lines\nfolded: >-\n  one\n  line\n"),
    FUZZ("[1, .inf, -.inf, .nan, 0x1f, 0o17, ~, true, 3.0, '']"),
    FUZZ("? a\n: b\n"),
    FUZZ("- - - - 1\n    - 2\n"),
    FUZZ("%YAML 1.2\n---\na: &x 1\nb: *x\nc: !!str 3\n...\n"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("[[[[[[[["), FUZZ("- - - - "), FUZZ("{a: "),  FUZZ("}"),     FUZZ("\n  "),  FUZZ("\n- "),   FUZZ(": "),
    FUZZ("'"),        FUZZ("\""),       FUZZ("? "),    FUZZ("&a "),   FUZZ("*a"),    FUZZ("!!int "), FUZZ("|\n"),
    FUZZ(">\n"),      FUZZ("# "),       FUZZ("---\n"), FUZZ("\\x00"), FUZZ("1e400"), FUZZ("\t"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_document first, second;
    yl_text once = {0}, twice = {0};
    if (yl__yaml_decode((const char *)data, (int64_t)size, "fuzz", &first) != YL_OK) {
        FUZZ_CHECK(strncmp(yl_error(), "fuzz:", 5) == 0 && !first.blocks);
        return 0;
    }
    if (yl__yaml_encode(first.root, &once) == YL_OK) { /* else a key was too long */
        FUZZ_CHECK(yl__yaml_decode(once.data, once.length, "again", &second) == YL_OK);
        FUZZ_CHECK(yl__yaml_encode(second.root, &twice) == YL_OK);
        FUZZ_CHECK(once.length == twice.length && memcmp(once.data, twice.data, (size_t)once.length) == 0);
        yl__document_free(&second);
    }
    yl__document_free(&first);
    yl__text_free(&once);
    yl__text_free(&twice);
    return 0;
}
