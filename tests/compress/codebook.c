/* Weight sharing: exactly what k-means on a line gives, and zeros that stay zeros alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "compress/codebook.h"
#include "core/rng.h"

enum { COUNT = 4000 };
static float weights[COUNT], before[COUNT], values[YL_CODEBOOK_MOST];
static uint16_t codes[COUNT];

static void draw(uint64_t seed, int every)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    for (int i = 0; i < COUNT; i++) weights[i] = i % every ? 0 : (float)(0.1 * yl_rng_normal(&rng));
    memcpy(before, weights, sizeof before);
}

/* Paper's figure 3: sixteen weights, four values. */
static void test_figure_3(void **state)
{
    (void)state;
    float w[16] = {2.09f,  -0.98f, 1.48f, 0.09f,  0.05f, -0.14f, -1.08f, 2.12f,
                   -0.91f, 1.92f,  0.0f,  -1.03f, 1.87f, 0.0f,   1.53f,  1.49f};
    yl_codebook_options o = {.bits = 3, .start = YL_CODEBOOK_LINEAR, .iterations = 100};
    int64_t used;
    double error;
    assert_int_equal(yl_codebook_share(&o, "w", 16, w, values, &used, &error), YL_OK);
    assert_true(w[10] == 0 && w[13] == 0); /* here, two of the weights are zeros */
    assert_true(fabsf(w[1] + 1.0f) < 1e-6f && w[1] == w[6] && w[1] == w[8] && w[1] == w[11]);
    assert_true(fabsf(w[2] - 1.5f) < 1e-6f && w[2] == w[14] && w[2] == w[15]);
    assert_true(fabsf(w[0] - 2.0f) < 0.13f && w[0] == w[7]);
}

/* Every weight has its nearest centroid, and every centroid is the mean of its weights, whatever the start. */
static void test_a_fixed_point(void **state)
{
    (void)state;
    for (int start = 0; start < 3; start++) {
        yl_codebook_options o = {.bits = 5, .start = (yl_codebook_start)start, .iterations = 10000, .seed = 4};
        int64_t used, zeros = 0;
        double error, squares = 0;
        draw(1 + (uint64_t)start, 2);
        assert_int_equal(yl_codebook_share(&o, "w", COUNT, weights, values, &used, &error), YL_OK);
        assert_true(values[0] == 0 && used > 16 && used <= 32);
        for (int64_t k = 1; k < used; k++) {
            double sum = 0, n = 0;
            for (int i = 0; i < COUNT; i++)
                if (weights[i] == values[k]) sum += (double)before[i], n++;
            assert_true(n > 0 && fabs(sum / n - (double)values[k]) < 1e-6 * fabs((double)values[k]) + 1e-9);
            assert_true(k == 1 || values[k] > values[k - 1]);
        }
        for (int i = 0; i < COUNT; i++) {
            double own = fabs((double)before[i] - (double)weights[i]);
            zeros += weights[i] == 0;
            squares += own * own;
            assert_true((weights[i] == 0) == (before[i] == 0));
            for (int64_t k = 1; before[i] != 0 && k < used; k++)
                assert_true(own <= fabs((double)before[i] - (double)values[k]) + 1e-7);
        }
        assert_int_equal(zeros, COUNT / 2);
        assert_true(fabs(error - sqrt(squares / COUNT)) < 1e-12);
        assert_true(error < 0.01);
    }
}

static void test_few_values_stay(void **state)
{
    (void)state;
    float w[6] = {0.5f, -3, 0, 0.5f, 7, -3}, was[6];
    memcpy(was, w, sizeof w);
    yl_codebook_options o = {.bits = 2, .iterations = 100};
    int64_t used;
    double error;
    assert_int_equal(yl_codebook_share(&o, "w", 6, w, values, &used, &error), YL_OK);
    assert_memory_equal(w, was, sizeof w);
    assert_true(used == 4 && error == 0);
    float none[3] = {0, 0, 0};
    assert_int_equal(yl_codebook_share(&o, "w", 3, none, values, &used, &error), YL_OK);
    assert_int_equal(used, 1);
}

/* A negative zero becomes a zero: those are one value. */
static void test_one_zero(void **state)
{
    (void)state;
    float w[4] = {0, -0.0f, 1, 2};
    yl_codebook_options o = {.bits = 2, .iterations = 100};
    int64_t used;
    double error;
    assert_int_equal(yl_codebook_share(&o, "w", 4, w, values, &used, &error), YL_OK);
    assert_memory_equal(w, ((float[]){0, 0, 1, 2}), sizeof w);
    assert_true(used == 3 && error == 0);
}

static void test_reading(void **state)
{
    (void)state;
    const float w[6] = {0.5f, -3, 0, 0.5f, 7, -3};
    int64_t used;
    assert_int_equal(yl_codebook_read("w", 6, w, 4, values, codes, &used), YL_OK);
    assert_int_equal(used, 4);
    for (int i = 0; i < 6; i++) assert_true(values[codes[i]] == w[i]);
    assert_int_equal(codes[2], 0);
    assert_int_equal(yl_codebook_read("w", 6, w, 3, values, codes, &used), YL_OK);
    assert_int_equal(used, 0); /* one too many */
}

static void test_not_finite(void **state)
{
    (void)state;
    float w[3] = {1, 2, NAN};
    yl_codebook_options o = {.bits = 2, .iterations = 1};
    int64_t used;
    double error;
    assert_int_equal(yl_codebook_share(&o, "conv1.weight", 3, w, values, &used, &error), YL_NUMERIC);
    assert_string_equal(yl_error(), "conv1.weight: weight 3 is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figure_3), cmocka_unit_test(test_a_fixed_point), cmocka_unit_test(test_few_values_stay),
        cmocka_unit_test(test_one_zero), cmocka_unit_test(test_reading),       cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
