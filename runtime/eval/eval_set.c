/* Frames, truths and detections for the evaluation protocols. */
#include "eval/eval_set.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>

yl_status yl_eval_set_new(yl_eval_set **out)
{
    YL_TRY(yl__calloc(1, sizeof **out, out));
    (*out)->names.any_case = true;
    return YL_OK;
}

void yl_eval_set_free(yl_eval_set *set)
{
    if (!set) return;
    yl__names_free(&set->names);
    yl__names_free(&set->ids);
    yl__free(set->frames);
    yl__free(set->truths);
    yl__free(set->dets);
    yl__free(set);
}

static yl_status check(const char *id, const char *kind, const yl_label *rows, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const yl_label *r = &rows[i];
        double sum = r->box.x1 + r->box.y1 + r->box.x2 + r->box.y2 + r->score + r->alpha + r->truncated + r->occluded;
        if (!isfinite(sum))
            return yl__fail(YL_INVALID, "frame %s, %s %lld: expected finite numbers, got box %g %g %g %g, score %g", id,
                            kind, (long long)i + 1, r->box.x1, r->box.y1, r->box.x2, r->box.y2, r->score);
    }
    return YL_OK;
}

static yl_status add_truths(yl_eval_set *set, const yl_label *rows, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        yl_eval_truth *t = &set->truths[set->truth_count + i];
        *t = (yl_eval_truth){.ignore = rows[i].ignore || yl__same_word(rows[i].name, "DontCare"),
                             .truncated = rows[i].truncated,
                             .occluded = rows[i].occluded,
                             .alpha = rows[i].alpha,
                             .box = rows[i].box};
        YL_TRY(yl__names_add(&set->names, rows[i].name, &t->name));
    }
    return YL_OK;
}

static yl_status add_dets(yl_eval_set *set, const yl_label *rows, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        yl_eval_det *d = &set->dets[set->det_count + i];
        *d = (yl_eval_det){.score = rows[i].score,
                           .alpha = rows[i].alpha,
                           .occluded = rows[i].occluded,
                           .truncated = rows[i].truncated,
                           .box = rows[i].box};
        YL_TRY(yl__names_add(&set->names, rows[i].name, &d->name));
    }
    return YL_OK;
}

yl_status yl_eval_set_add(yl_eval_set *set, const char *id, const yl_label *truths, int64_t truth_count,
                          const yl_label *dets, int64_t det_count)
{
    int32_t number;
    if (yl__names_find(&set->ids, id) >= 0) return yl__fail(YL_INVALID, "frame %s was added before", id);
    YL_TRY(check(id, "truth", truths, truth_count));
    YL_TRY(check(id, "detection", dets, det_count));
    YL_TRY(yl__reserve(set->frame_count + 1, &set->frame_capacity, sizeof *set->frames, &set->frames));
    YL_TRY(yl__reserve(set->truth_count + truth_count, &set->truth_capacity, sizeof *set->truths, &set->truths));
    YL_TRY(yl__reserve(set->det_count + det_count, &set->det_capacity, sizeof *set->dets, &set->dets));
    YL_TRY(add_truths(set, truths, truth_count));
    YL_TRY(add_dets(set, dets, det_count));
    YL_TRY(yl__names_add(&set->ids, id, &number));
    set->frames[set->frame_count++] = (yl_eval_frame){set->truth_count, truth_count, set->det_count, det_count};
    set->truth_count += truth_count;
    set->det_count += det_count;
    return YL_OK;
}
