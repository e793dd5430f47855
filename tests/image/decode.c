/* Decoding by content: every colour type of both formats, and the ways in which a file can be no picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jpeglib.h>
#include <spng.h>

#include "core/file.h"
#include "core/memory.h"
#include "image/decode.h"
#include "image/encode.h"

static void *make_png(int type, int depth, const void *pixels, size_t bytes, int w, int h, size_t *size)
{
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr head = {
        .width = (uint32_t)w, .height = (uint32_t)h, .bit_depth = (uint8_t)depth, .color_type = (uint8_t)type};
    struct spng_plte palette = {.n_entries = 3, .entries = {{255, 0, 0, 0}, {0, 200, 0, 0}, {1, 2, 3, 0}}};
    int code;
    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    assert_int_equal(spng_set_ihdr(ctx, &head), 0);
    if (type == SPNG_COLOR_TYPE_INDEXED) assert_int_equal(spng_set_plte(ctx, &palette), 0);
    assert_int_equal(spng_encode_image(ctx, pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    void *png = spng_get_png_buffer(ctx, size, &code);
    spng_ctx_free(ctx);
    return png;
}

static void expect_png(int type, int depth, const void *pixels, size_t bytes, const uint8_t want[6])
{
    size_t size;
    void *png = make_png(type, depth, pixels, bytes, 2, 1, &size);
    yl_image image;
    assert_int_equal(yl_image_decode_bytes(png, (int64_t)size, "made.png", &image), YL_OK);
    assert_int_equal(image.w, 2);
    assert_int_equal(image.h, 1);
    assert_memory_equal(image.data, want, 6);
    yl_image_free(&image);
    free(png);
}

static void png_colour_types(void **state)
{
    (void)state;
    expect_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, (uint8_t[]){1, 2, 3, 4, 5, 6}, 6, (uint8_t[]){1, 2, 3, 4, 5, 6});
    expect_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, (uint8_t[]){7, 200}, 2, (uint8_t[]){7, 7, 7, 200, 200, 200});
    expect_png(SPNG_COLOR_TYPE_GRAYSCALE, 1, (uint8_t[]){0x40}, 1, (uint8_t[]){0, 0, 0, 255, 255, 255});
    expect_png(SPNG_COLOR_TYPE_GRAYSCALE, 16, (uint16_t[]){0x1234, 0xff00}, 4,
               (uint8_t[]){0x12, 0x12, 0x12, 255, 255, 255});
    expect_png(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, (uint8_t[]){9, 0, 8, 255}, 4, (uint8_t[]){9, 9, 9, 8, 8, 8});
    expect_png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, (uint8_t[]){1, 2, 3, 0, 4, 5, 6, 128}, 8,
               (uint8_t[]){1, 2, 3, 4, 5, 6});
    expect_png(SPNG_COLOR_TYPE_INDEXED, 8, (uint8_t[]){2, 1}, 2, (uint8_t[]){1, 2, 3, 0, 200, 0});
}

/* Quality 100 of a flat picture keeps colours to a few levels. `orientation` adds an EXIF block that says "turn it". */
static unsigned char *make_jpeg(J_COLOR_SPACE in, int channels, const uint8_t *colour, int w, int h, bool exif,
                                unsigned long *size)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    static const unsigned char turn[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    unsigned char *out = NULL;
    uint8_t *row = malloc((size_t)(w * channels));
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &out, size);
    info.image_width = (JDIMENSION)w;
    info.image_height = (JDIMENSION)h;
    info.input_components = channels;
    info.in_color_space = in;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 100, TRUE);
    jpeg_start_compress(&info, TRUE);
    if (exif) jpeg_write_marker(&info, JPEG_APP0 + 1, turn, sizeof turn - 1);
    for (int x = 0; x < w; x++) memcpy(row + x * channels, colour, (size_t)channels);
    for (int y = 0; y < h; y++) jpeg_write_scanlines(&info, &row, 1);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    free(row);
    return out;
}

static void expect_jpeg(J_COLOR_SPACE in, int channels, const uint8_t *colour, bool exif, int r, int g, int b)
{
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(in, channels, colour, 20, 9, exif, &size);
    yl_image image;
    assert_int_equal(yl_image_decode_bytes(jpeg, (int64_t)size, "made.jpg", &image), YL_OK);
    assert_int_equal(image.w, 20);
    assert_int_equal(image.h, 9);
    const int want[3] = {r, g, b};
    for (int i = 0; i < 20 * 9 * 3; i++) assert_in_range(image.data[i] + 3, want[i % 3], want[i % 3] + 6);
    yl_image_free(&image);
    free(jpeg);
}

static void jpeg_colour_types(void **state)
{
    (void)state;
    expect_jpeg(JCS_RGB, 3, (uint8_t[]){200, 30, 90}, false, 200, 30, 90);
    expect_jpeg(JCS_GRAYSCALE, 1, (uint8_t[]){77}, false, 77, 77, 77);
    expect_jpeg(JCS_CMYK, 4, (uint8_t[]){255, 100, 0, 255}, false, 255, 100, 0); /* Adobe: inverted ink */
    expect_jpeg(JCS_CMYK, 4, (uint8_t[]){255, 100, 0, 51}, false, 51, 20, 0);
    expect_jpeg(JCS_RGB, 3, (uint8_t[]){10, 20, 250}, true, 10, 20, 250); /* the orientation tag turns nothing */
}

static void expect_failure(const void *bytes, size_t size, const char *word)
{
    yl_image image = {0};
    assert_int_equal(yl_image_decode_bytes(bytes, (int64_t)size, "some.png", &image), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "some.png"));
    assert_non_null(strstr(yl_error(), word));
    assert_null(image.data);
}

static void damaged_png(void **state)
{
    (void)state;
    uint8_t pixels[40 * 30 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i >> 3);
    size_t size;
    uint8_t *png = make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, pixels, sizeof pixels, 40, 30, &size);
    for (size_t cut = 8; cut < size; cut += 37) expect_failure(png, cut, "PNG");
    for (size_t at = 16; at < size; at += 29) { /* every byte after the signature is covered by a checksum */
        png[at] ^= 0x55;
        expect_failure(png, size, "some.png: ");
        png[at] ^= 0x55;
    }
    free(png);
}

/* A head of 65535x65500 pixels with its right checksum: refused before any memory is asked for. */
static void huge_head(void **state)
{
    (void)state;
    static const uint8_t head[] = {0x89, 'P',  'N',  'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I',  'H',  'D',  'R', 0,
                                   0,    0xff, 0xff, 0,   0,    0xff, 0xdc, 8,    2, 0, 0, 0,  0xb8, 0x5f, 0x39, 0x9f};
    expect_failure(head, sizeof head, "out of range");
    int64_t w, h;
    assert_int_equal(yl_image_probe_bytes(head, sizeof head, "some.png", &w, &h), YL_FORMAT);
}

static void damaged_jpeg(void **state)
{
    (void)state;
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(JCS_RGB, 3, (uint8_t[]){200, 30, 90}, 64, 48, false, &size);
    for (unsigned long cut = 3; cut < size - 2; cut += 11) expect_failure(jpeg, cut, "JPEG");
    expect_failure(jpeg, size - 2, "Premature end");
    for (unsigned long at = 2; at + 9 < size; at++)
        if (jpeg[at] == 0xff && jpeg[at + 1] == 0xc0) memcpy(jpeg + at + 5, (uint8_t[]){0x10, 0, 0x20, 0}, 4);
    expect_failure(jpeg, size, "8192x4096 pixels cannot come out of");
    free(jpeg);
}

static void no_picture(void **state)
{
    (void)state;
    expect_failure("", 0, "empty");
    expect_failure("hello\n", 6, "not a picture");
    expect_failure("BM\x01\x02", 4, "expected PNG or JPEG");
    expect_failure("BMW is a car", 12, "not a picture");
    static const struct {
        const char *kind, *bytes;
        size_t size;
    } others[] = {
        {"WebP picture", "RIFF\x24\0\0\0WEBPVP8 ", 16},
        {"BMP picture", "BM\x36\x10\0\0\0\0\0\0\x36\0\0\0", 14},
        {"TIFF picture", "II*\0\x08\0\0\0", 8},
        {"TIFF picture", "MM\0*\0\0\0\x08", 8},
        {"GIF picture", "GIF89a\x01\0\x01\0", 10},
        {"HEIC picture",
         "\0\0\0\x18"
         "ftypheic",
         12},
        {"HEIC picture",
         "\0\0\0\x18"
         "ftypmif1",
         12},
        {"AVIF picture",
         "\0\0\0\x18"
         "ftypavif",
         12},
        {"JPEG XL picture", "\xff\x0a\xfa\x10", 4},
        {"JPEG 2000 picture", "\0\0\0\x0cjP  \r\n\x87\n", 12},
        {"Netpbm picture", "P6\n2 2\n255\n", 11},
        {"video (MP4)",
         "\0\0\0\x18"
         "ftypisom",
         12},
        {"video (AVI)", "RIFF\x24\0\0\0AVI LIST", 16},
        {"video (Matroska)", "\x1a\x45\xdf\xa3\x01", 5},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_failure(others[i].bytes, others[i].size, others[i].kind);
    expect_failure("\x89PNG\r\n\x1a\n", 8, "PNG");
    yl_image image;
    assert_int_equal(yl_image_decode("/", &image), YL_IO);
    assert_non_null(strstr(yl_error(), "directory"));
    assert_int_equal(yl_image_decode("/dev/zero", &image), YL_IO);
    assert_int_equal(yl_image_decode("absent.png", &image), YL_IO);
    assert_non_null(strstr(yl_error(), "absent.png"));
}

static void size_limits(void **state)
{
    (void)state;
    yl_image image;
    assert_int_equal(yl_image_new(0, 5, &image), YL_INVALID);
    assert_int_equal(yl_image_new(YL_IMAGE_MAX_SIDE + 1, 1, &image), YL_INVALID);
    assert_int_equal(yl_image_new(60000, 60000, &image), YL_INVALID);
}

static void written_is_read(void **state)
{
    (void)state;
    yl_image image, again;
    assert_int_equal(yl_image_new(31, 7, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(i * 37);
    assert_int_equal(yl_image_write_png("decode_test.jpg", &image), YL_OK); /* content decides, not the name */
    assert_int_equal(yl_image_decode("decode_test.jpg", &again), YL_OK);
    assert_memory_equal(image.data, again.data, (size_t)yl_image_bytes(&image));
    int64_t w = 0, h = 0;
    assert_int_equal(yl_image_probe("decode_test.jpg", &w, &h), YL_OK);
    assert_true(w == 31 && h == 7);
    remove("decode_test.jpg");
    assert_int_equal(yl_image_write_png("absent/folder/x.png", &image), YL_IO);
    yl_image_free(&image);
    yl_image_free(&again);
}

/* The head of a file is enough for its size, unless a large block of metadata stands before it. */
static void probing_behind_metadata(void **state)
{
    (void)state;
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(JCS_RGB, 3, (uint8_t[]){200, 30, 90}, 64, 48, false, &size);
    const size_t block = 60000;
    unsigned char *padded = calloc(1, size + 2 + block);
    assert_non_null(padded);
    memcpy(padded, jpeg, 2);
    memcpy(padded + 2, (uint8_t[]){0xff, 0xe1, block >> 8, block & 255}, 4);
    memcpy(padded + 2 + 2 + block, jpeg + 2, size - 2);
    assert_int_equal(yl__file_write("probe_test.jpg", padded, (int64_t)(size + 2 + block)), YL_OK);
    int64_t w = 0, h = 0;
    assert_int_equal(yl_image_probe("probe_test.jpg", &w, &h), YL_OK);
    assert_true(w == 64 && h == 48);
    assert_int_equal(yl__file_write("probe_test.jpg", padded, 50000), YL_OK); /* the size itself is cut off */
    assert_int_equal(yl_image_probe("probe_test.jpg", &w, &h), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "probe_test.jpg"));
    remove("probe_test.jpg");
    free(padded);
    free(jpeg);
}

static void memory_runs_out(void **state)
{
    (void)state;
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(JCS_CMYK, 4, (uint8_t[]){255, 100, 0, 255}, 20, 9, false, &size);
    for (int n = 1; n <= 2; n++) { /* the pixels, then the line of ink */
        yl_image image;
        yl__alloc_fail_at(n);
        assert_int_equal(yl_image_decode_bytes(jpeg, (int64_t)size, "made.jpg", &image), YL_MEMORY);
        assert_null(image.data);
    }
    yl__alloc_fail_at(0);
    free(jpeg);
}

/* Bytes that belong nowhere, before the end mark: told, and every pixel as without them. The same where the entropy-coded data end
 * too soon is an error. */
static void stray_bytes(void **state)
{
    (void)state;
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(JCS_RGB, 3, (uint8_t[]){200, 30, 90}, 64, 48, false, &size);
    unsigned char *more = calloc(1, size + 6);
    yl_image whole, image;
    yl_image_note note;
    assert_non_null(more);
    memcpy(more, jpeg, size - 2);
    memcpy(more + size - 2, "\x01\x02\x03\x04\x05\x06\xff\xd9", 8);
    assert_int_equal(yl_image_decode_noted(jpeg, (int64_t)size, "a.jpg", &whole, &note), YL_OK);
    assert_false(note.stray);
    assert_int_equal(yl_image_decode_noted(more, (int64_t)size + 6, "b.jpg", &image, &note), YL_OK);
    assert_true(note.stray);
    assert_memory_equal(whole.data, image.data, (size_t)yl_image_bytes(&whole));
    yl_image_free(&whole);
    yl_image_free(&image);
    memcpy(more + size / 2 + 280, "\xff\xd9", 2); /* inside the picture's data */
    expect_failure(more, size + 6, "JPEG");
    free(more);
    free(jpeg);
}

/* A file whose end is missing is found out by probing, which decodes it; one with something behind its end is whole. */
static void probing_sees_cuts(void **state)
{
    (void)state;
    uint8_t pixels[40 * 30 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i >> 3);
    size_t png_size;
    unsigned long jpeg_size = 0;
    uint8_t *files[2] = {make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, pixels, sizeof pixels, 40, 30, &png_size),
                         make_jpeg(JCS_RGB, 3, (uint8_t[]){200, 30, 90}, 40, 30, false, &jpeg_size)};
    const size_t sizes[2] = {png_size, jpeg_size};
    for (int i = 0; i < 2; i++) {
        int64_t w = 0, h = 0;
        assert_int_equal(yl__file_write("cut_test.jpg", files[i], (int64_t)sizes[i]), YL_OK);
        assert_int_equal(yl_image_probe("cut_test.jpg", &w, &h), YL_OK);
        assert_true(w == 40 && h == 30);
        for (size_t missing = 5; missing < 40; missing += 7) {
            assert_int_equal(yl__file_write("cut_test.jpg", files[i], (int64_t)(sizes[i] - missing)), YL_OK);
            assert_int_equal(yl_image_probe("cut_test.jpg", &w, &h), YL_FORMAT);
            assert_non_null(strstr(yl_error(), "cut_test.jpg"));
        }
        uint8_t *longer = calloc(1, sizes[i] + 100);
        assert_non_null(longer);
        memcpy(longer, files[i], sizes[i]);
        assert_int_equal(yl__file_write("cut_test.jpg", longer, (int64_t)sizes[i] + 100), YL_OK);
        assert_int_equal(yl_image_probe("cut_test.jpg", &w, &h), YL_OK);
        free(longer);
        free(files[i]);
    }
    remove("cut_test.jpg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_colour_types), cmocka_unit_test(jpeg_colour_types),
        cmocka_unit_test(damaged_png),      cmocka_unit_test(damaged_jpeg),
        cmocka_unit_test(no_picture),       cmocka_unit_test(size_limits),
        cmocka_unit_test(written_is_read),  cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(huge_head),        cmocka_unit_test(probing_behind_metadata),
        cmocka_unit_test(stray_bytes),      cmocka_unit_test(probing_sees_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
