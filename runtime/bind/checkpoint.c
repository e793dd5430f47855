/* Checkpoints for Lua: a network's numbers into a file and back. */
#include "bind/net_objects.h"
#include "bind/notes.h"
#include "formats/checkpoint.h"

#include <string.h>

int64_t yl__check_notes(lua_State *L, int index, yl_safetensors_note notes[YL__NOTES])
{
    yl__check_type(L, index, LUA_TTABLE);
    int64_t count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (count == YL__NOTES) return yl__error(L, "a checkpoint takes at most %d notes", YL__NOTES);
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            return yl__error(L, "a checkpoint's notes must be strings with string keys");
        yl_safetensors_note note = {lua_tostring(L, -2), lua_tostring(L, -1)};
        int64_t at = count++;
        for (; at > 0 && strcmp(notes[at - 1].key, note.key) > 0; at--) notes[at] = notes[at - 1];
        notes[at] = note;
    }
    return count;
}

/* core.save(net, path, {key = text, ...}, full): notes are written in the order of their keys */
static int checkpoint_save(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_safetensors_note notes[YL__NOTES];
    int64_t count = yl__check_notes(L, 3, notes);
    yl__check(L, yl_checkpoint_save(net, path, lua_toboolean(L, 4), notes, count));
    return 0;
}

/* core.check_finite(net, path): refuses values that are not finite */
static int checkpoint_finite(lua_State *L)
{
    yl__check(L, yl_checkpoint_finite(yl__check_net(L, 1), yl__check_string(L, 2)));
    return 0;
}

/* core.restore(net, path, full) */
static int checkpoint_restore(lua_State *L)
{
    yl__check(L, yl_checkpoint_restore(yl__check_net(L, 1), yl__check_string(L, 2), lua_toboolean(L, 3)));
    return 0;
}

/* core.check_format(path, text): refuses a checkpoint whose note "format" says something other than core.checkpoint_format; nil is fine */
static int checkpoint_format(lua_State *L)
{
    yl__check(L, yl_checkpoint_format(yl__check_string(L, 1), lua_isnoneornil(L, 2) ? NULL : yl__check_string(L, 2)));
    return 0;
}

void yl__bind_checkpoint(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"save", checkpoint_save},
        {"restore", checkpoint_restore},
        {"check_finite", checkpoint_finite},
        {"check_format", checkpoint_format},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, YL_CHECKPOINT_FORMAT);
    lua_setfield(L, -2, "checkpoint_format");
}
