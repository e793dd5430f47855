/* Tensors against naive loops: an oracle keeps every element in a table of doubles addressed by plain index arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "backend/device.h"
#include "tensor/tensor.h"

static yl_device *cpu;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static yl_tensor *make(yl_dtype dtype, int n, const int64_t *dims)
{
    yl_tensor *t = NULL;
    ok(yl_tensor_new(cpu, dtype, n, dims, &t));
    return t;
}

static yl_tensor *filled(yl_dtype dtype, int n, const int64_t *dims, uint64_t seed)
{
    yl_tensor *t = make(dtype, n, dims);
    yl_rng rng = yl_rng_make(seed, 0, 0);
    ok(yl_tensor_uniform(t, &rng, -50, 50));
    return t;
}

static double at(const yl_tensor *t, const int64_t *index)
{
    double number = 0;
    int64_t integer;
    ok(yl_tensor_get(t, index, &number, &integer));
    return number;
}

static double at3(const yl_tensor *t, int64_t i, int64_t j, int64_t k)
{
    return at(t, (int64_t[]){i, j, k});
}

static void close_to(double got, double expected, double tolerance)
{
    if (got == expected || isnan(expected) ? isnan(got) == isnan(expected)
                                           : fabs(got - expected) <= tolerance * (1 + fabs(expected)))
        return;
    fail_msg("expected %.17g, got %.17g", expected, got);
}

static void test_views(void **state)
{
    (void)state;
    yl_tensor *t = filled(YL_F32, 3, (int64_t[]){4, 5, 6}, 1), *p, *s, *r, *e;
    ok(yl_tensor_permute(t, (int[]){2, 0, 1}, &p)); /* {6, 4, 5} */
    ok(yl_tensor_slice(p, 0, 1, 3, 2, &s));         /* planes 1, 3, 5 */
    assert_true(s->dims[0] == 3 && s->dims[1] == 4 && s->dims[2] == 5);
    for (int64_t k = 0; k < 3; k++)
        for (int64_t i = 0; i < 4; i++)
            for (int64_t j = 0; j < 5; j++) assert_true(at3(s, k, i, j) == at3(t, i, j, 1 + 2 * k));
    assert_true(yl_tensor_contiguous(t) && !yl_tensor_contiguous(s));
    ok(yl_tensor_select(s, 1, 2, &e)); /* row 2 of each: {3, 5} */
    ok(yl_tensor_set(e, (int64_t[]){2, 4}, 7));
    assert_true(at3(t, 2, 4, 5) == 7); /* one memory */
    ok(yl_tensor_reshape(s, 2, (int64_t[]){-1, 10}, &r));
    assert_true(r->dims[0] == 6 && r->storage != t->storage);
    for (int64_t n = 0; n < 60; n++)
        assert_true(at(r, (int64_t[]){n / 10, n % 10}) == at3(s, n / 20, n / 5 % 4, n % 5));
    yl_tensor_release(t);
    yl_tensor_release(p);
    assert_true(at3(s, 2, 2, 4) == 7); /* a view keeps the memory */
    yl_tensor_release(s);
    yl_tensor_release(r);
    yl_tensor_release(e);
}

static double oracle(yl_binary op, double a, double b)
{
    switch (op) {
    case YL_BINARY_ADD:
        return a + b;
    case YL_BINARY_SUB:
        return a - b;
    case YL_BINARY_MUL:
        return a * b;
    case YL_BINARY_DIV:
        return a / b;
    case YL_BINARY_FLOORDIV:
        return floor(a / b);
    case YL_BINARY_MOD:
        return a - floor(a / b) * b;
    case YL_BINARY_POW:
        return pow(a, b);
    case YL_BINARY_MIN:
        return fmin(a, b);
    case YL_BINARY_MAX:
        return fmax(a, b);
    case YL_BINARY_EQ:
        return a == b;
    case YL_BINARY_NE:
        return a != b;
    case YL_BINARY_LT:
        return a < b;
    case YL_BINARY_LE:
        return a <= b;
    case YL_BINARY_GT:
        return a > b;
    case YL_BINARY_GE:
        return a >= b;
    }
    return 0;
}

/* {3, 1, 300} with {4, 1}: both repeat, and rows are longer than a piece. */
static void test_binary(void **state)
{
    (void)state;
    const yl_dtype types[] = {YL_F32, YL_I32, YL_I64, YL_F64};
    for (int ta = 0; ta < 4; ta++)
        for (int tb = 0; tb < 4; tb++)
            for (int op = 0; op <= YL_BINARY_GE; op++) {
                yl_tensor *a = filled(types[ta], 3, (int64_t[]){3, 1, 300}, 2),
                          *b = filled(types[tb], 2, (int64_t[]){4, 1}, 3), *c;
                if (op == YL_BINARY_FLOORDIV || op == YL_BINARY_MOD || op == YL_BINARY_POW) ok(yl_tensor_fill(b, -3));
                ok(yl_tensor_binary((yl_binary)op, a, b, &c));
                assert_true(c->n_dims == 3 && c->dims[1] == 4 && c->dims[2] == 300);
                for (int64_t n = 0; n < 3600; n++) {
                    double x = at3(a, n / 1200, 0, n % 300), y = at(b, (int64_t[]){n / 300 % 4, 0});
                    close_to(at3(c, n / 1200, n / 300 % 4, n % 300), oracle((yl_binary)op, x, y),
                             c->dtype == YL_F32 ? 1e-6 : 1e-12);
                }
                yl_tensor_release(a);
                yl_tensor_release(b);
                yl_tensor_release(c);
            }
}

static void test_types(void **state)
{
    (void)state;
    int64_t two = 2;
    yl_tensor *u = make(YL_U8, 1, &two), *c, *i = make(YL_I64, 1, &two), *f = make(YL_F32, 1, &two);
    ok(yl_tensor_fill(u, 200));
    ok(yl_tensor_binary(YL_BINARY_ADD, u, u, &c));
    assert_true(c->dtype == YL_I32 && at(c, (int64_t[]){0}) == 400);
    yl_tensor_release(c);
    ok(yl_tensor_binary_number(YL_BINARY_SUB, u, 201, true, false, &c));
    assert_true(c->dtype == YL_I32 && at(c, (int64_t[]){1}) == -1);
    yl_tensor_release(c);
    ok(yl_tensor_binary_number(YL_BINARY_SUB, u, 1.5, false, true, &c));
    assert_true(c->dtype == YL_F32 && at(c, (int64_t[]){1}) == 1.5 - 200);
    yl_tensor_release(c);
    ok(yl_tensor_binary_into(YL_BINARY_ADD, u, u)); /* kept in u8: clamped */
    assert_true(at(u, (int64_t[]){0}) == 255);
    double number;
    int64_t exact;
    ok(yl_tensor_write(i, (int64_t[]){INT64_MAX - 1, 9007199254740993}));
    ok(yl_tensor_binary_number(YL_BINARY_ADD, i, 5, true, false, &c));
    ok(yl_tensor_get(c, (int64_t[]){0}, &number, &exact));
    assert_true(exact == INT64_MAX);
    ok(yl_tensor_get(c, (int64_t[]){1}, &number, &exact));
    assert_true(exact == 9007199254740998);
    yl_tensor_release(c);
    const double odd[] = {2.5, NAN};
    yl_tensor *d = make(YL_F64, 1, &two);
    ok(yl_tensor_write(d, odd));
    ok(yl_tensor_convert(d, YL_U8, &c));
    assert_true(at(c, (int64_t[]){0}) == 2 && at(c, (int64_t[]){1}) == 0);
    yl_tensor_release(c);
    ok(yl_tensor_convert(d, YL_BF16, &c));
    assert_true(at(c, (int64_t[]){0}) == 2.5 && isnan(at(c, (int64_t[]){1})));
    yl_tensor_release(c);
    assert_int_equal(yl_tensor_binary_number(YL_BINARY_MOD, i, 0, true, false, &c), YL_INVALID);
    assert_string_equal(yl_error(), "tensor: mod of integers by zero");
    yl_tensor_release(u);
    yl_tensor_release(i);
    yl_tensor_release(f);
    yl_tensor_release(d);
}

/* bf16 keeps 8 significant bits, rounded to nearest, ties to even. */
static void test_bf16(void **state)
{
    (void)state;
    const float in[] = {1.00390625f, 1.01171875f, 3.14159274f, -0.1f};
    const double out[] = {1.0, 1.015625, 3.140625, -0.10009765625};
    int64_t n = 4;
    yl_tensor *t = make(YL_F32, 1, &n), *b;
    ok(yl_tensor_write(t, in));
    ok(yl_tensor_convert(t, YL_BF16, &b));
    for (int64_t i = 0; i < n; i++) assert_true(at(b, &i) == out[i]);
    yl_tensor_release(t);
    yl_tensor_release(b);
}

static void test_overlap(void **state)
{
    (void)state;
    yl_tensor *t = filled(YL_F32, 2, (int64_t[]){40, 40}, 5), *before, *turned;
    ok(yl_tensor_clone(t, &before));
    ok(yl_tensor_permute(t, (int[]){1, 0}, &turned));
    ok(yl_tensor_binary_into(YL_BINARY_ADD, t, turned)); /* t += its own transpose */
    for (int64_t i = 0; i < 40; i++)
        for (int64_t j = 0; j < 40; j++)
            close_to(at(t, (int64_t[]){i, j}), at(before, (int64_t[]){i, j}) + at(before, (int64_t[]){j, i}), 1e-6);
    yl_tensor_release(t);
    yl_tensor_release(before);
    yl_tensor_release(turned);
}

static void test_reductions(void **state)
{
    (void)state;
    yl_tensor *t = filled(YL_F32, 3, (int64_t[]){3, 300, 5}, 6), *r[6];
    for (int op = 0; op < 6; op++) ok(yl_tensor_reduce((yl_reduction)op, t, 1, &r[op]));
    for (int64_t i = 0; i < 3; i++)
        for (int64_t k = 0; k < 5; k++) {
            double sum = 0, low = INFINITY, high = -INFINITY;
            int64_t first_low = 0, first_high = 0, where[] = {i, k};
            for (int64_t j = 0; j < 300; j++) {
                double x = at3(t, i, j, k);
                sum += x;
                if (x < low) low = x, first_low = j;
                if (x > high) high = x, first_high = j;
            }
            close_to(at(r[0], where), sum, 1e-6);
            close_to(at(r[1], where), sum / 300, 1e-6);
            assert_true(at(r[2], where) == low && at(r[3], where) == high);
            assert_true(at(r[4], where) == first_low && at(r[5], where) == first_high);
        }
    for (int op = 0; op < 6; op++) yl_tensor_release(r[op]);
    ok(yl_tensor_set(t, (int64_t[]){2, 7, 1}, NAN));
    ok(yl_tensor_reduce(YL_REDUCE_ARGMAX, t, -1, &r[0]));
    assert_true(at(r[0], NULL) == 2 * 1500 + 7 * 5 + 1);
    yl_tensor_release(r[0]);
    ok(yl_tensor_reduce(YL_REDUCE_MIN, t, -1, &r[0]));
    assert_true(isnan(at(r[0], NULL)));
    yl_tensor_release(r[0]);
    yl_tensor_release(t);
}

/* Among equals the first place counts. */
static void test_ties(void **state)
{
    (void)state;
    int64_t n = 5;
    const float numbers[] = {1, 7, 7, 1, 7};
    yl_tensor *t = make(YL_F32, 1, &n), *k, *r;
    ok(yl_tensor_write(t, numbers));
    ok(yl_tensor_convert(t, YL_I32, &k));
    for (int i = 0; i < 2; i++) {
        ok(yl_tensor_reduce(YL_REDUCE_ARGMAX, i ? k : t, -1, &r));
        assert_true(at(r, NULL) == 1);
        yl_tensor_release(r);
        ok(yl_tensor_reduce(YL_REDUCE_ARGMIN, i ? k : t, 0, &r));
        assert_true(at(r, NULL) == 0);
        yl_tensor_release(r);
    }
    yl_tensor_release(t);
    yl_tensor_release(k);
}

static void test_empty(void **state)
{
    (void)state;
    yl_tensor *t = make(YL_F32, 2, (int64_t[]){3, 0}), *r;
    ok(yl_tensor_reduce(YL_REDUCE_SUM, t, -1, &r));
    assert_true(at(r, NULL) == 0);
    yl_tensor_release(r);
    ok(yl_tensor_reduce(YL_REDUCE_MEAN, t, 1, &r));
    assert_true(r->dims[0] == 3 && isnan(at(r, (int64_t[]){2})));
    yl_tensor_release(r);
    assert_int_equal(yl_tensor_reduce(YL_REDUCE_MAX, t, 1, &r), YL_INVALID);
    assert_string_equal(yl_error(), "tensor: f32 {3, 0} has no smallest or largest element");
    yl_tensor_release(t);
}

static void test_matmul(void **state)
{
    (void)state;
    yl_tensor *base = filled(YL_F32, 3, (int64_t[]){7, 2, 9}, 8), *b = filled(YL_F32, 2, (int64_t[]){5, 9}, 9), *a, *bt,
              *c;
    ok(yl_tensor_select(base, 1, 1, &a)); /* {7, 9}, rows 18 apart */
    ok(yl_tensor_permute(b, (int[]){1, 0}, &bt));
    ok(yl_tensor_matmul(a, bt, &c));
    for (int64_t i = 0; i < 7; i++)
        for (int64_t j = 0; j < 5; j++) {
            double sum = 0;
            for (int64_t k = 0; k < 9; k++) sum += at3(base, i, 1, k) * at(b, (int64_t[]){j, k});
            close_to(at(c, (int64_t[]){i, j}), sum, 1e-5);
        }
    yl_tensor_release(c);
    yl_tensor *column, *v;
    ok(yl_tensor_select(bt, 1, 3, &column)); /* {9}, contiguous; and one of stride 9 below */
    ok(yl_tensor_matmul(a, column, &v));
    assert_true(v->n_dims == 1 && v->dims[0] == 7);
    double sum = 0;
    for (int64_t k = 0; k < 9; k++) sum += at3(base, 4, 1, k) * at(b, (int64_t[]){3, k});
    close_to(at(v, (int64_t[]){4}), sum, 1e-5);
    yl_tensor_release(v);
    yl_tensor_release(column);
    ok(yl_tensor_select(b, 1, 2, &column)); /* {5}, stride 9 */
    ok(yl_tensor_matmul(column, b, &v));    /* {5} {5, 9} */
    sum = 0;
    for (int64_t k = 0; k < 5; k++) sum += at(b, (int64_t[]){k, 2}) * at(b, (int64_t[]){k, 8});
    close_to(at(v, (int64_t[]){8}), sum, 1e-5);
    assert_int_equal(yl_tensor_matmul(a, b, &c), YL_INVALID);
    assert_string_equal(yl_error(), "matmul: expected f32 {m, k} and f32 {k, n}, got f32 {7, 9} and f32 {5, 9}");
    yl_tensor *all[] = {base, a, b, bt, column, v};
    for (int i = 0; i < 6; i++) yl_tensor_release(all[i]);
}

static int releases, writes;

static void count_release(void *context)
{
    (void)context;
    releases++;
}

static yl_status count_write(void *context)
{
    (void)context;
    writes++;
    return YL_OK;
}

static yl_status refuse(void *context)
{
    (void)context;
    return yl__fail(YL_INVALID, "it is not to be written");
}

/* An owner that refuses has its way with whatever writes; nothing has changed then. */
static void test_owner_refuses(void **state)
{
    (void)state;
    float memory[4] = {1, 2, 3, 4};
    yl_owner owner = {.writes = refuse};
    yl_tensor *t, *other = make(YL_F32, 2, (int64_t[]){2, 2});
    yl_rng rng = yl_rng_make(1, 0, 0);
    ok(yl_tensor_wrap(cpu, YL_F32, 2, (int64_t[]){2, 2}, memory, &owner, &t));
    const yl_status all[] = {
        yl_tensor_fill(t, 9),
        yl_tensor_set(t, (int64_t[]){0, 0}, 9),
        yl_tensor_copy(other, t),
        yl_tensor_write(t, other),
        yl_tensor_uniform(t, &rng, 0, 1),
        yl_tensor_normal(t, &rng, 0, 1),
        yl_tensor_binary_into(YL_BINARY_ADD, t, other),
        yl_tensor_binary_to(YL_BINARY_ADD, other, other, t),
        yl_tensor_unary_into(YL_UNARY_NEG, t),
        yl_tensor_unary_to(YL_UNARY_NEG, other, t),
        yl_tensor_add_product(t, other, other),
        yl_tensor_matmul_to(other, other, false, t),
        yl_tensor_matmul_to(other, t, true, t),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_int_equal(all[i], YL_INVALID);
    assert_string_equal(yl_error(), "it is not to be written");
    for (int i = 0; i < 4; i++) assert_true(memory[i] == (float)(i + 1));
    yl_tensor_release(t);
    yl_tensor_release(other);
}

static void test_wrapped_memory(void **state)
{
    (void)state;
    float memory[6] = {1, 2, 3, 4, 5, 6};
    yl_owner owner = {.release = count_release, .written = count_write};
    yl_tensor *t, *row, *c;
    ok(yl_tensor_wrap(cpu, YL_F32, 2, (int64_t[]){2, 3}, memory, &owner, &t));
    ok(yl_tensor_select(t, 0, 1, &row));
    ok(yl_tensor_fill(row, 9));
    assert_true(memory[3] == 9 && memory[2] == 3 && writes == 1);
    yl_tensor_kill(t);
    assert_true(releases == 1 && !yl_tensor_alive(row));
    double number;
    int64_t integer;
    const char *gone = "this tensor is no longer valid: it was only valid during the call, or its owner was closed";
    assert_int_equal(yl_tensor_get(row, (int64_t[]){0}, &number, &integer), YL_INVALID);
    assert_string_equal(yl_error(), gone);
    assert_int_equal(yl_tensor_fill(row, 1), YL_INVALID);
    assert_int_equal(yl_tensor_clone(row, &c), YL_INVALID);
    assert_int_equal(yl_tensor_binary(YL_BINARY_ADD, row, row, &c), YL_INVALID);
    assert_int_equal(yl_tensor_reduce(YL_REDUCE_SUM, row, -1, &c), YL_INVALID);
    assert_int_equal(yl_tensor_matmul(t, row, &c), YL_INVALID);
    assert_int_equal(yl_tensor_read(row, &number), YL_INVALID);
    assert_string_equal(yl_error(), gone);
    yl_tensor_release(row);
    yl_tensor_release(t);
    assert_int_equal(releases, 1);
}

static void test_refusals(void **state)
{
    (void)state;
    yl_tensor *t = make(YL_F32, 2, (int64_t[]){2, 3}), *v;
    assert_int_equal(yl_tensor_new(cpu, YL_F32, 1, (int64_t[]){-1}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_new(cpu, YL_F32, 2, (int64_t[]){INT64_MAX / 2, INT64_MAX / 2}, &v), YL_MEMORY);
    assert_int_equal(yl_tensor_new(cpu, YL_F32, 7, (int64_t[]){1, 1, 1, 1, 1, 1, 1}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_select(t, 1, 3, &v), YL_INVALID);
    assert_string_equal(yl_error(), "tensor: index 4 is outside axis 2 of size 3");
    double number;
    int64_t integer;
    assert_int_equal(yl_tensor_get(t, (int64_t[]){1, 3}, &number, &integer), YL_INVALID);
    assert_string_equal(yl_error(), "tensor: index 4 is outside axis 2 of size 3");
    assert_int_equal(yl_tensor_set(t, (int64_t[]){-1, 0}, 1), YL_INVALID);
    assert_int_equal(yl_tensor_slice(t, 1, 2, 2, 1, &v), YL_INVALID);
    assert_int_equal(yl_tensor_slice(t, 1, 0, 3, INT64_MAX, &v), YL_INVALID); /* the last place would wrap */
    assert_int_equal(yl_tensor_slice(t, 1, 0, INT64_MAX, INT64_MAX, &v), YL_INVALID);
    assert_int_equal(yl_tensor_slice(t, 1, 1, 1, INT64_MAX, &v), YL_OK); /* one element needs no step */
    yl_tensor_release(v);
    assert_int_equal(yl_tensor_reshape(t, 4, (int64_t[]){1 << 16, 1 << 16, 1 << 16, 1 << 16}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_reshape(t, 3, (int64_t[]){INT64_MAX, INT64_MAX, -1}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_permute(t, (int[]){1, 1}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_reshape(t, 1, (int64_t[]){5}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_reshape(t, 2, (int64_t[]){-1, 4}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_reshape(t, 2, (int64_t[]){-1, -1}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_reshape(t, 2, (int64_t[]){-1, 0}, &v), YL_INVALID);
    assert_int_equal(yl_tensor_expand(t, 2, (int64_t[]){2, 6}, &v), YL_INVALID);
    yl_tensor *u = make(YL_F32, 1, (int64_t[]){2});
    assert_int_equal(yl_tensor_binary(YL_BINARY_ADD, t, u, &v), YL_INVALID);
    assert_string_equal(yl_error(), "tensor: f32 {2, 3} and f32 {2} do not broadcast");
    assert_int_equal(yl_tensor_copy(t, u), YL_INVALID);
    yl_tensor_release(t);
    yl_tensor_release(u);
}

/* The n-th allocation fails: a status, no leak (the sanitizers watch), nothing in *out. */
static void test_allocation_failures(void **state)
{
    (void)state;
    yl_tensor *a = filled(YL_F32, 2, (int64_t[]){3, 4}, 1), *turned, *c;
    ok(yl_tensor_permute(a, (int[]){1, 0}, &turned));
    for (int n = 1; n < 12; n++) {
        c = NULL;
        yl__alloc_fail_at(n);
        yl_status status = yl_tensor_matmul(a, turned, &c);
        yl__alloc_fail_at(0);
        assert_true((status == YL_OK) == (c != NULL));
        assert_true(status == YL_OK || status == YL_MEMORY);
        yl_tensor_release(c);
        c = NULL;
        yl__alloc_fail_at(n);
        status = yl_tensor_binary_number(YL_BINARY_ADD, turned, 1, true, false, &c);
        yl__alloc_fail_at(0);
        assert_true((status == YL_OK) == (c != NULL));
        yl_tensor_release(c);
        c = NULL;
        yl__alloc_fail_at(n);
        status = yl_tensor_reshape(turned, 1, (int64_t[]){12}, &c);
        yl__alloc_fail_at(0);
        assert_true((status == YL_OK) == (c != NULL));
        yl_tensor_release(c);
    }
    yl_tensor_release(a);
    yl_tensor_release(turned);
}

/* Draw i of a stream is element i, whatever the layout. */
static void test_random(void **state)
{
    (void)state;
    yl_tensor *t = make(YL_F64, 2, (int64_t[]){300, 7}), *turned;
    ok(yl_tensor_permute(t, (int[]){1, 0}, &turned));
    yl_rng rng = yl_rng_make(11, 0, 0), again = yl_rng_make(11, 0, 0);
    ok(yl_tensor_uniform(turned, &rng, -1, 3));
    for (int64_t i = 0; i < 2100; i++)
        assert_true(at(turned, (int64_t[]){i / 300, i % 300}) == -1 + 4 * yl_rng_uniform(&again));
    yl_tensor_release(t);
    yl_tensor_release(turned);
}

static int set_up(void **state)
{
    (void)state;
    return yl_device_get("cpu", &cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),         cmocka_unit_test(test_binary),
        cmocka_unit_test(test_types),         cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_overlap),       cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_ties),
        cmocka_unit_test(test_matmul),        cmocka_unit_test(test_wrapped_memory),
        cmocka_unit_test(test_owner_refuses), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_random),        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
