/* VOC's average precision for Lua: a row of an evaluation set, and the curves that it is made of. */
#include "bind/eval_rows.h"
#include "core/memory.h"
#include "eval/voc.h"

#include <math.h>

static void push_voc_row(lua_State *L, const void *of_class)
{
    const yl_voc_row *row = of_class;
    lua_newtable(L);
    yl__row_count(L, "n_gt", row->n_gt);
    yl__row_count(L, "n_det", row->n_det);
    yl__row_count(L, "tp", row->tp);
    yl__row_count(L, "fp", row->fp);
    yl__row_number(L, "ap07", row->ap07);
    yl__row_number(L, "ap", row->ap);
}

/* set:voc{fields of "voc", classes = } -> row */
static int set_voc(lua_State *L)
{
    double map;
    yl_voc_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_voc_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_voc_row *rows = yl__row_scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_voc(set, &classes, &o, rows, &map));
    yl__row_new(L, "voc");
    yl__row_classes(L, &classes, rows, sizeof *rows, push_voc_row);
    yl__row_number(L, "map", map);
    for (int64_t i = 0; i < yl_voc_fields.count; i++)
        yl__set_option(L, &yl_voc_fields, yl_voc_fields.fields[i].key, &o);
    return 1;
}

/* set:voc_resampler{the options of set:voc} -> resampler of `ap`, and the classes' names */
static int set_voc_resampler(lua_State *L)
{
    yl_voc_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_voc_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl__check(L, yl_voc_resampler(set, &classes, &o, yl__new_resampler(L)));
    yl__row_class_names(L, &classes);
    return 2;
}

static const char *const curve_class = "yolua.pr_curve";

static int curve_gc(lua_State *L)
{
    void **box = yl__check_object(L, 1, curve_class);
    if (*box) yl_pr_curve_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

/* Pushes an empty curve that is freed when it is collected. */
static yl_pr_curve *new_curve(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__gc", curve_gc}, {"__close", curve_gc}, {NULL, NULL}};
    yl__class(L, curve_class, methods);
    void **box = yl__new_object(L, curve_class);
    yl__check(L, yl__calloc(1, sizeof(yl_pr_curve), box));
    return *box;
}

static void set_best(lua_State *L, const yl_pr_curve *c)
{
    int64_t best = -1;
    for (int64_t i = 0; i < c->count; i++) {
        bool cut = i + 1 == c->count || c->score[i + 1] != c->score[i]; /* a threshold cannot part equal scores */
        if (cut && c->n_gt && (best < 0 || c->f1[i] > c->f1[best])) best = i;
    }
    lua_newtable(L);
    yl__row_number(L, "f1", best < 0 ? NAN : c->f1[best]);
    yl__row_number(L, "score", best < 0 ? NAN : c->score[best]);
    yl__row_number(L, "precision", best < 0 ? NAN : c->precision[best]);
    yl__row_number(L, "recall", best < 0 ? NAN : c->recall[best]);
    lua_setfield(L, -2, "best");
}

static void push_curve(lua_State *L, const yl_pr_curve *c)
{
    lua_newtable(L);
    yl__row_count(L, "n_gt", c->n_gt);
    yl__row_numbers(L, "score", c->score, c->count);
    yl__row_numbers(L, "precision", c->precision, c->count);
    yl__row_numbers(L, "recall", c->recall, c->count);
    yl__row_numbers(L, "f1", c->f1, c->count);
    set_best(L, c);
}

/* set:curves{fields of "voc", classes = } -> {class = {n_gt, score, precision, recall, f1, best}} */
static int set_curves(lua_State *L)
{
    yl_voc_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_voc_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        yl_pr_curve *curve = new_curve(L);
        yl__check(L, yl_pr_curve_make(set, &classes, i, &o, curve));
        push_curve(L, curve);
        lua_setfield(L, -3, classes.at[i].name);
        yl_pr_curve_free(curve);
        lua_pop(L, 1);
    }
    return 1;
}

/* set:best_point{the options of set:voc} -> {score, precision, recall, f1} of the score with the largest F1 over all classes together; null
 * where there is none */
static int set_best_point(lua_State *L)
{
    yl_working_point best;
    yl_voc_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_voc_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl__check(L, yl_voc_best_point(set, &classes, &o, &best));
    lua_newtable(L);
    yl__row_number(L, "score", best.score);
    yl__row_number(L, "precision", best.precision);
    yl__row_number(L, "recall", best.recall);
    yl__row_number(L, "f1", best.f1);
    return 1;
}

void yl__bind_voc(lua_State *L)
{
    static const luaL_Reg methods[] = {{"voc", set_voc},
                                       {"voc_resampler", set_voc_resampler},
                                       {"curves", set_curves},
                                       {"best_point", set_best_point},
                                       {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
    yl__offer_fields(L, &yl_voc_fields);
}
