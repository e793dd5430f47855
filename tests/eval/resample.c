/* Resamplers and the bootstrap where memory runs out, or the user asks to stop: a status, a sentence, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "core/threads.h"
#include "eval/coco.h"
#include "eval/kitti.h"
#include "eval/poster.h"
#include "eval/voc.h"

enum { FRAMES = 12, FIGURES = 9 };

/* Three truths a frame, and detections near them, with equal scores among them. */
static yl_eval_set *made(double off)
{
    static const char *const names[] = {"Car", "Pedestrian", "Cyclist"};
    yl_eval_set *set;
    assert_int_equal(yl_eval_set_new(&set), YL_OK);
    for (int f = 0; f < FRAMES; f++) {
        yl_label truths[3] = {0}, dets[6] = {0};
        char id[] = {(char)('a' + f), 0};
        for (int i = 0; i < 3; i++) {
            double x = 200 * i + f, d = off * (f % 3);
            truths[i] = (yl_label){.name = names[i], .alpha = -10, .box = {x, 10, x + 100, 90}};
            dets[2 * i] = (yl_label){
                .name = names[i], .alpha = -10, .score = 0.1 * (1 + (f + i) % 5), .box = {x + d, 10, x + 100 + d, 90}};
            dets[2 * i + 1] =
                (yl_label){.name = names[(i + f) % 3], .alpha = -10, .score = 0.2, .box = {x + 50, 40, x + 120, 99}};
        }
        assert_int_equal(yl_eval_set_add(set, id, truths, 3, dets, 6), YL_OK);
    }
    return set;
}

static yl_status make(int protocol, const yl_eval_set *set, yl_resampler **out)
{
    yl_voc_options voc;
    yl_coco_options coco;
    yl_poster_options poster;
    YL_TRY(yl_options_defaults(&yl_voc_fields, &voc));
    YL_TRY(yl_options_defaults(&yl_coco_fields, &coco));
    YL_TRY(yl_options_defaults(&yl_poster_fields, &poster));
    if (protocol == 0) return yl_kitti_resampler(set, out);
    if (protocol == 1) return yl_voc_resampler(set, &yl_classes_kitti, &voc, out);
    if (protocol == 2) return yl_coco_resampler(set, &yl_classes_kitti, &coco, out);
    return yl_poster_resampler(set, &yl_classes_kitti, &poster, out);
}

static yl_status compare(int protocol, const yl_eval_set *x, const yl_eval_set *y, yl_comparison *out)
{
    static const int32_t group[FRAMES] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
    yl_bootstrap_options o = {.seed = 3, .replicates = 20, .group = group, .groups = 6};
    yl_resampler *a = NULL, *b = NULL;
    yl_status status = make(protocol, x, &a);
    if (status == YL_OK) status = make(protocol, y, &b);
    if (status == YL_OK) status = yl_bootstrap(a, b, &o, out);
    yl_resampler_free(a);
    yl_resampler_free(b);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    yl_eval_set *x = made(1), *y = made(12);
    for (int protocol = 0; protocol < 4; protocol++) {
        yl_comparison whole[FIGURES], out[FIGURES];
        int64_t held = yl__alloc_held(), before = yl__alloc_count(), count;
        assert_int_equal(compare(protocol, x, y, whole), YL_OK);
        count = yl__alloc_count() - before;
        assert_int_equal(yl__alloc_held(), held);
        assert_true(count > 10);
        for (int64_t n = 1; n <= count; n++) {
            yl__alloc_fail_at(n);
            yl_status status = compare(protocol, x, y, out);
            yl__alloc_fail_at(0);
            if (status != YL_OK) assert_int_equal(status, YL_MEMORY);
            assert_int_equal(yl__alloc_held(), held);
        }
        assert_int_equal(compare(protocol, x, y, out), YL_OK);
        assert_memory_equal(&out[0].difference, &whole[0].difference, sizeof(double));
        assert_true(out[0].low <= out[0].high);
    }
    yl_eval_set_free(x);
    yl_eval_set_free(y);
}

static void test_interrupt(void **state)
{
    (void)state;
    yl_eval_set *x = made(1);
    yl_comparison out[FIGURES];
    yl_interrupt();
    assert_int_equal(compare(1, x, x, out), YL_INTERRUPTED);
    yl_clear_interrupt();
    assert_int_equal(compare(1, x, x, out), YL_OK);
    assert_true(out[0].difference == 0 && out[0].low == 0 && out[0].high == 0 && out[0].p == 1);
    yl_eval_set_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory), cmocka_unit_test(test_interrupt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
