/* The poster's precision and recall for Lua: a row of an evaluation set. */
#include "bind/eval_rows.h"
#include "eval/poster.h"

static void push_poster_row(lua_State *L, const yl_poster_row *row)
{
    lua_newtable(L);
    yl__row_count(L, "tp", row->tp);
    yl__row_count(L, "fp", row->fp);
    yl__row_count(L, "fn", row->fn);
    yl__row_number(L, "precision", row->precision);
    yl__row_number(L, "recall", row->recall);
    yl__row_number(L, "f1", row->f1);
}

/* The options at 2; the caller reads `classes`. */
static yl_poster_options poster_options(lua_State *L)
{
    yl_poster_options o;
    yl__read_options(L, 2, YL__FILL({&yl_poster_fields, &o}), YL__KEYS("classes"));
    return o;
}

/* set:poster_resampler{the options of set:poster} -> resampler of the precision, and the classes' names */
static int set_poster_resampler(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    yl_poster_options o = poster_options(L);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl__check(L, yl_poster_resampler(set, &classes, &o, yl__new_resampler(L)));
    yl__row_class_names(L, &classes);
    return 2;
}

/* set:poster{fields of "poster", classes = "kitti"|"coco"|{...}} -> row */
static int set_poster(lua_State *L)
{
    double map;
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    yl_poster_options o = poster_options(L);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_poster_row *rows = yl__row_scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_poster(set, &classes, &o, rows, &map));
    yl__row_new(L, "poster");
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        push_poster_row(L, &rows[i]);
        lua_setfield(L, -2, classes.at[i].name);
    }
    lua_setfield(L, -2, "classes");
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
