/* core.image and core.plot: pictures, boxes on them, and line plots. */
#include "bind/fields.h"
#include "bind/image_objects.h"
#include "core/memory.h"
#include "image/check.h"
#include "image/decode.h"
#include "image/draw.h"
#include "image/encode.h"
#include "image/exif.h"
#include "image/kind.h"
#include "image/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static yl_image *check_image(lua_State *L, int index)
{
    return yl__object(L, index, YL_IMAGE_CLASS);
}

/* The userdata exists before its pixels, so that an error in between leaks nothing. */
yl_image *yl__push_image(lua_State *L)
{
    void **box = yl__new_object(L, YL_IMAGE_CLASS);
    yl__check(L, yl__calloc(1, sizeof(yl_image), box));
    return *box;
}

yl_image *yl__test_image(lua_State *L, int index)
{
    return luaL_testudata(L, index, YL_IMAGE_CLASS) ? check_image(L, index) : NULL;
}

/* image.load(path [, upright]): turned by its EXIF orientation where that is asked for */
static int image_load(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    bool upright = lua_toboolean(L, 2);
    yl_image *image = yl__push_image(L);
    yl__check(L, yl_image_load(path, upright, image));
    return 1;
}

static int image_decode(lua_State *L)
{
    size_t size;
    const char *bytes = yl__check_text(L, 1, &size), *name = yl__opt_string(L, 2, "image");
    yl_image *image = yl__push_image(L);
    yl__check(L, yl_image_decode_bytes(bytes, (int64_t)size, name, image));
    return 1;
}

/* image.probe(path [, upright]) -> width, height (of the upright picture where that is asked for) */
static int image_probe(lua_State *L)
{
    int64_t w, h;
    yl_image_note note;
    yl__check(L, yl_image_probe_noted(yl__check_string(L, 1), lua_toboolean(L, 2), &w, &h, &note));
    lua_pushinteger(L, w);
    lua_pushinteger(L, h);
    return 2;
}

/* image.kind(bytes) -> "JPEG", "WebP", ..., whether it is decoded, whether it is a video; nil where they begin like nothing known */
static int image_kind(lua_State *L)
{
    size_t size;
    const char *bytes = yl__check_text(L, 1, &size);
    const yl_kind *kind = yl_image_kind(bytes, (int64_t)size);
    if (!kind) return lua_pushnil(L), 1;
    lua_pushstring(L, kind->name);
    lua_pushboolean(L, kind->readable);
    lua_pushboolean(L, kind->film);
    return 3;
}

/* image.new(w, h, bytes): h*w*3 bytes; without them, black. */
static int image_new(lua_State *L)
{
    size_t size = 0;
    int64_t w = yl__check_integer(L, 1), h = yl__check_integer(L, 2);
    const char *bytes = yl__opt_text(L, 3, NULL, &size);
    yl_image *image = yl__push_image(L);
    yl__check(L, yl_image_new(w, h, image));
    if (bytes && (int64_t)size != yl_image_bytes(image))
        return yl__error(L, "an image of %dx%d has %d bytes, got %d", (int)w, (int)h, (int)yl_image_bytes(image),
                         (int)size);
    if (bytes)
        memcpy(image->data, bytes, size);
    else
        memset(image->data, 0, (size_t)yl_image_bytes(image));
    return 1;
}

static int image_w(lua_State *L)
{
    lua_pushinteger(L, check_image(L, 1)->w);
    return 1;
}

static int image_h(lua_State *L)
{
    lua_pushinteger(L, check_image(L, 1)->h);
    return 1;
}

static int image_bytes(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    lua_pushlstring(L, (const char *)image->data, (size_t)yl_image_bytes(image));
    return 1;
}

/* image:pixel(x, y) -> r, g, b; 1-based, x to the right. */
static int image_pixel(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    int64_t x = yl__check_integer(L, 2), y = yl__check_integer(L, 3);
    if (x < 1 || y < 1 || x > image->w || y > image->h)
        return yl__error(L, "pixel (%d, %d) is outside an image of %dx%d", (int)x, (int)y, (int)image->w,
                         (int)image->h);
    for (int c = 0; c < 3; c++) lua_pushinteger(L, image->data[((y - 1) * image->w + x - 1) * 3 + c]);
    return 3;
}

static int image_copy(lua_State *L)
{
    yl_image *image = check_image(L, 1), *copy = yl__push_image(L);
    yl__check(L, yl_image_new(image->w, image->h, copy));
    memcpy(copy->data, image->data, (size_t)yl_image_bytes(image));
    return 1;
}

static int image_save(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    yl__check(L, yl_image_write_png(yl__check_string(L, 2), image));
    lua_settop(L, 1);
    return 1;
}

/* image:jpeg([quality]) -> the bytes of a JPEG; quality 1..100, 80 unless told */
static int image_jpeg(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    int64_t size, quality = yl__opt_integer(L, 2, 80);
    void *bytes;
    yl__arg_check(L, quality >= 1 && quality <= 100, 2, "a JPEG's quality is a number from 1 to 100");
    yl__check(L, yl_image_encode_jpeg(image, (int)quality, &bytes, &size));
    yl__push_bytes(L, bytes, size);
    return 1;
}

/* image:fit(w, h) -> a copy of at most that size, its aspect kept */
static int image_fit(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    int64_t w = yl__check_integer(L, 2), h = yl__check_integer(L, 3);
    yl__check(L, yl_image_fit(image, w, h, yl__push_image(L)));
    return 1;
}

static double box_number(lua_State *L, int index, int i)
{
    lua_rawgeti(L, index, i);
    if (!lua_isnumber(L, -1))
        yl__error(L, "a box is four numbers {x1, y1, x2, y2}, number %d is %s", i, luaL_typename(L, -1));
    double value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

/* The mark on top of the stack; its label stays owned by the Lua table. */
static yl_mark read_mark(lua_State *L, lua_Integer i)
{
    yl_mark m;
    if (!lua_istable(L, -1)) yl__error(L, "mark %d to draw is a %s, expected a table", (int)i, luaL_typename(L, -1));
    yl__read_options(L, -1, YL__FILL({&yl_mark_fields, &m}), YL__KEYS("box"));
    if (lua_getfield(L, -1, "box") != LUA_TTABLE) yl__error(L, "mark %d to draw has no box", (int)i);
    int at = lua_gettop(L);
    m.box = (yl_box){box_number(L, at, 1), box_number(L, at, 2), box_number(L, at, 3), box_number(L, at, 4)};
    lua_pop(L, 1);
    return m;
}

/* image:draw { {box = {x1, y1, x2, y2}, label = "car .93", role = "hit", colour = 2}, ... } -> image */
static int image_draw(lua_State *L)
{
    yl_image *image = check_image(L, 1);
    yl__check_type(L, 2, LUA_TTABLE);
    lua_Integer n = yl__length(L, 2);
    yl_mark *marks = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *marks, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 2, i);
        marks[i - 1] = read_mark(L, i);
        lua_pop(L, 1);
    }
    yl__check(L, yl_image_draw(image, marks, n));
    lua_settop(L, 1);
    return 1;
}

typedef struct sheet_options {
    int64_t columns;
    yl_numbers cell;
} sheet_options;

static const yl_field sheet_fields[] = {
    {"columns", YL_OPTION_INT, "4", "", "pictures side by side", 1, INFINITY, NULL, NULL,
     YL_MEMBER(sheet_options, columns)},
    {"cell", YL_OPTION_SIZE, "320x200", "px", "size of a picture, its caption below", 1, INFINITY, NULL, NULL,
     YL_MEMBER(sheet_options, cell)},
};
static const yl_field_table sheet_table = YL_FIELD_TABLE("sheet", sheet_fields);

/* image.sheet({images}, {fields of "sheet", captions = {...}}) -> image */
static int image_sheet(lua_State *L)
{
    sheet_options o;
    yl__check_type(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_Integer n = yl__length(L, 1);
    yl__read_options(L, 2, YL__FILL({&sheet_table, &o}), YL__KEYS("captions"));
    const yl_image **images = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *images, 0);
    const char **captions = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *captions, 0);
    bool captioned = !lua_isnil(L, 2) && lua_getfield(L, 2, "captions") == LUA_TTABLE;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i); /* stays owned by the list */
        images[i - 1] = check_image(L, -1);
        captions[i - 1] = captioned && lua_rawgeti(L, 5, i) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        lua_settop(L, 5);
    }
    yl_image *sheet = yl__push_image(L);
    yl__check(L, yl_image_sheet(images, captioned ? captions : NULL, n, o.columns, (int64_t)o.cell.at[0],
                                (int64_t)o.cell.at[1], sheet));
    return 1;
}

#define FACTS "yolua.image_facts"

typedef struct facts {
    int64_t count;
    yl_image_fact list[];
} facts;

static int facts_close(lua_State *L)
{
    facts **box = yl__check_object(L, 1, FACTS);
    for (int64_t i = 0; *box && i < (*box)->count; i++) yl__free((*box)->list[i].sentence);
    yl__free(*box);
    *box = NULL;
    return 0;
}

static void push_fact(lua_State *L, const yl_image_fact *fact)
{
    char hash[20];
    lua_createtable(L, 0, 6);
    lua_pushstring(L, fact->kind);
    lua_setfield(L, -2, "type");
    if (fact->status) {
        lua_pushstring(L, fact->sentence);
        lua_setfield(L, -2, "sentence");
        return;
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, fact->hash);
    lua_pushstring(L, hash);
    lua_setfield(L, -2, "hash");
    lua_pushinteger(L, fact->note.orientation);
    lua_setfield(L, -2, "orientation");
    lua_pushboolean(L, fact->note.stray);
    lua_setfield(L, -2, "stray");
    lua_pushinteger(L, fact->w);
    lua_setfield(L, -2, "width");
    lua_pushinteger(L, fact->h);
    lua_setfield(L, -2, "height");
}

/* image.check({paths}, workers) -> for each {hash, type = "PNG"|"JPEG", width, height, orientation, stray (bytes that belong nowhere: a boolean)}, or {sentence,
 * type = "WebP", ... or nil} where it cannot be decoded */
static int image_check(lua_State *L)
{
    int64_t n;
    lua_Integer workers = yl__opt_integer(L, 2, 1);
    facts *found;
    const char **paths = yl__check_texts(L, 1, "path", &n);
    void **box = yl__new_object(L, FACTS);
    lua_toclose(L, -1);
    yl__check(L, yl__calloc(1, sizeof *found + (size_t)n * sizeof *found->list, &found));
    *box = found;
    found->count = n;
    yl__check(L, yl_images_check(paths, n, (int)(workers < 1 ? 1 : workers), found->list));
    lua_createtable(L, (int)n, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        push_fact(L, &found->list[i - 1]);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static int image_tostring(lua_State *L)
{
    yl_image **image = yl__check_object(L, 1, YL_IMAGE_CLASS);
    if (!*image)
        lua_pushliteral(L, "image (closed)");
    else
        lua_pushfstring(L, "image %dx%d", (int)(*image)->w, (int)(*image)->h);
    return 1;
}

static int image_close(lua_State *L)
{
    yl_image **image = yl__check_object(L, 1, YL_IMAGE_CLASS);
    if (*image) yl_image_free(*image);
    yl__free(*image);
    *image = NULL;
    return 0;
}

/* Where a plot is written. */
typedef struct file_options {
    const char *path;
} file_options;

static const yl_field file_fields[] = {
    {"path", YL_OPTION_STRING, NULL, "", "the file, .svg or .png", 0, 0, NULL, NULL, YL_MEMBER(file_options, path)},
};
static const yl_field_table file_table = YL_FIELD_TABLE("plot", file_fields);

static const yl_field series_fields[] = {
    {"name", YL_OPTION_STRING, NULL, "", "in the legend", 0, 0, NULL, NULL, YL_MEMBER(yl_series, name)},
};
static const yl_field_table series_table = YL_FIELD_TABLE("series", series_fields);

/* A userdata of the field's numbers, left on the stack; what is no number becomes NaN (a gap). */
static double *numbers_field(lua_State *L, int index, const char *key, int64_t count)
{
    if (lua_getfield(L, index, key) != LUA_TTABLE) yl__error(L, "a series needs a list '%s'", key);
    double *values = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *values, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, i + 1);
        values[i] = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : strtod("nan", NULL);
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    return values;
}

/* Leaves the series' two arrays on the stack, so that they live as long as the call. */
static yl_series read_series(lua_State *L, int list, lua_Integer i)
{
    luaL_checkstack(L, 6, "too many series");
    if (lua_rawgeti(L, list, i) != LUA_TTABLE) yl__error(L, "series %d is not a table", (int)i);
    int at = lua_gettop(L);
    yl_series s = {0};
    yl__read_options(L, at, YL__FILL({&series_table, &s}), YL__KEYS("x", "y"));
    if (lua_getfield(L, at, "x") == LUA_TTABLE) s.count = (int64_t)lua_rawlen(L, -1);
    lua_pop(L, 1);
    s.x = numbers_field(L, at, "x", s.count);
    s.y = numbers_field(L, at, "y", s.count);
    return s;
}

/* plot.lines {path =, fields of "plot", series = {{name =, x = {}, y = {}}, ...}} */
static int plot_lines(lua_State *L)
{
    yl_plot plot = {0};
    file_options file;
    yl__check_type(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    yl__read_options(L, 1, YL__FILL({&file_table, &file}, {&yl_plot_fields, &plot}), YL__KEYS("series"));
    if (!file.path) return yl__error(L, "a plot needs a path ending in .svg or .png");
    if (lua_getfield(L, 1, "series") != LUA_TTABLE) return yl__error(L, "a plot needs a list of series");
    plot.count = (int64_t)lua_rawlen(L, 2);
    yl_series *series = lua_newuserdatauv(L, (size_t)(plot.count + 1) * sizeof *series, 0);
    for (int64_t i = 0; i < plot.count; i++) series[i] = read_series(L, 2, i + 1);
    plot.series = series;
    yl__check(L, yl_plot_write(&plot, file.path));
    return 0;
}

void yl__bind_image(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load", image_load},   {"decode", image_decode}, {"probe", image_probe}, {"new", image_new},
        {"check", image_check}, {"sheet", image_sheet},   {"kind", image_kind},   {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"w", image_w},           {"h", image_h},
        {"bytes", image_bytes},   {"pixel", image_pixel},
        {"copy", image_copy},     {"fit", image_fit},
        {"jpeg", image_jpeg},     {"save", image_save},
        {"draw", image_draw},     {"__tostring", image_tostring},
        {"close", image_close},   {"__gc", image_close},
        {"__close", image_close}, {NULL, NULL},
    };
    static const luaL_Reg plots[] = {{"lines", plot_lines}, {NULL, NULL}};
    static const luaL_Reg facts_methods[] = {{"__gc", facts_close}, {"__close", facts_close}, {NULL, NULL}};
    yl__class(L, YL_IMAGE_CLASS, methods);
    yl__class(L, FACTS, facts_methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "image");
    lua_newtable(L);
    luaL_setfuncs(L, plots, 0);
    lua_setfield(L, -2, "plot");
}
