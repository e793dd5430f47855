/* Darknet cfg text: no input breaks the parser, and its pieces lie in order. */
#include "fuzz.h"
#include "formats/darknet_cfg.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("[net]\r\n# comment\r\nwidth=416\r\nheight = 416\r\n\r\n[convolutional]\r\nfilters=16 ; note\r\n"),
    FUZZ("[region]\nanchors = 1.08,1.19,  3.42,4.41\nclasses=20\n[route]\nlayers=-1, 8"),
    FUZZ("[a]\n[b]\nc=d=e\n"),
    FUZZ(";\n#\n[]\n"),
};
const fuzz_bytes fuzz_words[] = {FUZZ("[net]\n"), FUZZ("="), FUZZ("\n"),    FUZZ("#"),  FUZZ(" "),
                                 FUZZ("\r"),      FUZZ("]"), FUZZ("a=1\n"), FUZZ("\0"), FUZZ(" ;")};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_cfg cfg;
    if (yl__cfg_parse((const char *)data, (int64_t)size, "fuzz", &cfg) != YL_OK) {
        FUZZ_CHECK(strncmp(yl_error(), "fuzz:", 5) == 0 && !cfg.text);
        return 0;
    }
    int64_t n = 0, line = 0;
    FUZZ_CHECK(cfg.n_sections > 0);
    for (int64_t s = 0; s < cfg.n_sections; s++) {
        const yl_cfg_section *section = &cfg.sections[s];
        FUZZ_CHECK(section->first == n && section->line > line && *section->kind);
        line = section->line;
        for (int64_t i = 0; i < section->n_options; i++, n++) {
            const yl_cfg_option *o = yl__cfg_at(&cfg, section, i);
            FUZZ_CHECK(o->line > line && *o->key && *o->value && yl__cfg_find(&cfg, section, o->key) == o);
            line = o->line;
        }
    }
    FUZZ_CHECK(n == cfg.n_options);
    yl__cfg_free(&cfg);
    return 0;
}
