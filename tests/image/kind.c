/* What a file is, by its first bytes, and the sentence for what is not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "image/kind.h"

typedef struct example {
    const char *name; /* NULL: unknown */
    bool readable, film;
    int size;
    const char *bytes;
} example;

#define BYTES(text) sizeof text - 1, text

static const example examples[] = {
    {"JPEG", true, false, BYTES("\xff\xd8\xff\xe0\0\x10JFIF")},
    {"PNG", true, false, BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")},
    {"WebP", false, false, BYTES("RIFF\x24\0\0\0WEBPVP8 ")},
    {"AVI", false, true, BYTES("RIFF\x24\0\0\0AVI LIST")},
    {"BMP", false, false, BYTES("BM\x36\0\0\0\0\0\0\0\x36\0\0\0")},
    {"TIFF", false, false, BYTES("II*\0\x08\0\0\0")},
    {"TIFF", false, false, BYTES("MM\0*\0\0\0\x08")},
    {"TIFF", false, false, BYTES("MM\0+\0\x08\0\0")},
    {"GIF", false, false, BYTES("GIF87a\1\0\1\0")},
    {"GIF", false, false, BYTES("GIF89a\1\0\1\0")},
    {"AVIF", false, false,
     BYTES("\0\0\0\x20"
           "ftypavif\0\0\0\0")},
    {"HEIC", false, false,
     BYTES("\0\0\0\x18"
           "ftypheix\0\0\0\0")},
    {"HEIC", false, false,
     BYTES("\0\0\0\x18"
           "ftypmif1\0\0\0\0")},
    {"MP4", false, true,
     BYTES("\0\0\0\x18"
           "ftypisom\0\0\0\0")},
    {"JPEG XL", false, false, BYTES("\xff\x0a\x12\x34")},
    {"JPEG XL", false, false, BYTES("\0\0\0\x0cJXL \r\n\x87\n")},
    {"JPEG 2000", false, false, BYTES("\xff\x4f\xff\x51\0\x2f")},
    {"PSD", false, false, BYTES("8BPS\0\1\0\0")},
    {"YUV4MPEG2", false, true, BYTES("YUV4MPEG2 W16 H16")},
    {"Matroska", false, true, BYTES("\x1a\x45\xdf\xa3\x01\0")},
    {"FLV", false, true, BYTES("FLV\x01\x05")},
    {"MPEG", false, true, BYTES("\0\0\x01\xba\x44")},
    {"Netpbm", false, false, BYTES("P6\n16 16\n255\n")},
    {"Netpbm", false, false, BYTES("P4 16 16\n")},
    {NULL, false, false, BYTES("BM is how this text begins")},
    {NULL, false, false, BYTES("P8\n16 16")},
    {NULL, false, false, BYTES("P6x")},
    {NULL, false, false, BYTES("RIFF\x24\0\0\0WAVEfmt ")},
    {NULL, false, false, BYTES("{\"json\": 1}")},
    {NULL, false, false, BYTES("\xff\xd8")},
    {NULL, false, false, BYTES("")},
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *e = &examples[i];
        char *copy = malloc((size_t)e->size + 1); /* of the exact size, for the sanitizers */
        memcpy(copy, e->bytes, (size_t)e->size);
        const yl_kind *kind = yl_image_kind(copy, e->size);
        if (!kind != !e->name) fail_msg("example %d is %s", (int)i, kind ? kind->name : "unknown");
        if (kind) {
            assert_string_equal(kind->name, e->name);
            assert_int_equal(kind->readable, e->readable);
            assert_int_equal(kind->film, e->film);
        }
        free(copy);
    }
}

/* Fewer bytes than a signature say nothing, and are not read past. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        for (int n = 0; n < examples[i].size && n < 16; n++) {
            char *copy = malloc((size_t)n + 1);
            memcpy(copy, examples[i].bytes, (size_t)n);
            const yl_kind *kind = yl_image_kind(copy, n);
            if (kind && examples[i].name && strcmp(kind->name, "MP4") != 0)
                assert_string_equal(kind->name, examples[i].name);
            free(copy);
        }
}

static void refused(const char *bytes, int64_t size, const char *sentence)
{
    assert_int_equal(yl__image_refuse(bytes, size, "x.jpg"), YL_FORMAT);
    assert_string_equal(yl_error(), sentence);
}

static void test_sentences(void **state)
{
    (void)state;
    refused("RIFF\x24\0\0\0WEBPVP8 ", 16, "x.jpg: a WebP picture, expected PNG or JPEG data");
    refused("FLV\x01\x05", 5, "x.jpg: a video (FLV), not a picture: expected PNG or JPEG data");
    refused("Not Found", 9, "x.jpg: not a picture: expected PNG or JPEG data, got \"Not Foun\"");
    refused("ab\x01", 3, "x.jpg: not a picture: expected PNG or JPEG data, got byte 0x01 at offset 2");
    refused("", 0, "x.jpg: not a picture: expected PNG or JPEG data, got \"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests_name("image/kind", tests, NULL, NULL);
}
