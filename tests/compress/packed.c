/* Packed parameters: every bit comes back, sizes as the paper counts them, and no byte can be changed unnoticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>
#include <xxhash.h>

#include "compress/packed.h"
#include "core/rng.h"

enum { COUNT = 6000 };
static float numbers[COUNT], again[COUNT];
static const int64_t dims[2] = {COUNT / 10, 10};

static void draw(uint64_t seed, double density, int values)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    for (int i = 0; i < COUNT; i++)
        numbers[i] = yl_rng_uniform(&rng) < density ? ldexpf((float)(1 + yl_rng_below(&rng, values)), -7) : 0;
}

static void test_there_and_back(void **state)
{
    (void)state;
    const double densities[] = {0, .02, .1, .5, 1};
    for (int d = 0; d < 5; d++)
        for (int bits = -1; bits <= 8; bits++) {
            yl_text out = {0};
            yl_packed p;
            yl_packed_sizes s;
            draw((uint64_t)d, densities[d], 31);
            assert_int_equal(yl_packed_write("w", 2, dims, numbers, d & 1, bits, &out, &s), YL_OK);
            assert_int_equal(yl_packed_open(out.data, out.length, &p), YL_OK);
            assert_true(p.n_dims == 2 && p.dims[0] == COUNT / 10 && p.dims[1] == 10 && p.masked == (d & 1));
            assert_true(bits < 0 || p.index_bits == bits);
            assert_int_equal(yl_packed_read(&p, again), YL_OK);
            assert_memory_equal(again, numbers, sizeof numbers);
            assert_in_range(out.length, s.bytes_pqh, s.bytes_pqh + 64);
            yl__text_free(&out);
        }
}

/* Ten entries of a million would take 40 bits each without codes: the table's columns, by hand. */
static void test_sizes(void **state)
{
    (void)state;
    yl_text out = {0};
    yl_packed_sizes s;
    memset(numbers, 0, sizeof numbers);
    for (int i = 0; i < 10; i++) numbers[10 * i + 3] = i % 2 ? 1 : 2; /* gaps of 3, then 9 */
    assert_int_equal(yl_packed_write("w", 2, dims, numbers, false, 4, &out, &s), YL_OK);
    assert_true(s.numbers == COUNT && s.kept == 10 && s.entries == 10 && s.values == 3 && s.index_bits == 4);
    assert_int_equal(s.bytes_p, 45);  /* 10 (32 + 4) bits */
    assert_int_equal(s.bytes_pq, 20); /* 10 (2 + 4) bits, 3 values */
    assert_int_equal(s.bytes_pqh,
                     12 + 3 + 2 + 2 + 16 + 8); /* book, lengths, both streams at 1 bit, gaps' lengths and count */
    assert_true(s.code_bits == 1 && s.gap_bits == 1);
    assert_true(s.bytes_zstd == -1 || (s.bytes_zstd > 12 + 2 * 4 && s.bytes_zstd < 12 + 2 * 40)); /* book, two frames */
    yl__text_free(&out);
}

static void test_the_fewest_bytes(void **state)
{
    (void)state;
    draw(3, .08, 31);
    int64_t least = INT64_MAX;
    yl_text out = {0};
    for (int bits = 0; bits <= 8; bits++) {
        out.length = 0;
        assert_int_equal(yl_packed_write("w", 2, dims, numbers, false, bits, &out, NULL), YL_OK);
        if (out.length < least) least = out.length;
    }
    out.length = 0;
    assert_int_equal(yl_packed_write("w", 2, dims, numbers, false, -1, &out, NULL), YL_OK);
    assert_int_equal(out.length, least);
    yl__text_free(&out);
}

static void test_what_cannot_be_packed(void **state)
{
    (void)state;
    static float many[70000];
    const int64_t n = 70000;
    yl_text out = {0};
    for (int i = 0; i < n; i++) many[i] = (float)(i + 1);
    assert_int_equal(yl_packed_write("conv1.weight", 1, &n, many, false, -1, &out, NULL), YL_INVALID);
    assert_string_equal(yl_error(), "conv1.weight has more than 65536 different values: share them first");
    many[1] = -0.0f;
    assert_int_equal(yl_packed_write("conv1.weight", 1, &n, many, false, -1, &out, NULL), YL_INVALID);
    assert_string_equal(yl_error(), "conv1.weight: number 2 is a negative zero, which a codebook does not hold");
    assert_int_equal(out.length, 0);
}

/* Opens and reads bytes whose checksum is made to fit. */
static yl_status read_with(uint8_t *bytes, int64_t length)
{
    yl_packed p;
    uint64_t sum = XXH64(bytes, (size_t)length - 8, 0);
    for (int i = 0; i < 8; i++) bytes[length - 8 + i] = (uint8_t)(sum >> (8 * i));
    yl_status status = yl_packed_open(bytes, length, &p);
    if (status == YL_OK && p.numbers > COUNT) return YL_FORMAT; /* the caller compares shapes first */
    return status == YL_OK ? yl_packed_read(&p, again) : status;
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    yl_text out = {0};
    yl_packed p;
    draw(5, .1, 7);
    assert_int_equal(yl_packed_write("w", 2, dims, numbers, false, 4, &out, NULL), YL_OK);
    uint8_t *bytes = (uint8_t *)out.data;
    for (int64_t i = 0; i < out.length; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(yl_packed_open(bytes, out.length, &p), YL_FORMAT);
        bytes[i] ^= 0x10;
        if (i > 0) assert_int_equal(yl_packed_open(bytes, i, &p), YL_FORMAT);
    }
    for (int64_t i = 0; i < out.length - 8;
         i++) /* with a checksum that fits: refused or read, never beyond its bounds */
        for (int bit = 0; bit < 8; bit++) {
            uint8_t was = bytes[i];
            bytes[i] ^= (uint8_t)(1 << bit);
            yl_status status = read_with(bytes, out.length);
            assert_true(status == YL_OK || status == YL_FORMAT);
            bytes[i] = was;
        }
    yl__text_free(&out);
}

static void refused(uint8_t *bytes, int64_t length, int64_t at, uint8_t value, const char *sentence)
{
    uint8_t was = bytes[at];
    bytes[at] = value;
    assert_int_equal(read_with(bytes, length), YL_FORMAT);
    assert_string_equal(yl_error(), sentence);
    bytes[at] = was;
}

static void test_refusals(void **state)
{
    (void)state;
    yl_text out = {0};
    yl_packed p;
    draw(5, .1, 7);
    assert_int_equal(yl_packed_write("w", 2, dims, numbers, false, 4, &out, NULL), YL_OK);
    uint8_t *bytes = (uint8_t *)out.data;
    assert_int_equal(yl_packed_open(bytes, 5, &p), YL_FORMAT);
    assert_string_equal(yl_error(), "packed numbers end in their head: 5 bytes");
    refused(bytes, out.length, 0, 'X', "packed numbers begin otherwise: expected YLP1");
    refused(bytes, out.length, 4, 9,
            "packed numbers: expected 0..8 index bits, 1..4 sizes, a flag and 0, got 9, 2, 0 and 0");
    refused(bytes, out.length, 10, 9, "packed numbers: expected a codebook of 1..65536 values, got 589832");
    refused(bytes, out.length, 36, 1, "packed numbers: value 1 of the codebook is not 0");
    bytes[42] = 0x80;
    refused(bytes, out.length, 43, 0x7f, "packed numbers: value 2 of the codebook is not finite");
    bytes[42] = 0;
    assert_int_equal(read_with(bytes, out.length), YL_OK);
    yl__text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_the_fewest_bytes),  cmocka_unit_test(test_what_cannot_be_packed),
        cmocka_unit_test(test_every_byte_counts), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
