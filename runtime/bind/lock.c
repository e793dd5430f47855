/* core.files.lock: what keeps two processes from writing the same folder. */
#include "bind/bind.h"
#include "core/lock.h"
#include "core/memory.h"

#define LOCK_CLASS "yolua.lock"

/* files.lock(path) -> a lock, released by lock:close(), `<close>` or the collector; nil where another holder has it. The file is made
 * where it is missing. */
static int files_lock(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    int *held;
    void **box = yl__new_object(L, LOCK_CLASS);
    yl__check(L, yl__alloc(1, sizeof *held, &held));
    *held = -1;
    *box = held;
    yl__check(L, yl__lock_take(path, held));
    if (*held < 0) lua_pushnil(L);
    return 1;
}

static int lock_end(lua_State *L)
{
    void **box = yl__check_object(L, 1, LOCK_CLASS);
    int *held = *box;
    if (!held) return 0;
    yl__lock_release(*held);
    yl__free(held);
    *box = NULL;
    return 0;
}

void yl__bind_lock(lua_State *L)
{
    static const luaL_Reg ends[] = {{"__gc", lock_end}, {"__close", lock_end}, {"close", lock_end}, {NULL, NULL}};
    yl__class(L, LOCK_CLASS, ends);
    lua_getfield(L, -1, "files");
    lua_pushcfunction(L, files_lock);
    lua_setfield(L, -2, "lock");
    lua_pop(L, 1);
}
