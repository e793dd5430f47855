/* Options: no text breaks the parser, what is accepted lies in its range, and its printed form gives the same value
 * again. */
#include "core/options.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

typedef struct sample {
    bool on;
    int64_t count, kind;
    double rate;
    char name[YL_OPTION_TEXT];
    yl_numbers list, size;
} sample;

#define AT(member) YL_MEMBER(sample, member)
static const yl_field fields[] = {
    {"on", YL_OPTION_BOOL, "false", "", "a switch", 0, 0, NULL, NULL, AT(on)},
    {"count", YL_OPTION_INT, "1", "", "a count", -5, 65536, NULL, "number_of", AT(count)},
    {"kind", YL_OPTION_ENUM, "leaky", "", "a choice", 0, 0, "linear|leaky|mish", NULL, AT(kind)},
    {"rate", YL_OPTION_NUMBER, "1e-3", "", "a rate", 0, INFINITY, NULL, "lr0", AT(rate)},
    {"name", YL_OPTION_STRING, NULL, "", "a name", 0, 0, NULL, NULL, AT(name)},
    {"list", YL_OPTION_NUMBERS, "1,2.5", "", "numbers", -1e6, 1e6, NULL, NULL, AT(list)},
    {"size", YL_OPTION_SIZE, "416", "px", "a size", 8, 4096, NULL, "img-size", AT(size)},
};
static const yl_field_table table = YL_FIELD_TABLE("fuzz", fields);

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("on=true"),           FUZZ("count=-5"),     FUZZ("kind=mish"),         FUZZ("rate=.5e-3"),
    FUZZ("name=a b"),          FUZZ("list=[1, 2]"),  FUZZ("size=416x128"),      FUZZ("size={64 32}"),
    FUZZ("list=1,2,3,4,5,6,"), FUZZ("--img_size=4"), FUZZ("count=00000000012"), FUZZ("list={}"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("="),     FUZZ("["),   FUZZ("]"),     FUZZ("{"),     FUZZ("}"),     FUZZ(","),
    FUZZ("x"),     FUZZ("e"),   FUZZ("-"),     FUZZ("0x"),    FUZZ("nan"),   FUZZ("inf"),
    FUZZ("1e308"), FUZZ("yes"), FUZZ("off"),   FUZZ("|"),     FUZZ(" "),     FUZZ("\t"),
    FUZZ("\n"),    FUZZ("%s"),  FUZZ("size="), FUZZ("list="), FUZZ("rate="), FUZZ("1,1,1,1,1,1,1,1,"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static void check_ranges(const sample *s)
{
    FUZZ_CHECK(s->count >= -5 && s->count <= 65536);
    FUZZ_CHECK(s->kind >= 0 && s->kind <= 2);
    FUZZ_CHECK(s->rate >= 0 && isfinite(s->rate));
    FUZZ_CHECK(s->list.count >= 0 && s->list.count <= YL_OPTION_LIST);
    for (int64_t i = 0; i < s->list.count; i++) FUZZ_CHECK(fabs(s->list.at[i]) <= 1e6);
    FUZZ_CHECK(s->size.count == 2 && s->size.at[0] >= 8 && s->size.at[1] <= 4096);
}

static void check_text(const char *key, const sample *s)
{
    char text[YL_OPTION_TEXT * 8], again[YL_OPTION_TEXT * 8];
    sample copy;
    const yl_field *field = yl_option_find(&table, key, NULL);
    yl_options_text(field, s, text, sizeof text);
    FUZZ_CHECK(yl_options_defaults(&table, &copy) == YL_OK);
    yl_value value = {.kind = YL_VALUE_STRING, .string = text};
    FUZZ_CHECK(yl_options_set(&table, &copy, "again", key, &value) == YL_OK);
    yl_options_text(field, &copy, again, sizeof again);
    FUZZ_CHECK(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];
    sample s;
    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *equals = strchr(text, '=');
    if (!equals) return 0;
    *equals = '\0';
    FUZZ_CHECK(yl_options_defaults(&table, &s) == YL_OK);
    yl_value value = {.kind = YL_VALUE_STRING, .string = equals + 1};
    if (yl_options_set(&table, &s, "fuzz", text, &value) == YL_OK)
        check_text(text, &s);
    else
        FUZZ_CHECK(strncmp(yl_error(), "fuzz:", 5) == 0);
    check_ranges(&s);
    return 0;
}
