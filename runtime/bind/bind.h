/* The Lua face: the only folder that includes lua.h. Lua's 1-based indices become 0-based here and nowhere else.
 *
 * Rules: userdata is one pointer, its metatable set before the resource is acquired; __gc and __close are the same function;
 * every failure throws one sentence with the caller's position (yl__check). Calls between the files of this folder go one way: errors,
 * arguments, bind, then the modules; a module uses those above it in bind/modules.def, and adds its methods to their classes. */
#ifndef YL_BIND_BIND_H
#define YL_BIND_BIND_H

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#include "core/status.h"

typedef struct yl_embedded_file {
    const char *name; /* "lua/yolua/init.lua" */
    const char *bytes;
    size_t size;
} yl_embedded_file;

/* The Lua library with the data sets' descriptions, and the bundled networks; both end with a NULL name. */
extern const yl_embedded_file yl__embedded[], yl__embedded_models[];

/* Opens `require "yolua.core"`: a table of everything that C gives to Lua; the library in lua/yolua builds on it. */
int luaopen_yolua_core(lua_State *L);
/* Installs the embedded Lua library's searcher (YOLUA_PATH, a folder that holds lua/ and datasets/, goes first). */
void yl__open_library(lua_State *L);

/* In the registry: the last sentence that was thrown on purpose, and the last one (without its position) that told of trouble. */
#define YL__FAILURE "yolua.failure"
#define YL__TROUBLE "yolua.trouble"

/* Throws the text on the stack's top, so that it is told from a fault in Lua code. `sentence`: the text without its position. */
int yl__throw(lua_State *L, yl_status status, const char *sentence);
/* Whether the error at `index` says nothing about what was asked for: the system refused to read or write, memory ran out, the user
 * interrupted. Who catches an error to conclude something from it throws these on. */
bool yl__is_trouble(lua_State *L, int index);

/* Throws yl_error() with the position of the nearest caller outside the library's own Lua files, unless status is OK. */
void yl__check(lua_State *L, yl_status status);

/* Throws a sentence with the position of the nearest caller outside the library's own Lua files. luaL_error and the checks of the
 * auxiliary library name the line that called, which may be one of the library's own: this folder uses these instead. */
int yl__error(lua_State *L, const char *format, ...);
/* Calls push(L) with `data`, a light userdata, in a protected call that gives one value, and returns its status. What C has allocated for
 * Lua to copy is released behind it, and the error thrown on (lua_error): Lua may find no memory halfway. */
int yl__try_push(lua_State *L, lua_CFunction push, void *data);
/* Pushes the bytes as a text, and frees them. */
void yl__push_bytes(lua_State *L, void *bytes, int64_t size);
/* Checks of arguments, named like Lua's own (bind/arguments.c). */
int yl__arg_error(lua_State *L, int index, const char *sentence);
void yl__arg_check(lua_State *L, bool holds, int index, const char *sentence);
void yl__check_count(
    lua_State *L, int most); /* refuses more arguments than that (the object of a method is one): they would be lost */
lua_Integer yl__check_integer(lua_State *L, int index);
lua_Integer yl__opt_integer(lua_State *L, int index, lua_Integer fallback);
lua_Number yl__check_number(lua_State *L, int index);
lua_Number yl__opt_number(lua_State *L, int index, lua_Number fallback);
const char *yl__check_text(lua_State *L, int index, size_t *length);
const char *yl__opt_text(lua_State *L, int index, const char *fallback, size_t *length);
const char *yl__check_string(lua_State *L, int index);
const char *yl__opt_string(lua_State *L, int index, const char *fallback);
void yl__check_type(lua_State *L, int index, int type);
/* How many entries a list has. Errors: its __len says something else than 0..2^31-1. */
lua_Integer yl__length(lua_State *L, int index);
void yl__check_any(lua_State *L, int index);
int yl__check_option(lua_State *L, int index, const char *fallback, const char *const *choices);
void *yl__check_object(lua_State *L, int index, const char *class_name);
/* What a sentence calls an object of that class: "yolua.plan" is a "plan", "yolua.net" a "network". */
const char *yl__word(const char *class_name);

/* The thread on which a layer written in Lua runs right now, or NULL: what a signal has to interrupt (bind/layer.c). */
extern lua_State *volatile yl__layer_running;

/* What a complaint calls the value at `index`: a number, a text or a boolean by itself, anything else by its type. Pushes it. */
const char *yl__shown(lua_State *L, int index);

/* How many values the list at `index` holds. Errors: "what: expected a list, got ..." for anything else, a table with other keys or
 * with holes. Lists are read raw: a metamethod could close what the call works on. */
lua_Integer yl__check_list(lua_State *L, int index, const char *what);
/* The texts of the list at `index`, and a NULL behind them, in memory that is left on the stack; they live as long as the list does.
 * Errors: "what: expected a list of texts, got 7"; "what 3: expected a text, got number". */
const char **yl__check_texts(lua_State *L, int index, const char *what, int64_t *count);
/* For an __index function: pushes the method that the text at 2 names and returns 1. Errors: none of that name, with the nearest. */
int yl__find_method(lua_State *L, const char *class_name);

/* Sets a list of numbers in the table on top of the stack. */
void yl__set_numbers(lua_State *L, const char *key, const double *values, int64_t count);

/* bind/modules.def: one line per file of this folder; each adds its functions and classes to the table on top of the stack. */
#define M(name) void yl__bind_##name(lua_State *L);
#include "bind/modules.def"
#undef M

/* What a userdata holds. `working`: calls that are at work on it and may run Lua code meanwhile. */
typedef struct yl__box {
    void *object;
    int working;
} yl__box;
/* Marks the object at `index` as worked on by a call that can run Lua code (1), and the end of that (-1). */
void yl__working(lua_State *L, int index, int by);
/* Refuses to close or to move on the object at `index` while a call is at work on it. Returns its box. */
yl__box *yl__idle(lua_State *L, int index, const char *class_name, const char *what);
/* Pushes a userdata of class `class` (a metatable made by yl__class) holding one pointer, NULL at first. */
void **yl__new_object(lua_State *L, const char *class_name);
/* The pointer at `index`, or an error naming what was expected and what was given, or that the object was closed. */
void *yl__object(lua_State *L, int index, const char *class_name);
/* Refuses what is no table at `index`, and keys that are not in the NULL-terminated list, with the nearest that is. */
void yl__check_keys(lua_State *L, int index, const char *const *known);
#define YL__KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* Registers a class: methods (with __gc, __close, __tostring ... among them); __index falls back to the methods. */
void yl__class(lua_State *L, const char *class_name, const luaL_Reg *methods);
/* More methods for a class that is registered already (an earlier line of bind/modules.def): a file adds its own to another's class,
 * so that calls between the files of this folder go one way. */
void yl__add_methods(lua_State *L, const char *class_name, const luaL_Reg *methods);

#endif
