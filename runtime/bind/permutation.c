/* The random order of an epoch, for Lua. */
#include "bind/net_objects.h"
#include "core/rng.h"

/* core.permutation(n, seed, epoch) -> list of 1..n */
static int permutation_run(lua_State *L)
{
    int64_t n = yl__check_integer(L, 1);
    yl__arg_check(L, n >= 0 && n <= INT32_MAX, 1, "expected a count");
    int64_t *order = yl__scratch(L, (size_t)n * sizeof *order);
    yl_rng rng =
        yl_rng_make((uint64_t)yl__check_integer(L, 2), (uint32_t)yl__check_integer(L, 3), 0x6f72646cu /* "ordl" */);
    yl_rng_permutation(&rng, n, order);
    lua_createtable(L, (int)n, 0);
    for (int64_t i = 0; i < n; i++) {
        lua_pushinteger(L, order[i] + 1);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void yl__bind_permutation(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"permutation", permutation_run},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
