/* An evaluation set from C: each protocol with every allocation failing in turn, and files whose loading fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"
#include "eval/coco.h"
#include "eval/confusion.h"
#include "eval/kitti.h"
#include "eval/poster.h"
#include "eval/voc.h"
#include "formats/eval_set.h"

static yl_status fill(yl_eval_set *set)
{
    static const yl_label truths[] = {
        {.name = "Car", .box = {0, 0, 100, 100}},
        {.name = "DontCare", .box = {200, 0, 300, 100}},
    };
    static const yl_label dets[] = {
        {.name = "Car", .score = 0.9, .box = {0, 0, 100, 95}},
        {.name = "Car", .score = 0.8, .box = {210, 0, 290, 90}},
        {.name = "Van", .score = 0.7, .box = {400, 0, 490, 90}},
    };
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "%06d", i);
        YL_TRY(yl_eval_set_add(set, id, truths, 2, dets, 3));
    }
    return YL_OK;
}

static yl_status evaluate(const yl_eval_set *set)
{
    static yl_kitti_result kitti;
    yl_voc_row voc[8];
    yl_coco_row coco[8], all;
    yl_poster_row poster[8];
    yl_voc_options by_voc;
    yl_coco_options by_coco;
    yl_poster_options reduced;
    yl_confusion_options pairs;
    yl_pr_curve curve;
    int64_t cells[81];
    double map;
    YL_TRY(yl_options_defaults(&yl_voc_fields, &by_voc));
    YL_TRY(yl_options_defaults(&yl_coco_fields, &by_coco));
    YL_TRY(yl_options_defaults(&yl_poster_fields, &reduced));
    YL_TRY(yl_options_defaults(&yl_confusion_fields, &pairs));
    assert_true(by_voc.iou == 0.5 && by_voc.plus1 && !by_voc.strict && !by_voc.difficult && !by_coco.drop_ignored);
    assert_true(reduced.score == 0.5 && reduced.width == 1242 && pairs.score == 0.25);
    reduced.reduce = true;
    YL_TRY(yl_eval_kitti(set, &kitti));
    YL_TRY(yl_eval_voc(set, &yl_classes_kitti, &by_voc, voc, &map));
    YL_TRY(yl_eval_coco(set, &yl_classes_kitti, &by_coco, coco, &all));
    YL_TRY(yl_eval_poster(set, &yl_classes_kitti, &reduced, poster, &map));
    YL_TRY(yl_eval_confusion(set, &yl_classes_kitti, &pairs, cells));
    yl_working_point best;
    YL_TRY(yl_voc_best_point(set, &yl_classes_kitti, &by_voc, &best));
    yl_status status = yl_pr_curve_make(set, &yl_classes_kitti, 0, &by_voc, &curve);
    yl_pr_curve_free(&curve);
    YL_TRY(status);
    assert_int_equal(kitti.curve[0][0].n_gt, 20);
    assert_int_equal(voc[0].tp, 20);
    assert_int_equal(voc[0].fp, 20);
    assert_true(coco[0].ap50 > 0.999);
    assert_int_equal(poster[0].tp, 20);
    assert_int_equal(cells[0], 20);
    return YL_OK;
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 1000; n++) {
        yl_eval_set *set = NULL;
        yl__alloc_fail_at(n);
        yl_status status = yl_eval_set_new(&set);
        if (status == YL_OK) status = fill(set);
        if (status == YL_OK) status = evaluate(set);
        yl__alloc_fail_at(0);
        yl_eval_set_free(set);
        if (status == YL_OK) return;
        assert_int_equal(status, YL_MEMORY);
    }
    fail_msg("more than 1000 allocations");
}

static void put(const char *path, const char *text)
{
    assert_int_equal(yl__file_write(path, text, (int64_t)strlen(text)), YL_OK);
}

static void folders_with_failing_allocations(void **state)
{
    (void)state;
    const yl_eval_files files = {.labels = "eval_set_labels", .dets = "eval_set_dets"};
    assert_int_equal(yl__folder_make(files.labels), YL_OK);
    assert_int_equal(yl__folder_make(files.dets), YL_OK);
    put("eval_set_labels/b.txt", "Car 0 0 0 1 2 30 40 1 1 1 1 1 1 1\n");
    put("eval_set_labels/a.txt", "");
    put("eval_set_labels/readme", "not a label");
    put("eval_set_dets/a.txt", "");
    put("eval_set_dets/b.txt", "Car 0 0 0 40 2 30 40 1 1 1 1 1 1 1 0.5\n"); /* a detection's box is taken as it is */
    for (int64_t n = 1;; n++) {
        yl_eval_set *set;
        assert_int_equal(yl_eval_set_new(&set), YL_OK);
        yl__alloc_fail_at(n);
        yl_status status = yl_eval_set_load(set, &files);
        yl__alloc_fail_at(0);
        if (status == YL_OK) {
            assert_int_equal(set->frame_count, 2);
            assert_string_equal(set->ids.at[0], "a");
            assert_int_equal(set->frames[1].truths, 1);
        }
        yl_eval_set_free(set);
        if (status == YL_OK) break;
        assert_int_equal(status, YL_MEMORY);
    }
    static const char *const left[] = {"eval_set_labels/a.txt", "eval_set_labels/b.txt", "eval_set_labels/readme",
                                       "eval_set_dets/a.txt", "eval_set_dets/b.txt"};
    for (int i = 0; i < 5; i++) remove(left[i]);
    rmdir(files.labels);
    rmdir(files.dets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_allocations_leak_nothing),
        cmocka_unit_test(folders_with_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
