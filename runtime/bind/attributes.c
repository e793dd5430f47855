/* The protocol of labels beside box and class for Lua: a row of an evaluation set. */
#include "bind/eval_rows.h"
#include "eval/attributes.h"

/* What the value of each kind is called. */
static const char *const measures[] = {
    [YL_ATTRIBUTE_ANGLE] = "similarity",
    [YL_ATTRIBUTE_CLASSES] = "accuracy",
    [YL_ATTRIBUTE_SHARE] = "error",
};

/* Sets the row's numbers in the table on top of the stack. */
static void set_numbers(lua_State *L, const yl_attributes_row *row)
{
    yl__row_count(L, "n_gt", row->n_gt);
    yl__row_count(L, "matched", row->matched);
    for (int k = 0; k < YL_ATTRIBUTES; k++) {
        yl_attribute a = yl_attribute_at(k);
        lua_newtable(L);
        yl__row_count(L, "n", row->score[k].n);
        yl__row_number(L, measures[a.kind], row->score[k].value);
        yl__row_number(L, "baseline", row->score[k].baseline);
        lua_setfield(L, -2, a.name);
    }
}

static void push_class(lua_State *L, const void *row)
{
    lua_newtable(L);
    set_numbers(L, row);
}

/* set:attributes{fields of "confusion", classes = } -> row; its numbers are those of all classes together */
static int set_attributes(lua_State *L)
{
    yl_confusion_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_confusion_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_attributes_row *rows = yl__row_scratch(L, classes.count + 1, sizeof *rows);
    yl__check(L, yl_eval_attributes(set, &classes, &o, rows));
    yl__row_new(L, "attributes");
    set_numbers(L, &rows[classes.count]);
    yl__row_classes(L, &classes, rows, sizeof *rows, push_class);
    yl__set_option(L, &yl_confusion_fields, "iou", &o);
    yl__set_option(L, &yl_confusion_fields, "score", &o);
    return 1;
}

void yl__bind_attributes(lua_State *L)
{
    static const luaL_Reg methods[] = {{"attributes", set_attributes}, {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
}
