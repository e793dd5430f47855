/* COCO's protocol for Lua: a row of an evaluation set. */
#include "bind/eval_rows.h"
#include "eval/coco.h"

static void set_coco_figures(lua_State *L, const yl_coco_row *r)
{
    yl__row_number(L, "ap", r->ap);
    yl__row_number(L, "ap50", r->ap50);
    yl__row_number(L, "ap75", r->ap75);
    yl__row_number(L, "ap_small", r->ap_small);
    yl__row_number(L, "ap_medium", r->ap_medium);
    yl__row_number(L, "ap_large", r->ap_large);
    yl__row_number(L, "ar1", r->ar1);
    yl__row_number(L, "ar10", r->ar10);
    yl__row_number(L, "ar100", r->ar100);
    yl__row_number(L, "ar_small", r->ar_small);
    yl__row_number(L, "ar_medium", r->ar_medium);
    yl__row_number(L, "ar_large", r->ar_large);
    yl__row_count(L, "n_gt", r->n_gt);
    yl__row_count(L, "n_crowd", r->n_crowd);
    yl__row_count(L, "n_det", r->n_det);
}

static void push_coco_row(lua_State *L, const void *row)
{
    lua_newtable(L);
    set_coco_figures(L, row);
}

/* set:coco_resampler{the options of set:coco} -> resampler of `ap`, and the classes' names */
static int set_coco_resampler(lua_State *L)
{
    yl_coco_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_coco_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, yl_coco_classes(&o));
    yl__check(L, yl_coco_resampler(set, &classes, &o, yl__new_resampler(L)));
    yl__row_class_names(L, &classes);
    return 2;
}

/* set:coco{fields of "coco", classes = } -> row */
static int set_coco(lua_State *L)
{
    yl_coco_row all;
    yl_coco_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_coco_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, yl_coco_classes(&o));
    yl_coco_row *rows = yl__row_scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_coco(set, &classes, &o, rows, &all));
    yl__row_new(L, "coco");
    yl__row_classes(L, &classes, rows, sizeof *rows, push_coco_row);
    set_coco_figures(L, &all);
    yl__row_number(L, "map", all.ap);
    yl__set_option(L, &yl_coco_fields, "dontcare", &o);
    yl__set_option(L, &yl_coco_fields, "neighbours", &o);
    return 1;
}

void yl__bind_coco(lua_State *L)
{
    static const luaL_Reg methods[] = {{"coco", set_coco}, {"coco_resampler", set_coco_resampler}, {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
    yl__offer_fields(L, &yl_coco_fields);
}
