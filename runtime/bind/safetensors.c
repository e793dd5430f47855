/* core.safetensors: looking into a file; networks are saved and loaded through their own binding. */
#include "bind/bind.h"
#include "formats/safetensors.h"

static const char CLASS[] = "yolua.safetensors";

static int file_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, CLASS);
    yl_safetensors_close(*box);
    *box = NULL;
    return 0;
}

static void push_metadata(lua_State *L, const yl_safetensors *file)
{
    const yl_safetensors_note *notes;
    int64_t n = yl_safetensors_notes(file, &notes);
    lua_newtable(L);
    for (int64_t i = 0; i < n; i++) {
        lua_pushstring(L, notes[i].value);
        lua_setfield(L, -2, notes[i].key);
    }
}

static void push_entry(lua_State *L, const yl_safetensor *e)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, e->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, yl_dtype_name(e->dtype));
    lua_setfield(L, -2, "dtype");
    lua_createtable(L, e->n_dims, 0);
    for (int i = 0; i < e->n_dims; i++) {
        lua_pushinteger(L, e->dims[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "dims");
}

/* safetensors.info(path) -> {metadata = {key = text}, tensors = {{name=, dtype = "f32", dims = {}}, ...}} */
static int safetensors_info(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    void **box = yl__new_object(L, CLASS);
    yl_safetensors *file;
    yl__check(L, yl_safetensors_open(path, &file));
    *box = file;
    lua_newtable(L);
    push_metadata(L, file);
    lua_setfield(L, -2, "metadata");
    lua_newtable(L);
    for (int64_t i = 0; i < yl_safetensors_count(file); i++) {
        push_entry(L, yl_safetensors_at(file, i));
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "tensors");
    return 1;
}

/* safetensors.note(path, key, text): sets one text of a file's metadata; the file is rewritten as a whole */
static int safetensors_note(lua_State *L)
{
    yl__check(L, yl_safetensors_annotate(yl__check_string(L, 1), yl__check_string(L, 2), yl__check_string(L, 3)));
    return 0;
}

void yl__bind_safetensors(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__gc", file_close}, {"__close", file_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"info", safetensors_info}, {"note", safetensors_note}, {NULL, NULL}};
    yl__class(L, CLASS, methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "safetensors");
}
