/* Widening, narrowing, and the walk: every pair of types, and random views against plain index arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "tensor/rows.h"
#include "backend/device.h"

static yl_device *cpu;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static const yl_dtype types[] = {YL_F32, YL_U8, YL_I32, YL_I64, YL_F64, YL_BF16, YL_F16};

/* What a double becomes in that type, by the rules of tensor.h: to nearest, ties to even, clamped, NaN to 0. */
static double narrowed(yl_dtype dtype, double x)
{
    double low = dtype == YL_U8 ? 0 : dtype == YL_I32 ? -2147483648.0 : -9223372036854775808.0;
    double high = dtype == YL_U8 ? 255 : dtype == YL_I32 ? 2147483647.0 : 9223372036854775807.0;
    if (dtype == YL_F64) return x;
    if (dtype == YL_F32) return (float)x;
    if (dtype == YL_BF16) { /* 8 significant bits: round the significand in [0.5, 1) at 2^-8 */
        int exponent;
        double significand = frexp((float)x, &exponent);
        return isfinite(x) ? ldexp(nearbyint(significand * 256) / 256, exponent) : x;
    }
    if (dtype == YL_F16) { /* 11 significant bits, of which numbers below 2^-14 have fewer; up to 65504 */
        int exponent;
        double significand = frexp((float)x, &exponent),
               unit = exponent < -13 ? ldexp(1, -24) : ldexp(1, exponent - 11);
        if (!isfinite(x)) return x;
        double near = nearbyint(ldexp(significand, exponent) / unit) * unit;
        return fabs(near) > 65504 ? copysign(INFINITY, x) : near;
    }
    if (isnan(x)) return 0;
    double rounded = nearbyint(x);
    return rounded < low ? low : rounded > high ? high : rounded;
}

static void same(double got, double expected)
{
    if (isnan(expected) ? !isnan(got) : got != expected) fail_msg("expected %.17g, got %.17g", expected, got);
}

static void test_numbers_through_every_type(void **state)
{
    (void)state;
    const double values[] = {0,        1,         -1,  0.5,  1.5,        2.5,          -2.5,    255,  255.5,
                             256,      3.14159,   1e5, -1e5, 2147483647, 2147483648.0, -3e9,    1e20, -1e20,
                             INFINITY, -INFINITY, NAN, 0.1,  1e-3,       65504,        16777217};
    enum { N = sizeof values / sizeof *values, STRIDE = 3 };
    for (int t = 0; t < 7; t++) {
        int64_t memory[N * STRIDE + 8];
        double back[N];
        memset(memory, 0x5A, sizeof memory);
        yl__store_numbers(types[t], values, N, (char *)memory, STRIDE);
        yl__load_numbers(types[t], (const char *)memory, STRIDE, N, back);
        for (int i = 0; i < N; i++) same(back[i], narrowed(types[t], values[i]));
        const unsigned char *bytes = (const unsigned char *)memory + yl_dtype_bytes(types[t]);
        for (size_t i = 0; i < yl_dtype_bytes(types[t]) * (STRIDE - 1); i++)
            assert_int_equal(bytes[i], 0x5A); /* gaps stay */
    }
}

static void test_integers_stay_exact(void **state)
{
    (void)state;
    const int64_t values[] = {
        0, -1, 255, 256, INT32_MAX, (int64_t)INT32_MAX + 1, INT32_MIN, INT64_MAX, INT64_MIN, 9007199254740993};
    enum { N = sizeof values / sizeof *values };
    int64_t memory[N], back[N];
    yl__store_integers(YL_I64, values, N, (char *)memory, 1);
    yl__load_integers(YL_I64, (const char *)memory, 1, N, back);
    assert_memory_equal(values, back, sizeof values);
    yl__store_integers(YL_I32, values, N, (char *)memory, 1);
    yl__load_integers(YL_I32, (const char *)memory, 1, N, back);
    for (int i = 0; i < N; i++)
        assert_true(back[i] == (values[i] > INT32_MAX ? INT32_MAX : values[i] < INT32_MIN ? INT32_MIN : values[i]));
    yl__store_integers(YL_U8, values, N, (char *)memory, 1);
    yl__load_integers(YL_U8, (const char *)memory, 1, N, back);
    for (int i = 0; i < N; i++) assert_true(back[i] == (values[i] > 255 ? 255 : values[i] < 0 ? 0 : values[i]));
    yl__store_integers(YL_F64, values, 7, (char *)memory, 1);
    yl__load_integers(YL_F64, (const char *)memory, 1, 7, back);
    assert_memory_equal(values, back, 7 * sizeof *values);
}

/* A random view of a random tensor, as a chain of slices, selections and permutations. */
static yl_tensor *random_view(yl_rng *rng, yl_tensor *base)
{
    yl_tensor *v = yl_tensor_retain(base);
    for (int64_t steps = yl_rng_below(rng, 5); steps > 0 && v->n_dims > 0; steps--) {
        yl_tensor *next;
        int axis = (int)yl_rng_below(rng, v->n_dims);
        int64_t size = v->dims[axis], what = yl_rng_below(rng, 3);
        if (what == 0) {
            int64_t first = yl_rng_below(rng, size), step = 1 + yl_rng_below(rng, 3);
            ok(yl_tensor_slice(v, axis, first, 1 + (size - 1 - first) / step, step, &next));
        } else if (what == 1) {
            ok(yl_tensor_select(v, axis, yl_rng_below(rng, size), &next));
        } else {
            int64_t shuffled[YL_TENSOR_DIMS];
            int order[YL_TENSOR_DIMS];
            yl_rng_permutation(rng, v->n_dims, shuffled);
            for (int d = 0; d < v->n_dims; d++) order[d] = (int)shuffled[d];
            ok(yl_tensor_permute(v, order, &next));
        }
        yl_tensor_release(v);
        v = next;
    }
    return v;
}

/* The offset of element number n, by its index. */
static int64_t offset_of(const yl_tensor *t, int64_t n)
{
    int64_t offset = 0;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        offset += n % t->dims[d] * t->strides[d];
        n /= t->dims[d];
    }
    return offset;
}

static void test_walks_over_random_views(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(7, 0, 0);
    for (int trial = 0; trial < 400; trial++) {
        int64_t dims[YL_TENSOR_DIMS], n = yl_rng_below(&rng, 5), seen = 0;
        for (int d = 0; d < n; d++) dims[d] = 1 + yl_rng_below(&rng, 5);
        yl_tensor *base, *packed;
        ok(yl_tensor_new(cpu, YL_I32, (int)n, dims, &base));
        yl_tensor *v = random_view(&rng, base);
        ok(yl_tensor_new(cpu, YL_F64, v->n_dims, v->dims, &packed));
        char *memory[2];
        ok(yl__tensor_host(v, &memory[0]));
        ok(yl__tensor_host(packed, &memory[1]));
        yl__walk w;
        for (yl__walk_start(&w, 2, (const yl_tensor *const[]){v, packed}, memory); !w.done; yl__walk_next(&w))
            for (int64_t i = 0; i < w.length; i++, seen++) {
                assert_ptr_equal(yl__walk_at(&w, 0, i), memory[0] + 4 * offset_of(v, seen));
                assert_ptr_equal(yl__walk_at(&w, 1, i), memory[1] + 8 * seen);
            }
        assert_int_equal(seen, yl_tensor_count(v));
        yl_tensor_release(base);
        yl_tensor_release(v);
        yl_tensor_release(packed);
    }
}

static void test_rows_join(void **state)
{
    (void)state;
    yl_tensor *t, *s;
    char *memory;
    yl__walk w;
    ok(yl_tensor_new(cpu, YL_F32, 4, (int64_t[]){2, 3, 1, 5}, &t));
    ok(yl__tensor_host(t, &memory));
    yl__walk_start(&w, 1, (const yl_tensor *const[]){t}, &memory);
    assert_true(w.length == 30 && w.outer == 0); /* contiguous: one row */
    ok(yl_tensor_slice(t, 1, 0, 2, 1, &s));
    yl__walk_start(&w, 1, (const yl_tensor *const[]){s}, &memory);
    assert_true(w.length == 10 && w.outer == 1);
    yl_tensor_release(s);
    ok(yl_tensor_slice(t, 3, 0, 0, 1, &s));
    yl__walk_start(&w, 1, (const yl_tensor *const[]){s}, &memory);
    assert_true(w.done); /* no elements, no rows */
    yl_tensor_release(s);
    yl_tensor_release(t);
}

static void test_broadcast_shapes(void **state)
{
    (void)state;
    yl_tensor *a, *b;
    int n;
    int64_t dims[YL_TENSOR_DIMS];
    ok(yl_tensor_new(cpu, YL_F32, 3, (int64_t[]){3, 1, 5}, &a));
    ok(yl_tensor_new(cpu, YL_F32, 2, (int64_t[]){4, 1}, &b));
    ok(yl__broadcast(a, b, &n, dims));
    assert_true(n == 3 && dims[0] == 3 && dims[1] == 4 && dims[2] == 5);
    yl_tensor_release(b);
    ok(yl_tensor_new(cpu, YL_F32, 0, NULL, &b));
    ok(yl__broadcast(b, a, &n, dims));
    assert_true(n == 3 && dims[1] == 1);
    yl_tensor_release(b);
    ok(yl_tensor_new(cpu, YL_F32, 1, (int64_t[]){0}, &b));
    assert_int_equal(yl__broadcast(a, b, &n, dims), YL_INVALID); /* 5 and 0 */
    yl_tensor_release(a);
    yl_tensor_release(b);
}

static int set_up(void **state)
{
    (void)state;
    return yl_device_get("cpu", &cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_through_every_type), cmocka_unit_test(test_integers_stay_exact),
        cmocka_unit_test(test_walks_over_random_views),    cmocka_unit_test(test_rows_join),
        cmocka_unit_test(test_broadcast_shapes),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
