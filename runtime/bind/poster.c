/* The poster's precision and recall for Lua: a row of an evaluation set. */
#include "bind/eval_rows.h"
#include "eval/poster.h"

static void push_poster_row(lua_State *L, const void *of_class)
{
    const yl_poster_row *row = of_class;
    lua_newtable(L);
    yl__row_count(L, "tp", row->tp);
    yl__row_count(L, "fp", row->fp);
    yl__row_count(L, "fn", row->fn);
    yl__row_number(L, "precision", row->precision);
    yl__row_number(L, "recall", row->recall);
    yl__row_number(L, "f1", row->f1);
}

/* set:poster_resampler{the options of set:poster} -> resampler of the precision, and the classes' names */
static int set_poster_resampler(lua_State *L)
{
    yl_poster_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_poster_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl__check(L, yl_poster_resampler(set, &classes, &o, yl__new_resampler(L)));
    yl__row_class_names(L, &classes);
    return 2;
}

/* set:poster{fields of "poster", classes = "kitti"|"coco"|{...}} -> row */
static int set_poster(lua_State *L)
{
    double map;
    yl_poster_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_poster_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_poster_row *rows = yl__row_scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_poster(set, &classes, &o, rows, &map));
    yl__row_new(L, "poster");
    yl__row_classes(L, &classes, rows, sizeof *rows, push_poster_row);
    yl__row_number(L, "map", map);
    yl__set_option(L, &yl_poster_fields, "variant", &o);
    return 1;
}

void yl__bind_poster(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"poster", set_poster}, {"poster_resampler", set_poster_resampler}, {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
    yl__offer_fields(L, &yl_poster_fields);
}
