/* Suppression against boxes whose overlaps are known, and against a plain quadratic form on random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "detect/suppress.h"

static yl_detection make(int32_t class_index, double score, double x, double y, double w, double h)
{
    return (yl_detection){.class_index = class_index, .score = score, .box = {x, y, x + w, y + h}};
}

static bool same(yl_box a, yl_box b)
{
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2;
}

static void overlap_must_exceed_the_threshold(void **state)
{
    (void)state;
    /* 100 x 100 against 100 x 50 of it: exactly one half */
    yl_detection d[2] = {make(0, 0.5, 0, 0, 100, 50), make(0, 0.9, 0, 0, 100, 100)};
    int64_t n = 2;
    yl_suppress_options o = {.iou = 0.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_true(d[0].score == 0.9 && d[1].score == 0.5); /* sorted */
    o.iou = 0.4999;
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 1);
    assert_true(d[0].score == 0.9);
}

static void classes_are_apart_unless_told(void **state)
{
    (void)state;
    yl_detection d[3] = {make(1, 0.5, 0, 0, 10, 10), make(0, 0.9, 0, 0, 10, 10), make(1, 0.6, 0, 0, 10, 10)}, e[3];
    memcpy(e, d, sizeof d);
    int64_t n = 3;
    yl_suppress_options o = {.iou = 0.45};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_true(d[0].class_index == 0 && d[1].class_index == 1 && d[1].score == 0.6);
    n = 3;
    o.class_agnostic = true;
    assert_int_equal(yl_suppress(&o, e, &n), YL_OK);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].class_index, 0);
}

static void a_suppressed_box_suppresses_nothing(void **state)
{
    (void)state;
    /* a chain: 0 and 10 overlap by 2/3, 10 and 20 too, 0 and 20 by 3/7 */
    yl_detection d[3] = {make(0, 0.9, 0, 0, 50, 10), make(0, 0.8, 10, 0, 50, 10), make(0, 0.7, 20, 0, 50, 10)};
    int64_t n = 3;
    const yl_suppress_options o = {.iou = 0.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_true(d[0].score == 0.9 && d[1].score == 0.7);
}

static void ties_keep_the_first(void **state)
{
    (void)state;
    yl_detection d[4] = {make(0, 0.5, 0, 0, 10, 10), make(0, 0.5, 0, 0, 10, 9), make(1, 0.5, 50, 0, 10, 10),
                         make(0, 0.5, 90, 0, 10, 10)};
    int64_t n = 4;
    const yl_suppress_options o = {.iou = 0.45};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 3);
    assert_true(d[0].box.y2 == 10 && d[1].box.x1 == 50 && d[2].box.x1 == 90);
}

/* Two 100 x 100 boxes, 20 apart in x: IoU 8000 / 12000 = 2/3, d = 20, c^2 = 120^2 + 100^2 = 24400. */
static void the_distance_form(void **state)
{
    (void)state;
    yl_detection d[2] = {make(0, 0.9, 0, 0, 100, 100), make(0, 0.8, 20, 0, 100, 100)}, e[2];
    memcpy(e, d, sizeof d);
    double want = 2.0 / 3 - pow(400.0 / 24400, 0.6);
    assert_true(fabs(yl_box_diou(d[0].box, d[1].box, 0.6) - want) < 1e-15);
    int64_t n = 2;
    yl_suppress_options o = {.iou = want + 1e-9, .beta = 0.6};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    o.iou = want - 1e-9;
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 1);
    /* in fractions of an image of 400 x 100: d = .05, c^2 = .3^2 + 1^2 */
    want = 2.0 / 3 - pow(0.0025 / 1.09, 0.6);
    o = (yl_suppress_options){.iou = want + 1e-9, .beta = 0.6, .width = 400, .height = 100};
    n = 2;
    assert_int_equal(yl_suppress(&o, e, &n), YL_OK);
    assert_int_equal(n, 2);
    o.iou = want - 1e-9;
    assert_int_equal(yl_suppress(&o, e, &n), YL_OK);
    assert_int_equal(n, 1);
}

/* Three 100 x 100 boxes: b overlaps a by 60/140, c overlaps a by 20/180 and b by 60/140. */
static void soft_takes_from_scores(void **state)
{
    (void)state;
    yl_detection d[3] = {make(0, 0.9, 0, 0, 100, 100), make(0, 0.8, 40, 0, 100, 100), make(0, 0.7, 80, 0, 100, 100)},
                 e[3];
    memcpy(e, d, sizeof d);
    int64_t n = 3;
    yl_suppress_options o = {.iou = 0.2, .soft = true};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 3);
    /* c is the next after a, and takes from b what is left of it */
    assert_true(d[0].score == 0.9 && d[1].score == 0.7 && d[1].box.x1 == 80);
    assert_true(d[2].box.x1 == 40 && fabs(d[2].score - 0.8 * (80.0 / 140) * (80.0 / 140)) < 1e-15);
    n = 3;
    o.floor = 0.3;
    assert_int_equal(yl_suppress(&o, e, &n), YL_OK);
    assert_int_equal(n, 2);
}

static void soft_leaves_what_overlaps_little(void **state)
{
    (void)state;
    yl_detection d[3] = {make(0, 0.9, 0, 0, 100, 100), make(0, 0.8, 40, 0, 100, 100), make(1, 0.7, 0, 0, 100, 100)};
    int64_t n = 3;
    const yl_suppress_options o = {.iou = 0.43, .soft = true, .floor = 0.7};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 3);
    assert_true(d[0].score == 0.9 && d[1].score == 0.8 && d[2].score == 0.7);
}

/* b overlaps a by 80/120, c by 60/140, and d is of another class. */
static void voters_move_the_best_box(void **state)
{
    (void)state;
    yl_detection d[4] = {make(0, 0.9, 0, 0, 100, 100), make(0, 0.3, 20, 0, 100, 100), make(0, 0.2, 40, 0, 100, 100),
                         make(1, 0.6, 0, 0, 100, 100)};
    int64_t n = 4;
    const yl_suppress_options o = {.iou = 0.4, .vote = 0.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_true(d[0].score == 0.9 && fabs(d[0].box.x1 - 0.3 * 20 / 1.2) < 1e-12 && fabs(d[0].box.x2 - 105) < 1e-12);
    assert_true(d[0].box.y1 == 0 && fabs(d[0].box.y2 - 100) < 1e-12);
    assert_true(d[1].score == 0.6 && d[1].box.x1 == 0);
}

/* A vote counts with the score that the network gave, also where softening has taken from it. */
static void votes_count_in_full(void **state)
{
    (void)state;
    yl_detection d[2] = {make(0, 0.9, 0, 0, 100, 100), make(0, 0.3, 20, 0, 100, 100)};
    int64_t n = 2;
    const yl_suppress_options o = {.iou = 0.4, .soft = true, .vote = 0.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_true(fabs(d[0].box.x1 - 5) < 1e-12 && fabs(d[1].box.x1 - 5) < 1e-12 && fabs(d[1].score - 0.1) < 1e-15);
    yl_detection zero[2] = {make(0, 0, 0, 0, 10, 10), make(0, 0, 1, 0, 10, 10)};
    n = 2;
    assert_int_equal(yl_suppress(&o, zero, &n), YL_OK);
    assert_true(zero[0].box.x1 == 0 && zero[0].box.x2 == 10); /* no scores, no mean */
}

static void points_have_no_distance(void **state)
{
    (void)state;
    yl_box point = {5, 5, 5, 5};
    assert_true(yl_box_diou(point, point, 0.6) == 0);
}

static void best_class_of_each_box(void **state)
{
    (void)state;
    yl_detection d[5] = {make(0, 0.3, 0, 0, 10, 10), make(1, 0.2, 5, 0, 10, 10), make(2, 0.6, 0, 0, 10, 10),
                         make(3, 0.6, 0, 0, 10, 10), make(4, 0.9, 5, 0, 10, 10)};
    int64_t n = 5;
    assert_int_equal(yl_best_class_per_box(d, &n), YL_OK);
    assert_int_equal(n, 2);
    assert_int_equal(d[0].class_index, 2); /* the first of two equal scores; the order given stays */
    assert_int_equal(d[1].class_index, 4);
}

static void bad_options(void **state)
{
    (void)state;
    yl_detection d[1] = {make(0, 0.3, 0, 0, 10, 10)};
    int64_t n = 1, none = 0;
    yl_suppress_options o = {.iou = 1.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_INVALID);
    assert_non_null(strstr(yl_error(), "expected iou from 0 to 1, got 1.5"));
    o = (yl_suppress_options){.iou = (double)NAN};
    assert_int_equal(yl_suppress(&o, d, &n), YL_INVALID);
    o = (yl_suppress_options){.iou = 0.5, .vote = -0.5};
    assert_int_equal(yl_suppress(&o, d, &n), YL_INVALID);
    assert_non_null(strstr(yl_error(), "expected vote from 0 to 1, got -0.5"));
    o = (yl_suppress_options){.iou = 0.5, .beta = -1};
    assert_int_equal(yl_suppress(&o, d, &n), YL_INVALID);
    o.beta = 0;
    assert_int_equal(yl_suppress(&o, d, &none), YL_OK);
    assert_int_equal(yl_best_class_per_box(d, &none), YL_OK);
    o.vote = 0.5;
    for (int at = 1; at <= 2; at++) {
        yl__alloc_fail_at(at);
        assert_int_equal(yl_suppress(&o, d, &n), YL_MEMORY);
        yl__alloc_fail_at(0);
        assert_int_equal(n, 1);
    }
}

/* A detection stays when no better one of its class that stays overlaps it: decided one after the other. */
static int64_t plain(const yl_suppress_options *o, const yl_detection *d, int64_t n, bool *stays)
{
    int64_t kept = 0;
    bool done[64] = {false};
    for (int64_t i = 0; i < n; i++) stays[i] = false;
    for (int64_t round = 0; round < n; round++) {
        int64_t best = -1;
        for (int64_t i = 0; i < n; i++)
            if (!done[i] && (best < 0 || d[i].score > d[best].score)) best = i;
        done[best] = stays[best] = true;
        for (int64_t i = 0; i < n; i++) {
            if (!stays[i] || i == best || d[i].class_index != d[best].class_index) continue;
            double overlap =
                o->beta > 0 ? yl_box_diou(d[i].box, d[best].box, o->beta) : yl_box_iou(d[i].box, d[best].box);
            if (overlap > o->iou) stays[best] = false;
        }
        kept += stays[best];
    }
    return kept;
}

static void random_boxes(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 200; seed++) {
        yl_rng rng = yl_rng_make(seed, 0, 0);
        yl_detection d[64] = {0}, sorted[64];
        bool stays[64];
        int64_t n = 1 + yl_rng_below(&rng, 64), left = n;
        for (int64_t i = 0; i < n; i++)
            d[i] = make((int32_t)yl_rng_below(&rng, 3), (double)yl_rng_below(&rng, 20) / 20, yl_rng_range(&rng, 0, 30),
                        yl_rng_range(&rng, 0, 30), yl_rng_range(&rng, 5, 30), yl_rng_range(&rng, 5, 30));
        memcpy(sorted, d, sizeof d);
        const yl_suppress_options o = {.iou = 0.3, .beta = seed % 2 ? 0.6 : 0};
        assert_int_equal(yl_suppress(&o, sorted, &left), YL_OK);
        assert_int_equal(left, plain(&o, d, n, stays));
        for (int64_t i = 0; i < left; i++) {
            bool found = false;
            for (int64_t k = 0; k < n; k++) found |= stays[k] && same(d[k].box, sorted[i].box);
            assert_true(found);
            if (i) assert_true(sorted[i - 1].score >= sorted[i].score);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_must_exceed_the_threshold),
        cmocka_unit_test(classes_are_apart_unless_told),
        cmocka_unit_test(a_suppressed_box_suppresses_nothing),
        cmocka_unit_test(ties_keep_the_first),
        cmocka_unit_test(the_distance_form),
        cmocka_unit_test(soft_takes_from_scores),
        cmocka_unit_test(soft_leaves_what_overlaps_little),
        cmocka_unit_test(voters_move_the_best_box),
        cmocka_unit_test(votes_count_in_full),
        cmocka_unit_test(points_have_no_distance),
        cmocka_unit_test(best_class_of_each_box),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(random_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
