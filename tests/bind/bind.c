/* What C allocates for Lua to copy is released, whichever of Lua's own allocations fails meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "bind/bind.h"
#include "core/memory.h"

static long allocations, first_bad; /* 0: none fails */

/* From the first bad one on, none succeeds. */
static void *allocate(void *unused, void *block, size_t before, size_t size)
{
    (void)unused;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if ((!block || size > before) && ++allocations >= first_bad && first_bad > 0) return NULL;
    return realloc(block, size);
}

static const char made[] =
    "local core = require 'yolua.core'\n"
    "local file = os.tmpname()\n"
    "core.system.write(file, ('x'):rep(10000))\n"
    "local folder = file .. '.folder'\n"
    "core.files.make_folder(folder)\n"
    "for i = 1, 20 do core.system.write(folder .. '/' .. i, '') end\n"
    "local picture = core.image.new(16, 16, ('\\x80'):rep(768))\n"
    "local net = core.net { h = 16, w = 16, c = 3, layers = { { 'conv2d', filters = 14, size = 1 },\n"
    "  { 'region', name = 'head', classes = 2, num = 2, anchors = { 1, 1, 3, 2 } } } }\n"
    "local plan = net:plan { mode = 'infer', batch = 1 }\n"
    "return { list = function() return core.files.list(folder) end, hash = function() return core.files.hash(file) "
    "end,\n"
    "  read = function() return core.system.read(file) end, try_read = function() return core.system.try_read(file) "
    "end,\n"
    "  jpeg = function() return picture:jpeg() end, predict = function() return plan:predict(picture, { conf = 0 }) "
    "end },\n"
    "  function() os.remove(file) for i = 1, 20 do os.remove(folder .. '/' .. i) end os.remove(folder) end\n";

/* Calls what is on the top of the stack with the n-th allocation of Lua's and all after it failing. */
static int call_failing(lua_State *L, long n)
{
    lua_pushvalue(L, -1);
    allocations = 0;
    first_bad = n;
    int bad = lua_pcall(L, 0, 1, 0);
    first_bad = 0;
    lua_pop(L, 1);
    lua_gc(L, LUA_GCCOLLECT);
    return bad;
}

static void each_call(lua_State *L, const char *name)
{
    assert_int_equal(call_failing(L, 0), LUA_OK); /* what stays with its first call */
    int64_t held = yl__alloc_held();
    long n = 1;
    for (; call_failing(L, n) != LUA_OK; n++) {
        if (yl__alloc_held() != held) fail_msg("%s: %ld bytes stay", name, (long)(yl__alloc_held() - held));
        assert_true(n < 10000);
    }
    assert_true(n > 1);
}

static void test_nothing_stays(void **state)
{
    (void)state;
    lua_State *L = lua_newstate(allocate, NULL);
    luaL_openlibs(L);
    luaL_requiref(L, "yolua.core", luaopen_yolua_core, 0);
    lua_settop(L, 0);
    if (luaL_loadstring(L, made) || lua_pcall(L, 0, 2, 0)) fail_msg("%s", lua_tostring(L, -1));
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) each_call(L, lua_tostring(L, -2));
    lua_settop(L, 2);
    assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_OK);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
