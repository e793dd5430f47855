/* The one parser of options: what each type accepts, what it refuses, and the sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"

typedef struct {
    bool on;
    int64_t filters, kind;
    double rate;
    char name[YL_OPTION_TEXT];
    yl_numbers anchors, size;
    double share;
    uint8_t level;
    int16_t shift;
    uint32_t step;
    const char *slab;
    enum { COLD, WARM, HOT } heat;
    bool strict;
    int64_t sides;
} sample;

#define AT(member) YL_MEMBER(sample, member)
static const yl_field fields[] = {
    {"on", YL_OPTION_BOOL, "false", "", "a switch", 0, 0, NULL, NULL, AT(on)},
    {"filters", YL_OPTION_INT, "1", "", "output channels", 1, 65536, NULL, "out_channels n-filters", AT(filters)},
    {"kind", YL_OPTION_ENUM, "leaky", "", "activation", 0, 0, "linear|leaky|mish", NULL, AT(kind)},
    {"rate", YL_OPTION_NUMBER, "1e-3", "1/step", "learning rate", 0, INFINITY, NULL, "lr0", AT(rate)},
    {"name", YL_OPTION_STRING, NULL, "", "a name", 0, 0, NULL, NULL, AT(name)},
    {"anchors", YL_OPTION_NUMBERS, "1,2.5", "", "anchors", 0, 0, NULL, NULL, AT(anchors)},
    {"size", YL_OPTION_SIZE, "416", "px", "input size", 32, 4096, NULL, "img-size", AT(size)},
    {"share", YL_OPTION_NUMBER, "0.5", "", "a share", 0, 1, NULL, NULL, AT(share)},
    {"level", YL_OPTION_INT, "7", "", "an integer of one byte", 0, 1e6, NULL, NULL, AT(level)},
    {"shift", YL_OPTION_INT, "-2", "", "an integer with a sign", -1e6, 1e6, NULL, NULL, AT(shift)},
    {"step", YL_OPTION_INT, "0", "", "an integer of four bytes", 0, INFINITY, NULL, NULL, AT(step)},
    {"slab", YL_OPTION_STRING, NULL, "", "a borrowed text", 0, 0, NULL, NULL, AT(slab)},
    {"heat", YL_OPTION_ENUM, "warm", "", "an enum", 0, 0, "cold|warm|hot", NULL, AT(heat)},
    {"compare", YL_OPTION_ENUM, "ge", "", "one of two words, as a bool", 0, 0, "ge|gt", NULL, AT(strict)},
    {"sides", YL_OPTION_FLAGS, "right", "", "any of three words", 0, 0, "left|right|up", NULL, AT(sides)},
};
static const yl_field_table table = YL_FIELD_TABLE("conv2d", fields);

static yl_status set(sample *s, const char *key, const char *text)
{
    yl_value v = {.kind = YL_VALUE_STRING, .string = text};
    return yl_options_set(&table, s, "x.cfg:12", key, &v);
}

static void refuses(const char *key, const char *text, const char *sentence)
{
    sample s;
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    assert_int_equal(set(&s, key, text), YL_INVALID);
    assert_string_equal(yl_error(), sentence);
}

static void reads_back(const char *key, const char *text, const char *shown)
{
    sample s;
    char out[YL_OPTION_TEXT * 8];
    const yl_field *f = yl_option_find(&table, key, NULL);
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    if (set(&s, key, text) != YL_OK) fail_msg("%s=%s: %s", key, text, yl_error());
    yl_options_text(f, &s, out, sizeof out);
    assert_string_equal(out, shown);
    assert_int_equal(set(&s, key, out), YL_OK); /* the printed text gives the same value again */
}

static void test_defaults(void **state)
{
    (void)state;
    sample s;
    memset(&s, 0xAB, sizeof s);
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    assert_false(s.on);
    assert_int_equal(s.filters, 1);
    assert_int_equal(s.kind, 1);
    assert_true(s.rate == 1e-3);
    assert_string_equal(s.name, "");
    assert_int_equal(s.anchors.count, 2);
    assert_true(s.anchors.at[1] == 2.5);
    assert_true(s.size.count == 2 && s.size.at[0] == 416 && s.size.at[1] == 416);
}

static void test_flags(void **state)
{
    (void)state;
    sample s;
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    assert_int_equal(s.sides, 2);
    assert_int_equal(set(&s, "sides", "up,left"), YL_OK);
    assert_int_equal(s.sides, 5);
    assert_int_equal(set(&s, "sides", "none"), YL_OK);
    assert_int_equal(s.sides, 0);
    reads_back("sides", "up left", "left,up");
    reads_back("sides", "none", "none");
    refuses("sides", "up,lfet",
            "x.cfg:12: option 'sides': expected none, or some of left|right|up (a,b), got 'up,lfet': there is no "
            "'lfet', did you mean 'left'?");
    refuses("sides", "3", "x.cfg:12: option 'sides': expected none, or some of left|right|up (a,b), got 3");
}

static void test_members_of_any_width(void **state)
{
    (void)state;
    sample s;
    memset(&s, 0xAB, sizeof s);
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    assert_true(s.level == 7 && s.shift == -2 && s.step == 0 && !s.slab && s.heat == WARM && !s.strict);
    char text[] = "ema";
    assert_int_equal(set(&s, "level", "255"), YL_OK);
    assert_int_equal(set(&s, "shift", "-300"), YL_OK);
    assert_int_equal(set(&s, "step", "4294967295"), YL_OK);
    assert_int_equal(set(&s, "slab", text), YL_OK);
    assert_int_equal(set(&s, "heat", "hot"), YL_OK);
    assert_int_equal(set(&s, "compare", "gt"), YL_OK);
    assert_true(s.level == 255 && s.shift == -300 && s.step == UINT32_MAX && s.slab == text && s.heat == HOT &&
                s.strict);
    reads_back("level", "200", "200");
    reads_back("shift", "-32768", "-32768");
    reads_back("step", "4000000000", "4000000000");
    reads_back("slab", "grad", "grad");
    reads_back("heat", "cold", "cold");
    reads_back("compare", "gt", "gt");
    refuses("level", "256", "x.cfg:12: option 'level': 256 does not fit into 8 bits");
    refuses("shift", "40000", "x.cfg:12: option 'shift': 40000 does not fit into 16 bits");
    refuses("step", "4294967296", "x.cfg:12: option 'step': 4294967296 does not fit into 32 bits");
    refuses("compare", "lt", "x.cfg:12: option 'compare': expected one of ge|gt, got 'lt', did you mean 'gt'?");
    assert_true(yl_option_required(yl_option_find(&table, "name", NULL)));
    assert_false(yl_option_required(yl_option_find(&table, "slab", NULL)));
}

static void test_spellings(void **state)
{
    (void)state;
    reads_back("on", "true", "true");
    reads_back("on", "Yes", "true");
    reads_back("on", "0", "false");
    reads_back("filters", " 64 ", "64");
    reads_back("filters", "1e3", "1000");
    reads_back("kind", "mish", "mish");
    reads_back("rate", ".5", "0.5");
    reads_back("rate", "0.1", "0.1");
    reads_back("share", "1", "1");
    reads_back("share", "0", "0");
    reads_back("name", "a b", "a b");
    reads_back("anchors", "[1, 2 ,3]", "1,2,3");
    reads_back("anchors", "{1 2}", "1,2");
    reads_back("anchors", "", "");
    reads_back("size", "416x128", "416,128");
    reads_back("size", "[416,128]", "416,128");
    reads_back("size", "64", "64,64");
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("filters", "-16", "x.cfg:12: option 'filters': expected an integer in 1..65536, got -16");
    refuses("filters", "999999999999", "x.cfg:12: option 'filters': expected an integer in 1..65536, got 999999999999");
    refuses("filters", "99999999999999999999",
            "x.cfg:12: option 'filters': expected an integer in 1..65536, got 99999999999999999999");
    refuses("filters", "3.5", "x.cfg:12: option 'filters': expected an integer in 1..65536, got 3.5");
    refuses("filters", "", "x.cfg:12: option 'filters': expected an integer in 1..65536, got ''");
    refuses("filters", "0x10", "x.cfg:12: option 'filters': expected an integer in 1..65536, got '0x10'");
    refuses("rate", "fast", "x.cfg:12: option 'rate': expected a number of at least 0 (1/step), got 'fast'");
    refuses("rate", "nan", "x.cfg:12: option 'rate': expected a number of at least 0 (1/step), got 'nan'");
    refuses("share", "1.5", "x.cfg:12: option 'share': expected a number in 0..1, got 1.5");
    refuses("share", "-1e-9", "x.cfg:12: option 'share': expected a number in 0..1, got -1e-9");
    refuses("anchors", "[1,2}", "x.cfg:12: option 'anchors': expected numbers (1,2,3), got '[1,2}'");
    refuses("on", "2", "x.cfg:12: option 'on': expected true or false, got 2");
    refuses("kind", "leeky",
            "x.cfg:12: option 'kind': expected one of linear|leaky|mish, got 'leeky', did you mean 'leaky'?");
    refuses("kind", "leaky|mish", "x.cfg:12: option 'kind': expected one of linear|leaky|mish, got 'leaky|mish'");
    refuses("anchors", "1,x", "x.cfg:12: option 'anchors': expected numbers (1,2,3), got '1,x'");
    refuses("anchors", "[1,2", "x.cfg:12: option 'anchors': expected numbers (1,2,3), got '[1,2'");
    refuses("anchors", "[1],2", "x.cfg:12: option 'anchors': expected numbers (1,2,3), got '[1],2'");
    const char *size = "expected a size in pixels (416x416, [width,height] or one number), each in 32..4096, got";
    char sentence[256];
    snprintf(sentence, sizeof sentence, "x.cfg:12: option 'size': %s '416x8'", size);
    refuses("size", "416x8", sentence);
    snprintf(sentence, sizeof sentence, "x.cfg:12: option 'size': %s '64x64x64'", size);
    refuses("size", "64x64x64", sentence);
    snprintf(sentence, sizeof sentence, "x.cfg:12: option 'size': %s 64.5", size);
    refuses("size", "64.5", sentence);
}

static void test_unknown(void **state)
{
    (void)state;
    refuses("fitlers", "3", "x.cfg:12: conv2d: unknown option 'fitlers', did you mean 'filters'?");
    refuses("lr0", "3", "x.cfg:12: conv2d: unknown option 'lr0', did you mean 'rate'?");
    refuses("--img_size", "3", "x.cfg:12: conv2d: unknown option '--img_size', did you mean 'size'?");
    refuses("n_filters", "3", "x.cfg:12: conv2d: unknown option 'n_filters', did you mean 'filters'?");
    refuses("wavelength", "3", "x.cfg:12: conv2d: unknown option 'wavelength'");
    const char *suggestion = "x";
    assert_non_null(yl_option_find(&table, "filters", &suggestion));
    assert_null(suggestion);
    assert_null(yl_option_find(&table, "size ", &suggestion));
    assert_string_equal(suggestion, "size");
}

static void test_values(void **state)
{
    (void)state;
    yl_value v = {.kind = YL_VALUE_NUMBER, .number = 8.0}, out;
    assert_int_equal(yl_option_check(&fields[1], NULL, &v, &out), YL_OK);
    assert_true(out.kind == YL_VALUE_INT && out.integer == 8);
    v.number = NAN;
    assert_int_equal(yl_option_check(&fields[1], NULL, &v, &out), YL_INVALID);
    assert_string_equal(yl_error(), "option 'filters': expected an integer in 1..65536, got nan");
    v = (yl_value){.kind = YL_VALUE_BOOL, .boolean = true};
    assert_int_equal(yl_option_check(&fields[3], "a.lua:3", &v, &out), YL_INVALID);
    assert_string_equal(yl_error(), "a.lua:3: option 'rate': expected a number of at least 0 (1/step), got true");
    v = (yl_value){.kind = YL_VALUE_INT, .integer = 3};
    assert_int_equal(yl_option_check(&fields[4], NULL, &v, &out), YL_INVALID);
    assert_string_equal(yl_error(), "option 'name': expected a text, got 3");
    assert_int_equal(yl_option_check(&fields[6], NULL, &(yl_value){.kind = YL_VALUE_INT, .integer = 64}, &v), YL_OK);
    assert_true(v.numbers.count == 2 && v.numbers.at[1] == 64);
}

static void test_long_values(void **state)
{
    (void)state;
    char text[1000], list[1000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    refuses("name", text, "x.cfg:12: option 'name': expected a string of at most 127 bytes, got 999");
    for (int i = 0; i < 100; i++) memcpy(list + 2 * i, "1,", 3);
    sample s;
    assert_int_equal(yl_options_defaults(&table, &s), YL_OK);
    assert_int_equal(set(&s, "anchors", list), YL_INVALID); /* more numbers than a list holds */
    assert_int_equal(set(&s, "anchors", text), YL_INVALID);
    char choice[YL_OPTION_TEXT];
    yl_option_choice(&fields[2], 2, choice);
    assert_string_equal(choice, "mish");
    yl_option_choice(&fields[2], 3, choice);
    assert_string_equal(choice, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_members_of_any_width),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
