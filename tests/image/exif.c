/* EXIF: the tag is found in both formats and byte orders, pictures are turned as the standard's eight cases say, and what is damaged
 * says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <spng.h>

#include "core/file.h"
#include "core/memory.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/exif.h"

/* A TIFF structure with `before` entries of another tag, then the orientation. */
static size_t make_tiff(uint8_t *out, bool little, int before, int type, uint32_t count, uint32_t value)
{
    size_t n = 0;
    memcpy(out, little ? "II" : "MM", 2), n = 2;
#define PUT(bytes, v)                                                                                                  \
    for (int i = 0; i < (bytes); i++) out[n++] = (uint8_t)((uint32_t)(v) >> 8 * (little ? i : (bytes)-1 - i))
    PUT(2, 42);
    PUT(4, 8);
    PUT(2, before + 1);
    for (int k = 0; k <= before; k++) {
        PUT(2, k < before ? 0x010f : 0x0112);
        PUT(2, k < before ? 2 : type);
        PUT(4, k < before ? 3 : count);
        if (type == 3) {
            PUT(2, k < before ? 9 : value);
            PUT(2, 0);
        } else {
            PUT(4, value);
        }
    }
    PUT(4, 0);
    return n;
}

static uint8_t *jpeg_bytes(int64_t *size)
{
    yl_image image;
    void *bytes;
    assert_int_equal(yl_image_new(24, 16, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(i * 7);
    assert_int_equal(yl_image_encode_jpeg(&image, 95, &bytes, size), YL_OK);
    yl_image_free(&image);
    return bytes;
}

/* The JPEG with an APP1 block behind its first two bytes; release with free. */
static uint8_t *with_exif(const uint8_t *tiff, size_t n, int64_t *size)
{
    uint8_t *jpeg = jpeg_bytes(size), *out = malloc((size_t)*size + n + 10);
    assert_non_null(out);
    const size_t length = n + 8;
    memcpy(out, jpeg, 2);
    memcpy(out + 2, (uint8_t[]){0xff, 0xe1, (uint8_t)(length >> 8), (uint8_t)length, 'E', 'x', 'i', 'f', 0, 0}, 10);
    memcpy(out + 12, tiff, n);
    memcpy(out + 12 + n, jpeg + 2, (size_t)*size - 2);
    yl__free(jpeg);
    *size += (int64_t)n + 10;
    return out;
}

static int of_jpeg(bool little, int before, int type, uint32_t count, uint32_t value)
{
    uint8_t tiff[256];
    int64_t size;
    size_t n = make_tiff(tiff, little, before, type, count, value);
    uint8_t *jpeg = with_exif(tiff, n, &size);
    int found = yl_exif_orientation(jpeg, size);
    yl_image image;
    yl_image_note note;
    assert_int_equal(yl_image_decode_noted(jpeg, size, "made.jpg", &image, &note), YL_OK);
    assert_int_equal(note.orientation, found);
    assert_true(image.w == 24 && image.h == 16); /* told, not obeyed */
    yl_image_free(&image);
    free(jpeg);
    return found;
}

static void jpeg_orientations(void **state)
{
    (void)state;
    for (int o = 1; o <= 8; o++)
        for (int little = 0; little < 2; little++) {
            assert_int_equal(of_jpeg(little, 0, 3, 1, (uint32_t)o), o);
            assert_int_equal(of_jpeg(little, 5, 3, 1, (uint32_t)o), o);
        }
    assert_int_equal(of_jpeg(true, 0, 4, 1, 6), 6);
    assert_int_equal(of_jpeg(true, 0, 3, 1, 0), 0);
    assert_int_equal(of_jpeg(true, 0, 3, 1, 9), 0);
    assert_int_equal(of_jpeg(false, 0, 3, 2, 6), 0);
    assert_int_equal(of_jpeg(false, 0, 2, 1, 6), 0);
}

static void *png_bytes(int orientation, bool little, size_t *size)
{
    uint8_t tiff[64], pixels[6 * 4 * 3] = {0};
    int code;
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr head = {.width = 6, .height = 4, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    struct spng_exif exif = {.data = (char *)tiff, .length = make_tiff(tiff, little, 1, 3, 1, (uint32_t)orientation)};
    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    assert_int_equal(spng_set_ihdr(ctx, &head), 0);
    assert_int_equal(spng_set_exif(ctx, &exif), 0);
    assert_int_equal(spng_encode_image(ctx, pixels, sizeof pixels, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    void *png = spng_get_png_buffer(ctx, size, &code);
    spng_ctx_free(ctx);
    return png;
}

static void png_orientations(void **state)
{
    (void)state;
    for (int o = 1; o <= 8; o++) {
        size_t size;
        void *png = png_bytes(o, o % 2 == 0, &size);
        assert_int_equal(yl_exif_orientation(png, (int64_t)size), o);
        free(png);
    }
}

/* Every prefix, and every byte changed: an answer of 0 to 8, within the bytes (the sanitizers look). */
static void damaged(void **state)
{
    (void)state;
    uint8_t tiff[256];
    int64_t size;
    size_t n = make_tiff(tiff, false, 1, 3, 1, 6);
    uint8_t *jpeg = with_exif(tiff, n, &size);
    int64_t head = 12 + (int64_t)n + 4;
    for (int64_t cut = 0; cut < head; cut++) {
        uint8_t *exact = malloc((size_t)cut + 1);
        assert_non_null(exact);
        memcpy(exact, jpeg, (size_t)cut);
        int found = yl_exif_orientation(exact, cut);
        assert_true(found == 0 || (found == 6 && cut >= head - 8));
        free(exact);
    }
    for (int64_t at = 0; at < head; at++)
        for (int v = 0; v < 256; v += 15) {
            uint8_t was = jpeg[at];
            jpeg[at] = (uint8_t)v;
            assert_in_range(yl_exif_orientation(jpeg, size), 0, 8);
            jpeg[at] = was;
        }
    free(jpeg);
}

/* What each orientation looks like, written out: a picture of 3 x 2, its pixels a to f. */
static void turning(void **state)
{
    (void)state;
    static const char *const upright[9] = {"abcdef", "abcdef", "cbafed", "fedcba", "defabc",
                                           "adbecf", "daebfc", "fcebda", "cfbead"};
    for (int o = 0; o <= 8; o++) {
        yl_image image;
        assert_int_equal(yl_image_new(3, 2, &image), YL_OK);
        for (int i = 0; i < 6; i++) memset(image.data + 3 * i, 'a' + i, 3);
        assert_int_equal(yl_image_turn(&image, o), YL_OK);
        assert_int_equal(image.w, o >= 5 ? 2 : 3);
        assert_int_equal(image.h, o >= 5 ? 3 : 2);
        for (int i = 0; i < 18; i++) assert_int_equal(image.data[i], upright[o][i / 3]);
        yl_image_free(&image);
    }
}

static void files(void **state)
{
    (void)state;
    uint8_t tiff[256];
    int64_t size, w, h;
    size_t n = make_tiff(tiff, true, 0, 3, 1, 6);
    uint8_t *jpeg = with_exif(tiff, n, &size);
    yl_image image;
    yl_image_note note;
    assert_int_equal(yl__file_write("exif_test.jpg", jpeg, size), YL_OK);
    for (int upright = 0; upright < 2; upright++) {
        assert_int_equal(yl_image_load("exif_test.jpg", upright, &image), YL_OK);
        assert_int_equal(yl_image_probe_noted("exif_test.jpg", upright, &w, &h, &note), YL_OK);
        assert_true(image.w == w && image.h == h && w == (upright ? 16 : 24) && note.orientation == 6);
        yl_image_free(&image);
    }
    yl__alloc_fail_at(3); /* the file, the pixels, the turned pixels */
    assert_int_equal(yl_image_load("exif_test.jpg", true, &image), YL_MEMORY);
    yl__alloc_fail_at(0);
    assert_null(image.data);
    remove("exif_test.jpg");
    free(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_orientations),
        cmocka_unit_test(png_orientations),
        cmocka_unit_test(damaged),
        cmocka_unit_test(turning),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
