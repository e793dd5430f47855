/* Planes as RGB against an oracle in double precision, written from the standards: every pixel is its
 * number, rounded (of two that are equally near, to within 1e-8, either). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "core/rng.h"
#include "image/y4m.h"
#include "image/yuv.h"

/* A plane's value at a place between samples: the first sample lies at luma (x0, y0), the next ones `sx`, `sy` further. */
static double sample(const uint8_t *plane, int64_t w, int64_t h, double x, double y)
{
    x = x < 0 ? 0 : x > (double)(w - 1) ? (double)(w - 1) : x;
    y = y < 0 ? 0 : y > (double)(h - 1) ? (double)(h - 1) : y;
    int64_t x1 = (int64_t)floor(x), y1 = (int64_t)floor(y), x2 = x1 + 1 < w ? x1 + 1 : x1,
            y2 = y1 + 1 < h ? y1 + 1 : y1;
    double u = x - (double)x1, v = y - (double)y1;
    return (1 - v) * ((1 - u) * plane[y1 * w + x1] + u * plane[y1 * w + x2]) +
           v * ((1 - u) * plane[y2 * w + x1] + u * plane[y2 * w + x2]);
}

typedef struct layout {
    const char *word;
    int sx, sy;
    double x0, cb_y0, cr_y0; /* in luma samples */
} layout;

static const layout layouts[] = {
    {"420jpeg", 2, 2, 0.5, 0.5, 0.5}, {"420mpeg2", 2, 2, 0, 0.5, 0.5}, {"420paldv", 2, 2, 0, 1, 0},
    {"422", 2, 1, 0, 0, 0},           {"422jpeg", 2, 1, 0.5, 0, 0},    {"411", 4, 1, 0, 0, 0},
    {"444", 1, 1, 0, 0, 0},           {"mono", 0, 0, 0, 0, 0},
};

static void oracle(const layout *l, int64_t w, int64_t h, bool hd, bool full, const uint8_t *planes, double *out)
{
    const double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114;
    int64_t cw = l->sx ? (w + l->sx - 1) / l->sx : 0, ch = l->sy ? (h + l->sy - 1) / l->sy : 0;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            double luma = planes[y * w + x], cb = 128, cr = 128;
            if (l->sx) {
                double cx = ((double)x - l->x0) / l->sx;
                cb = sample(planes + w * h, cw, ch, cx, ((double)y - l->cb_y0) / l->sy);
                cr = sample(planes + w * h + cw * ch, cw, ch, cx, ((double)y - l->cr_y0) / l->sy);
            }
            double Y = full ? luma / 255 : (luma - 16) / 219, b = (cb - 128) / (full ? 255 : 224),
                   r = (cr - 128) / (full ? 255 : 224);
            double R = Y + 2 * (1 - kr) * r, B = Y + 2 * (1 - kb) * b, G = (Y - kr * R - kb * B) / (1 - kr - kb);
            const double rgb[3] = {R, G, B};
            for (int c = 0; c < 3; c++) {
                *out++ = fmin(fmax(255 * rgb[c], 0), 255);
            }
        }
}

static void compare(const layout *l, int64_t w, int64_t h, yl_yuv_matrix matrix, bool full, uint64_t seed)
{
    char head[128];
    yl_yuv yuv = {.matrix = matrix};
    snprintf(head, sizeof head, "YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C%s XCOLORRANGE=%s", (int)w, (int)h, l->word,
             full ? "FULL" : "LIMITED");
    assert_int_equal(yl__y4m_head(head, "test", &yuv), YL_OK);
    int64_t bytes = yl_yuv_bytes(&yuv);
    uint8_t *planes = malloc((size_t)bytes);
    double *want = malloc((size_t)(w * h * 3) * sizeof *want);
    assert_true(planes && want);
    yl_rng rng = yl_rng_make(seed, 3, 4);
    for (int64_t i = 0; i < bytes; i++) planes[i] = (uint8_t)yl_rng_below(&rng, 256);
    yl_image image;
    assert_int_equal(yl_image_new(w, h, &image), YL_OK);
    assert_int_equal(yl_yuv_to_rgb(&yuv, planes, &image), YL_OK);
    oracle(l, w, h, matrix == YL_YUV_BT709, full, planes, want);
    for (int64_t i = 0; i < w * h * 3; i++) assert_true(fabs(image.data[i] - want[i]) <= 0.5 + 1e-8);
    yl_image_free(&image);
    free(planes);
    free(want);
}

static void every_layout(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{64, 48}, {63, 47}, {1, 1}, {2, 3}, {5, 1}, {1, 6}, {7, 9}};
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int matrix = YL_YUV_BT601; matrix <= YL_YUV_BT709; matrix++)
                for (int full = 0; full < 2; full++)
                    compare(&layouts[l], sizes[s][0], sizes[s][1], matrix, full, 100 * l + 10 * s + (unsigned)full);
}

/* Black, white, grey, and the primaries of BT.601's limited range, by hand. */
static void known_colours(void **state)
{
    (void)state;
    static const uint8_t in[][3] = {{16, 128, 128}, {235, 128, 128}, {126, 128, 128},
                                    {81, 90, 240},  {145, 54, 34},   {41, 240, 110}};
    static const uint8_t want[][3] = {{0, 0, 0},   {255, 255, 255}, {128, 128, 128},
                                      {254, 0, 0}, {0, 255, 1},     {0, 0, 255}};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        yl_yuv yuv = {0};
        yl_image image;
        assert_int_equal(yl__y4m_head("YUV4MPEG2 W1 H1 C444", "test", &yuv), YL_OK);
        assert_int_equal(yl_image_new(1, 1, &image), YL_OK);
        assert_int_equal(yl_yuv_to_rgb(&yuv, in[i], &image), YL_OK);
        assert_memory_equal(image.data, want[i], 3);
        yl_image_free(&image);
    }
}

static void matrix_by_size(void **state)
{
    (void)state;
    static const struct {
        int w, h;
        yl_yuv_matrix matrix;
    } cases[] = {{720, 576, YL_YUV_BT601},  {1242, 375, YL_YUV_BT601}, {1280, 720, YL_YUV_BT709},
                 {1280, 544, YL_YUV_BT709}, {720, 577, YL_YUV_BT709},  {1279, 576, YL_YUV_BT601}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        yl_yuv yuv = {.w = cases[i].w, .h = cases[i].h};
        assert_int_equal(yl_yuv_matrix_of(&yuv), cases[i].matrix);
        yuv.matrix = YL_YUV_BT601;
        assert_int_equal(yl_yuv_matrix_of(&yuv), YL_YUV_BT601);
    }
}

static void memory_runs_out(void **state)
{
    (void)state;
    yl_yuv yuv = {0};
    yl_image image;
    assert_int_equal(yl__y4m_head("YUV4MPEG2 W1 H1 C444", "test", &yuv), YL_OK);
    assert_int_equal(yl_image_new(1, 1, &image), YL_OK);
    yl__alloc_fail_at(1);
    assert_int_equal(yl_yuv_to_rgb(&yuv, (uint8_t[3]){0}, &image), YL_MEMORY);
    yl__alloc_fail_at(0);
    yl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),
        cmocka_unit_test(known_colours),
        cmocka_unit_test(matrix_by_size),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
