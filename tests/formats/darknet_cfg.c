/* Darknet cfg text: sections, options, lines, and refusals with their place; real files where they are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "formats/darknet_cfg.h"

static void refused(const char *text, int64_t size, const char *sentence)
{
    yl_cfg cfg;
    assert_int_equal(yl__cfg_parse(text, size, "x.cfg", &cfg), YL_FORMAT);
    assert_null(cfg.text);
    if (strncmp(yl_error(), sentence, strlen(sentence)) != 0)
        fail_msg("'%s' does not begin with '%s'", yl_error(), sentence);
}

static void refused_text(const char *text, const char *sentence)
{
    refused(text, (int64_t)strlen(text), sentence);
}

static void test_sections(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf# head\r\n[net]\r\nwidth = 416\t\n\n; x\nanchors = 1, 2,  3\n [ yolo ] \nmask=0,1 # comment\n"
        "layers=-1,;8\n[yolo]";
    yl_cfg cfg;
    assert_int_equal(yl__cfg_parse(text, (int64_t)strlen(text), "x.cfg", &cfg), YL_OK);
    assert_int_equal(cfg.n_sections, 3);
    assert_string_equal(cfg.sections[0].kind, "net");
    assert_int_equal(cfg.sections[0].line, 2);
    assert_int_equal(cfg.sections[0].n_options, 2);
    assert_string_equal(cfg.sections[1].kind, "yolo");
    assert_int_equal(cfg.sections[1].line, 7);
    assert_int_equal(cfg.sections[2].n_options, 0);
    const yl_cfg_option *o = yl__cfg_find(&cfg, &cfg.sections[0], "anchors");
    assert_string_equal(o->value, "1, 2,  3");
    assert_int_equal(o->line, 6);
    assert_string_equal(yl__cfg_find(&cfg, &cfg.sections[0], "width")->value, "416");
    assert_null(yl__cfg_find(&cfg, &cfg.sections[0], "mask"));
    assert_string_equal(yl__cfg_at(&cfg, &cfg.sections[1], 0)->value, "0,1");
    assert_string_equal(yl__cfg_at(&cfg, &cfg.sections[1], 1)->value, "-1,;8");
    yl__cfg_free(&cfg);
}

static void test_refusals(void **state)
{
    (void)state;
    char longest[5000];
    memset(longest, 'a', sizeof longest);
    refused_text("", "x.cfg:1: not one [section]");
    refused_text("# only this\n", "x.cfg:1: not one [section]");
    refused_text("\n\nwidth=1\n[net]", "x.cfg:3: expected a [section] before");
    refused_text("[net]\nwidth", "x.cfg:2: expected [section] or key=value, got 'width'");
    refused_text("[net]\n=3", "x.cfg:2: no key");
    refused_text("[net]\nwidth=  # none", "x.cfg:2: 'width' has no value");
    refused_text("[net\na=1", "x.cfg:1: expected [section], got '[net'");
    refused_text("[net] a=1", "x.cfg:1: expected [section]");
    refused_text("[ ]", "x.cfg:1: expected [section]");
    refused_text("[]", "x.cfg:1: expected [section]");
    refused("[net]\na=\0", 9, "x.cfg:2: byte 0x00 at column 3");
    refused("[net]\n\x7f\x03", 8, "x.cfg:2: byte 0x03 at column 2");
    refused(longest, sizeof longest, "x.cfg:1: a line of 5000 bytes");
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    static const char text[] = "[net]\na=1\n[conv]\nb=2\n";
    int failures = 0;
    for (int n = 1; n <= 8; n++) {
        yl_cfg cfg;
        yl__alloc_fail_at(n);
        yl_status status = yl__cfg_parse(text, (int64_t)strlen(text), "x.cfg", &cfg);
        assert_true(status == YL_OK || status == YL_MEMORY);
        failures += status != YL_OK;
        if (status == YL_OK) yl__cfg_free(&cfg);
    }
    yl__alloc_fail_at(0);
    assert_in_range(failures, 4, 7);
}

static bool data_path(const char *name, char *out, size_t size)
{
    const char *data = getenv("YOLUA_DATA"), *source = getenv("YOLUA_SOURCE");
    if (data)
        snprintf(out, size, "%s/%s", data, name);
    else
        snprintf(out, size, "%s/../shared/data/%s", source ? source : ".", name);
    FILE *f = fopen(out, "r");
    if (f) fclose(f);
    return f != NULL;
}

static void test_real_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t sections;
    } files[] = {{"cfg/yolov2.cfg", 33},
                 {"cfg/yolov2-voc.cfg", 33},
                 {"cfg/yolov2-tiny.cfg", 17},
                 {"weights/yolo-lite/coco.cfg", 14},
                 {"weights/yolo-fastest/yolo-fastest-1.1.cfg", 132}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[1024];
        yl_cfg cfg;
        if (!data_path(files[i].name, path, sizeof path)) {
            printf("SKIP: no %s\n", path);
            continue;
        }
        assert_int_equal(yl__cfg_read(path, &cfg), YL_OK);
        assert_int_equal(cfg.n_sections, files[i].sections);
        assert_string_equal(cfg.sections[0].kind, "net");
        yl__cfg_free(&cfg);
    }
    yl_cfg cfg;
    assert_int_equal(yl__cfg_read("absent.cfg", &cfg), YL_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
