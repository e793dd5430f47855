/* The warp kernel against an oracle in double precision that resizes in two passes, as Darknet does, and goes through hue,
 * saturation and value by the book; and boxes against the pixels they enclose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "augment/record.h"
#include "backend/device.h"
#include "core/memory.h"
#include "core/threads.h"
#include "kernels/kernels.h"

static float *run_warp(const yl_record *r, const uint8_t *image)
{
    yl_device *cpu;
    float *out;
    void *scratch;
    assert_int_equal(yl_device_get("cpu", &cpu), YL_OK);
    yl_ctx ctx = yl__ctx(cpu);
    assert_int_equal(yl__alloc(r->warp.w * r->warp.h * 3, sizeof *out, &out), YL_OK);
    assert_int_equal(yl__alloc((int64_t)yl_warp_scratch(r->warp.pane_w), 1, &scratch), YL_OK);
    for (int64_t i = 0; i < r->warp.w * r->warp.h * 3; i++) out[i] = NAN; /* every value is to be written */
    const yl_warp_batch_geom one = {1, r->warp.h, r->warp.w, 1, r->warp.fill, YL_F32};
    assert_int_equal(cpu->kernels->warp(&ctx, &one, &r->warp, &image, out, scratch), YL_OK);
    yl__free(scratch);
    return out;
}

static uint8_t *noise(int64_t w, int64_t h, uint64_t seed)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    uint8_t *image;
    assert_int_equal(yl__alloc(w * h, 3, &image), YL_OK);
    for (int64_t i = 0; i < w * h * 3; i++) image[i] = (uint8_t)yl_rng_below(&rng, 256);
    return image;
}

/* One value of Darknet's resize to W x H: row r of the horizontally resized picture, then between two rows. */
static double horizontal(const uint8_t *image, int64_t w, int64_t W, int64_t x, int64_t y, int k)
{
    if (W == 1) return image[y * w * 3 + k] / 255.0; /* ours: the first, where Darknet takes the last */
    if (x == W - 1 || w == 1) return image[(y * w + w - 1) * 3 + k] / 255.0;
    double at = (double)x * (double)(w - 1) / (double)(W - 1), d = at - floor(at);
    int64_t left = (int64_t)floor(at);
    if (left >= w - 1) return image[(y * w + w - 1) * 3 + k] / 255.0;
    return (1 - d) * image[(y * w + left) * 3 + k] / 255.0 + d * image[(y * w + left + 1) * 3 + k] / 255.0;
}

static double resized(const uint8_t *image, int64_t w, int64_t h, int64_t W, int64_t H, int64_t x, int64_t y, int k)
{
    if (H == 1) return horizontal(image, w, W, x, 0, k);
    if (y == H - 1 || h == 1) return horizontal(image, w, W, x, h - 1, k);
    double at = (double)y * (double)(h - 1) / (double)(H - 1), d = at - floor(at);
    int64_t above = (int64_t)floor(at);
    if (above >= h - 1) return horizontal(image, w, W, x, h - 1, k);
    return (1 - d) * horizontal(image, w, W, x, above, k) + d * horizontal(image, w, W, x, above + 1, k);
}

static void check_stretch(int64_t w, int64_t h, int64_t W, int64_t H, bool flip)
{
    uint8_t *image = noise(w, h, (uint64_t)(w * 1000 + W));
    yl_record r;
    yl_record_stretch(&r, w, h, W, H);
    r.warp.flip = flip;
    float *out = run_warp(&r, image);
    for (int64_t y = 0; y < H; y++)
        for (int64_t x = 0; x < W; x++)
            for (int k = 0; k < 3; k++) {
                double want = resized(image, w, h, W, H, flip ? W - 1 - x : x, y, k);
                assert_true(fabs((double)out[(y * W + x) * 3 + k] - want) < 2e-6);
            }
    yl__free(out);
    yl__free(image);
}

static void stretch_is_darknets_resize(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {{124, 37, 41, 41}, {20, 30, 57, 91}, {16, 16, 16, 16},
                                       {33, 9, 65, 17},   {7, 5, 1, 9},     {1, 1, 5, 4},
                                       {1, 6, 3, 3},      {2, 2, 2, 1},     {50, 3, 32, 32}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int flip = 0; flip < 2; flip++) check_stretch(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], flip);
}

static void letterbox_is_resize_on_grey(void **state)
{
    (void)state;
    const int64_t w = 62, h = 19, W = 41, H = 41, pane_h = 19 * 41 / 62, top = (H - pane_h) / 2;
    uint8_t *image = noise(w, h, 5);
    yl_record r;
    yl_record_letterbox(&r, w, h, W, H);
    float *out = run_warp(&r, image);
    for (int64_t y = 0; y < H; y++)
        for (int64_t x = 0; x < W; x++) {
            bool inside = y >= top && y < top + pane_h;
            double want = inside ? resized(image, w, h, W, pane_h, x, y - top, 1) : 0.5;
            assert_true(fabs((double)out[(y * W + x) * 3 + 1] - want) < 2e-6);
        }
    yl__free(out);
    yl_record_letterbox(&r, 19, 62, 40, 40); /* a tall one leaves grey to the left and right */
    assert_int_equal(r.warp.pane_w, 19 * 40 / 62);
    assert_int_equal(r.warp.pane_x, (40 - 19 * 40 / 62) / 2);
    yl_record_letterbox(&r, 50000, 1, 32, 32); /* never without a single row */
    assert_int_equal(r.warp.pane_h, 1);
    yl__free(image);
}

/* By the book: sectors of the hexagon, bounded at the end. */
static void oracle_colour(double p[3], double hue, double saturation, double exposure)
{
    double high = fmax(p[0], fmax(p[1], p[2])), low = fmin(p[0], fmin(p[1], p[2])), d = high - low, h = 0;
    if (d > 0) h = p[0] == high ? (p[1] - p[2]) / d : p[1] == high ? 2 + (p[2] - p[0]) / d : 4 + (p[0] - p[1]) / d;
    h = h / 6 + hue;
    h = 6 * (h - floor(h));
    double s = (high > 0 ? d / high : 0) * saturation, v = high * exposure, f = h - floor(h);
    double dark = v * (1 - s), fall = v * (1 - s * f), rise = v * (1 - s * (1 - f));
    const double sector[6][3] = {{v, rise, dark}, {fall, v, dark}, {dark, v, rise},
                                 {dark, fall, v}, {rise, dark, v}, {v, dark, fall}};
    for (int k = 0; k < 3; k++) p[k] = fmin(1, fmax(0, sector[(int)floor(h) % 6][k]));
}

static void colours_follow_the_hexagon(void **state)
{
    (void)state;
    static const float changes[][3] = {{.1f, 1, 1},  {-.1f, 1, 1}, {0, 1.5f, 1},      {0, .5f, 1},
                                       {0, 1, 1.5f}, {0, 1, .6f},  {.49f, 1.5f, 1.4f}};
    uint8_t *image = noise(37, 11, 8);
    memset(image, 0, 3); /* black, grey and pure colours are the corners of the formula */
    memset(image + 3, 128, 3);
    memcpy(image + 6, (uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0, 255, 0, 255}, 15);
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        yl_record r;
        yl_record_stretch(&r, 37, 11, 37, 11);
        r.warp.hue = changes[c][0];
        r.warp.saturation = changes[c][1];
        r.warp.exposure = changes[c][2];
        float *out = run_warp(&r, image);
        for (int i = 0; i < 37 * 11; i++) {
            double p[3] = {image[3 * i] / 255.0, image[3 * i + 1] / 255.0, image[3 * i + 2] / 255.0};
            oracle_colour(p, (double)changes[c][0], (double)changes[c][1], (double)changes[c][2]);
            for (int k = 0; k < 3; k++) assert_true(fabs((double)out[3 * i + k] - p[k]) < 5e-6);
        }
        yl__free(out);
    }
    yl__free(image);
}

/* A view that reaches outside the source shows the fill value there, and the source where it lies. */
static void outside_is_fill(void **state)
{
    (void)state;
    uint8_t image[10 * 8 * 3];
    memset(image, 255, sizeof image);
    yl_record r;
    yl_record_stretch(&r, 10, 8, 20, 16);
    r.warp.view_x = -5;
    r.warp.view_w = 20; /* half of the width is outside, a quarter on either side */
    float *out = run_warp(&r, image);
    for (int x = 0; x < 20; x++) {
        double value = (double)out[(8 * 20 + x) * 3];
        assert_true(x < 4 || x > 15 ? value == 0.5 : x > 5 && x < 14 ? value == 1.0 : value >= 0.5);
    }
    yl__free(out);
}

/* The extent of what is bright in the output, in pixels, by the mass of a row and a column through it. */
static yl_box bright_extent(const float *out, int64_t w, int64_t h)
{
    yl_box b = {(double)w, (double)h, 0, 0};
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            if (out[(y * w + x) * 3] > 0.75f) {
                b.x1 = fmin(b.x1, (double)x);
                b.y1 = fmin(b.y1, (double)y);
                b.x2 = fmax(b.x2, (double)x + 1);
                b.y2 = fmax(b.y2, (double)y + 1);
            }
    return b;
}

static void paint(uint8_t *image, int64_t w, int64_t h, yl_box b)
{
    memset(image, 0, (size_t)(w * h * 3));
    for (int64_t y = (int64_t)b.y1; y < (int64_t)b.y2; y++)
        memset(image + (y * w + (int64_t)b.x1) * 3, 255, (size_t)((b.x2 - b.x1) * 3));
}

/* What a painted edge may be off at this scale: a pixel of the output, the half pixel that aligned corners shift at the borders,
 * and the threshold's quarter of a source pixel. */
static double slack(double scale)
{
    return 1.0 + 0.5 * fabs(scale - 1) + 0.25 * scale;
}

/* Boxes and pixels cannot drift: a painted rectangle lies where its box went, for two hundred drawn records; and the way back
 * returns the box. */
static void boxes_follow_pixels(void **state)
{
    (void)state;
    const int64_t w = 200, h = 120;
    const yl_augment_options options = {.flip = true, .jitter = 0.15, .saturation = 1, .exposure = 1};
    uint8_t *image;
    assert_int_equal(yl__alloc(w * h, 3, &image), YL_OK);
    for (uint32_t i = 0; i < 200; i++) {
        yl_rng rng = yl_rng_make(7, 1, i);
        int64_t W = 60 + yl_rng_below(&rng, 240), H = 60 + yl_rng_below(&rng, 240);
        double left = (double)(35 + yl_rng_below(&rng, 60)), top = (double)(25 + yl_rng_below(&rng, 30));
        yl_box box = {left, top, left + (double)(20 + yl_rng_below(&rng, 40)),
                      top + (double)(12 + yl_rng_below(&rng, 30))};
        yl_record r;
        (i % 2 ? yl_record_letterbox : yl_record_stretch)(&r, w, h, W, H);
        yl_augment_all(&options, &rng, &r);
        r.warp.fill = 0;
        paint(image, w, h, box);
        float *out = run_warp(&r, image);
        yl_box seen = bright_extent(out, W, H), went = yl_record_forward(&r, box);
        double sx = slack((double)r.warp.pane_w / r.warp.view_w), sy = slack((double)r.warp.pane_h / r.warp.view_h);
        assert_true(fabs(seen.x1 - went.x1 * (double)W) < sx && fabs(seen.x2 - went.x2 * (double)W) < sx);
        assert_true(fabs(seen.y1 - went.y1 * (double)H) < sy && fabs(seen.y2 - went.y2 * (double)H) < sy);
        double m[4];
        yl_record_inverse(&r, m);
        yl_box back = {m[0] * went.x1 + m[1], m[2] * went.y1 + m[3], m[0] * went.x2 + m[1], m[2] * went.y2 + m[3]};
        assert_true(fabs(fmin(back.x1, back.x2) - box.x1) < 1e-9 && fabs(back.y2 - box.y2) < 1e-9);
        yl__free(out);
    }
    yl__free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretch_is_darknets_resize), cmocka_unit_test(letterbox_is_resize_on_grey),
        cmocka_unit_test(colours_follow_the_hexagon), cmocka_unit_test(outside_is_fill),
        cmocka_unit_test(boxes_follow_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
