/* What leaves the image room when memory runs out: every allocation of a plot, a JPEG, a scaled copy, drawn marks and a look at
 * files fails once; each failure is said, and nothing leaks (a sanitizer build tells). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "image/check.h"
#include "image/draw.h"
#include "image/encode.h"
#include "image/plot.h"

static yl_status plot_as(const char *path)
{
    const double x[] = {1, 2, 3, 4}, y[] = {4, 2, 3, 1};
    const yl_series series[] = {{.name = "a", .x = x, .y = y, .count = 4},
                                {.name = "b & c", .x = x, .y = x, .count = 4}};
    const yl_plot plot = {.title = "t", .xlabel = "x", .ylabel = "y", .series = series, .count = 2};
    return yl_plot_write(&plot, path);
}

static yl_status svg(void)
{
    return plot_as("output_test.svg");
}

static yl_status pixels(void)
{
    return plot_as("output_test_plot.png");
}

static yl_status with_image(yl_status (*use)(yl_image *image))
{
    yl_image image;
    YL_TRY(yl_image_new(64, 48, &image));
    memset(image.data, 90, (size_t)yl_image_bytes(&image));
    yl_status status = use(&image);
    yl_image_free(&image);
    return status;
}

static yl_status use_jpeg(yl_image *image)
{
    void *bytes = NULL;
    int64_t size = 0;
    YL_TRY(yl_image_encode_jpeg(image, 80, &bytes, &size));
    assert_true(size > 100);
    yl__free(bytes);
    return YL_OK;
}

static yl_status use_fit(yl_image *image)
{
    yl_image small;
    YL_TRY(yl_image_fit(image, 20, 20, &small));
    assert_int_equal(small.w, 20);
    assert_int_equal(small.h, 15);
    yl_image_free(&small);
    return YL_OK;
}

static yl_status use_draw(yl_image *image)
{
    const yl_mark marks[] = {{.box = {5, 5, 40, 40}, .label = "car", .role = YL_ROLE_hit},
                             {.box = {5, 5, 40, 40}, .label = "van", .role = YL_ROLE_miss}};
    return yl_image_draw(image, marks, 2);
}

static yl_status jpeg(void)
{
    return with_image(use_jpeg);
}

static yl_status fit(void)
{
    return with_image(use_fit);
}

static yl_status draw(void)
{
    return with_image(use_draw);
}

/* A picture, a file that is not one, and a missing file. */
static yl_status check(void)
{
    const char *const paths[] = {"output_test_plot.png", "output_test.svg", "output_test_absent.png"};
    yl_image_fact facts[3];
    yl_status status = yl_images_check(paths, 3, 1, facts);
    if (!status) {
        assert_int_equal(facts[0].status, YL_OK);
        assert_true(facts[0].w == 480 && facts[0].h == 320 && strcmp(facts[0].kind, "PNG") == 0);
        assert_int_equal(facts[1].status, YL_FORMAT);
        assert_int_equal(facts[2].status, YL_IO);
    }
    for (int i = 0; i < 3; i++) yl__free(facts[i].sentence);
    return status;
}

/* `late`: allocations at the end whose failure is passed over, the file being in place by then (its folder is not synced). */
static void fails_at_each_allocation(yl_status (*run)(void), int64_t late)
{
    int64_t before = yl__alloc_count();
    assert_int_equal(run(), YL_OK);
    int64_t total = yl__alloc_count() - before;
    assert_true(total > 1);
    for (int64_t n = 1; n <= total - late; n++) {
        yl__alloc_fail_at(n);
        yl_status status = run();
        yl__alloc_fail_at(0);
        if (status != YL_MEMORY) fail_msg("allocation %d: expected MEMORY, got status %d", (int)n, (int)status);
        assert_true(strlen(yl_error()) > 0);
    }
}

static void plots(void **state)
{
    (void)state;
    fails_at_each_allocation(svg, 1);
    fails_at_each_allocation(pixels, 1);
}

static void pictures(void **state)
{
    (void)state;
    fails_at_each_allocation(jpeg, 0);
    fails_at_each_allocation(fit, 0);
    fails_at_each_allocation(draw, 0);
}

/* A look that runs out of memory at one file says so of that file or of all: it never passes as looked at. */
static void looks(void **state)
{
    (void)state;
    assert_int_equal(svg(), YL_OK);
    assert_int_equal(pixels(), YL_OK);
    assert_int_equal(check(), YL_OK);
    for (int64_t n = 1; n < 20; n++) {
        const char *const path = "output_test_plot.png";
        yl_image_fact fact;
        yl__alloc_fail_at(n);
        yl_status status = yl_images_check(&path, 1, 1, &fact);
        yl__alloc_fail_at(0);
        if (!status && !fact.status) break;
        assert_true(status == YL_MEMORY || fact.status == YL_MEMORY);
        yl__free(fact.sentence);
        assert_true(n < 19);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plots), cmocka_unit_test(pictures), cmocka_unit_test(looks)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove("output_test.svg");
    remove("output_test_plot.png");
    return failed;
}
