/* Calls of the functions of a layer written in Lua: under pcall, on a thread of the layers' own. */
#include "bind/layer_objects.h"
#include "bind/option_objects.h"

#include <stdio.h>
#include <string.h>

static bool place_at(lua_State *L, lua_Debug *at, int level)
{
    return lua_getstack(L, level, at) && lua_getinfo(L, "Sl", at);
}

/* The message handler: the sentence, and from where in the user's files the call came that failed. */
static int explain(lua_State *L)
{
    enum { MOST = 4 };
    lua_Debug at;
    luaL_Buffer b;
    const char *sentence = luaL_tolstring(L, 1, NULL);
    int shown = 0;
    luaL_buffinit(L, &b);
    lua_pushvalue(L, 2);
    luaL_addvalue(&b);
    for (int level = 1; shown < MOST && place_at(L, &at, level); level++) {
        char place[LUA_IDSIZE + 32];
        if (at.currentline <= 0 || strncmp(at.source, "@yolua/", 7) == 0) continue;
        snprintf(place, sizeof place, "%s:%d", at.short_src, at.currentline);
        if (shown == 0 && strncmp(sentence, place, strlen(place)) == 0) continue; /* it says so itself */
        luaL_addstring(&b, shown++ ? ", " : " (called from ");
        luaL_addstring(&b, place);
    }
    if (shown) luaL_addchar(&b, ')');
    luaL_pushresult(&b);
    return 1;
}

lua_State *volatile yl__layer_running;

yl_status yl__layer_protect(lua_CFunction body, yl__layer_call *c)
{
    lua_State *L = yl__made_of(c->layer)->L;
    if (!lua_checkstack(L, LUA_MINSTACK)) return yl__fail(YL_MEMORY, "out of memory: Lua's stack");
    int top = lua_gettop(L);
    lua_pushcfunction(L, explain);
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, c);
    yl_status status = YL_OK;
    lua_State *before = yl__layer_running; /* a layer may run a network of its own */
    yl__layer_running = L;
    int bad = lua_pcall(L, 1, 0, top + 1);
    yl__layer_running = before;
    if (bad) status = yl__fail(bad == LUA_ERRMEM ? YL_MEMORY : YL_INVALID, "%s", lua_tostring(L, -1));
    lua_settop(L, top);
    return status;
}

void yl__layer_function(lua_State *L, const yl__layer_call *c, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, yl__made_of(c->layer));
    lua_getiuservalue(L, -1, 1);
    lua_getfield(L, -1, name);
    lua_insert(L, -3);
    lua_pop(L, 2);
}

void yl__layer_options(lua_State *L, const yl_layer *layer)
{
    const yl_field_table *table = layer->kind->fields;
    lua_createtable(L, 0, (int)table->count);
    for (int64_t i = 0; i < table->count; i++) {
        yl_value value;
        yl_options_get(&table->fields[i], layer->options, &value);
        yl__push_option(L, &table->fields[i], &value);
        lua_setfield(L, -2, table->fields[i].key);
    }
}
