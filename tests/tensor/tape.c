/* What a history holds comes back with its last tensor, and a failing allocation leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/device.h"
#include "core/memory.h"
#include "tensor/tensor.h"

static yl_device *cpu;

/* sum of sigmoid(x w)^2, with a part of it overwritten; the results are released by the caller, some are NULL after a failure. */
static yl_status compute(yl_tensor *x, const yl_tensor *w, yl_tensor *made[8])
{
    YL_TRY(yl_tensor_matmul(x, w, &made[0]));
    YL_TRY(yl_tensor_unary(YL_UNARY_SIGMOID, made[0], &made[1]));
    YL_TRY(yl_tensor_binary(YL_BINARY_MUL, made[1], made[1], &made[2]));
    YL_TRY(yl_tensor_slice(made[2], 0, 0, 1, 1, &made[3]));
    YL_TRY(yl_tensor_index_select(x, 1, 2, (int64_t[]){2, 0}, &made[4]));
    YL_TRY(yl_tensor_softmax(made[4], 0, true, &made[5]));
    YL_TRY(yl_tensor_select(made[5], 0, 1, &made[6]));
    YL_TRY(yl_tensor_copy(made[6], made[3]));
    return yl_tensor_reduce(YL_REDUCE_SUM, made[2], -1, &made[7]);
}

static yl_status whole(yl_tensor *x, const yl_tensor *w, double *slope)
{
    yl_tensor *made[8] = {NULL}, *grad = NULL;
    int64_t integer, first[2] = {0, 0};
    yl_status status = yl_tensor_require_grad(x, true);
    if (status == YL_OK) status = compute(x, w, made);
    if (status == YL_OK) status = yl_tensor_backward(made[7], NULL);
    if (status == YL_OK) status = yl_tensor_grad(x, &grad);
    if (status == YL_OK) status = yl_tensor_get(grad, first, slope, &integer);
    for (int i = 0; i < 8; i++) yl_tensor_release(made[i]);
    yl_tensor_release(grad);
    yl_tensor_require_grad(x, false);
    return status;
}

static void make(yl_tensor **x, yl_tensor **w)
{
    yl_rng rng = yl_rng_make(3, 0, 0);
    assert_int_equal(yl_tensor_new(cpu, YL_F32, 2, (int64_t[]){2, 3}, x), YL_OK);
    assert_int_equal(yl_tensor_new(cpu, YL_F32, 2, (int64_t[]){3, 2}, w), YL_OK);
    assert_int_equal(yl_tensor_normal(*x, &rng, 0, 1), YL_OK);
    assert_int_equal(yl_tensor_normal(*w, &rng, 0, 1), YL_OK);
}

static void test_memory_comes_back(void **state)
{
    yl_tensor *x, *w;
    double slope = 0, again = 0;
    (void)state;
    make(&x, &w);
    assert_int_equal(whole(x, w, &slope), YL_OK);
    int64_t held = yl__alloc_held();
    for (int i = 0; i < 20; i++) assert_int_equal(whole(x, w, &again), YL_OK);
    assert_true(slope != 0 && slope == again);
    assert_int_equal(yl__alloc_held(), held);
    yl_tensor_release(x);
    yl_tensor_release(w);
}

/* Each allocation fails once. */
static void test_failures(void **state)
{
    yl_tensor *x, *w;
    double slope = 0;
    int failed = 0;
    (void)state;
    make(&x, &w);
    assert_int_equal(whole(x, w, &slope), YL_OK);
    int64_t held = yl__alloc_held();
    for (int64_t n = 1;; n++) {
        yl__alloc_fail_at(n);
        yl_status status = whole(x, w, &slope);
        yl__alloc_fail_at(0);
        if (status == YL_OK) break;
        assert_int_equal(status, YL_MEMORY);
        assert_int_equal(yl__alloc_held(), held);
        failed++;
    }
    assert_true(failed > 60);
    yl_tensor_release(x);
    yl_tensor_release(w);
}

/* The history goes with the last tensor that follows it, though a detached one keeps the memory. */
static void test_detached(void **state)
{
    yl_tensor *x, *w, *y, *values;
    (void)state;
    make(&x, &w);
    assert_int_equal(yl_tensor_require_grad(x, true), YL_OK);
    assert_int_equal(yl_tensor_unary(YL_UNARY_EXP, x, &y), YL_OK);
    assert_true(yl_tensor_tracked(y));
    assert_int_equal(yl_tensor_detach(y, &values), YL_OK);
    assert_false(yl_tensor_tracked(values));
    int64_t held = yl__alloc_held();
    yl_tensor_release(y);
    assert_true(yl__alloc_held() < held);
    assert_int_equal(yl_tensor_backward(values, NULL), YL_INVALID);
    yl_tensor_release(values);
    yl_tensor_release(x);
    yl_tensor_release(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_comes_back), cmocka_unit_test(test_failures),
                                       cmocka_unit_test(test_detached)};
    if (yl_device_get("cpu", &cpu) != YL_OK) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
