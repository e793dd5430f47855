/* Huffman codes: optimal, canonical, read back, and refused where they are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compress/huffman.h"
#include "core/rng.h"

enum { COUNT = 5000 };

static void test_a_known_code(void **state)
{
    (void)state;
    const int64_t counts[6] = {45, 13, 12, 16, 9, 5}; /* Cormen et al., figure 16.3: 1 3 3 3 4 4 */
    uint8_t lengths[6];
    assert_int_equal(yl_huffman_lengths(6, counts, lengths), YL_OK);
    assert_memory_equal(lengths, ((uint8_t[]){1, 3, 3, 3, 4, 4}), 6);
    const uint16_t symbols[5] = {0, 1, 5, 0, 4};
    yl_text out = {0};
    assert_int_equal(yl_huffman_write(6, lengths, 5, symbols, &out), YL_OK);
    /* canonical: 0, 100, 101, 110, 1110, 1111 -> 0 100 1111 | 0 1110 000 */
    assert_int_equal(out.length, 2);
    assert_memory_equal(out.data, ((uint8_t[]){0x4f, 0x70}), 2);
    yl__text_free(&out);
}

/* The least cost of any prefix code, by the textbook: the two lightest are joined until one is left. */
static int64_t least_cost(int n, const int64_t *counts)
{
    int64_t left[64], cost = 0;
    int m = 0;
    for (int i = 0; i < n; i++)
        if (counts[i]) left[m++] = counts[i];
    while (m > 1) {
        for (int i = 0; i < m; i++)
            for (int k = i + 1; k < m; k++)
                if (left[k] > left[i]) {
                    int64_t x = left[i];
                    left[i] = left[k];
                    left[k] = x;
                }
        left[m - 2] += left[m - 1];
        cost += left[m - 2];
        m--;
    }
    return cost;
}

static void test_there_and_back(void **state)
{
    (void)state;
    static uint16_t symbols[COUNT], again[COUNT];
    for (uint64_t seed = 0; seed < 40; seed++) {
        yl_rng rng = yl_rng_make(seed, 1, 0);
        int n = 1 + (int)yl_rng_below(&rng, 60);
        int64_t counts[64] = {0}, cost = 0, count = yl_rng_below(&rng, COUNT);
        for (int64_t i = 0; i < count; i++) {
            double u = yl_rng_uniform(&rng);
            symbols[i] = (uint16_t)(u * u * u * n);
            counts[symbols[i]]++;
        }
        uint8_t lengths[64];
        assert_int_equal(yl_huffman_lengths(n, counts, lengths), YL_OK);
        int used = 0;
        for (int i = 0; i < n; i++) cost += counts[i] * lengths[i], used += counts[i] > 0;
        if (used > 1) assert_int_equal(cost, least_cost(n, counts));
        yl_text out = {0};
        assert_int_equal(yl_huffman_write(n, lengths, count, symbols, &out), YL_OK);
        assert_int_equal(out.length, (cost + 7) / 8);
        assert_int_equal(yl_huffman_read(n, lengths, count, (uint8_t *)out.data, out.length, again), YL_OK);
        assert_memory_equal(again, symbols, (size_t)count * sizeof *symbols);
        yl__text_free(&out);
    }
}

/* Fibonacci's numbers give the deepest trees: 60 symbols would need 59 bits. */
static void test_long_codes(void **state)
{
    (void)state;
    int64_t counts[60] = {1, 1};
    uint8_t lengths[60];
    uint16_t symbols[60], again[60];
    for (int i = 2; i < 60; i++) counts[i] = counts[i - 1] + counts[i - 2];
    assert_int_equal(yl_huffman_lengths(60, counts, lengths), YL_OK);
    int longest = 0;
    for (int i = 0; i < 60; i++) {
        symbols[i] = (uint16_t)i;
        if (lengths[i] > longest) longest = lengths[i];
    }
    assert_in_range(longest, 20, YL_HUFFMAN_LONGEST);
    yl_text out = {0};
    assert_int_equal(yl_huffman_write(60, lengths, 60, symbols, &out), YL_OK);
    assert_int_equal(yl_huffman_read(60, lengths, 60, (uint8_t *)out.data, out.length, again), YL_OK);
    assert_memory_equal(again, symbols, sizeof symbols);
    yl__text_free(&out);
}

static void refused(int n, const uint8_t *lengths, int64_t count, const char *data, int64_t bytes, const char *sentence)
{
    uint16_t symbols[16];
    assert_int_equal(yl_huffman_read(n, lengths, count, (const uint8_t *)data, bytes, symbols), YL_FORMAT);
    assert_string_equal(yl_error(), sentence);
}

static void test_refusals(void **state)
{
    (void)state;
    const uint8_t good[3] = {1, 2, 2};
    refused(3, (uint8_t[]){1, 1, 1}, 1, "\0", 1, "the lengths of 3 codes are those of no Huffman tree");
    refused(3, (uint8_t[]){1, 2, 0}, 1, "\0", 1, "the lengths of 2 codes are those of no Huffman tree");
    refused(3, (uint8_t[]){2, 0, 0}, 1, "\0", 1, "the lengths of 1 codes are those of no Huffman tree");
    refused(3, (uint8_t[]){33, 1, 1}, 1, "\0", 1, "symbol 0 has a code of 33 bits: expected at most 32");
    refused(3, good, 9, "\0", 1, "symbol 9 of 9 is no code, or the data end in it");
    refused(3, good, 1, "", 0, "symbol 1 of 1 is no code, or the data end in it");
    refused(3, good, 4, "\0\0", 2, "there are data after the last of 4 symbols");
    refused(3, good, 7, "\1", 1, "there are data after the last of 7 symbols");
    refused(3, (uint8_t[]){1, 0, 0}, 1, "\x80", 1, "symbol 1 of 1 is no code, or the data end in it");
    refused(3, (uint8_t[]){0, 0, 0}, 1, "\0", 1, "symbol 1 of 1 is no code, or the data end in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_known_code),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_long_codes),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
