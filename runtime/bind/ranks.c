/* core.ranks: the processes that train together; see comm/comm.h and lua/yolua/ranks.lua. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "comm/comm.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/threads.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ranks.launched() -> how many processes a launcher started together, which of them (from 0) this is, how many are on this machine */
static int ranks_launched(lua_State *L)
{
    yl_launched l = yl_comm_launched();
    lua_pushinteger(L, l.size);
    lua_pushinteger(L, l.rank);
    lua_pushinteger(L, l.local);
    return 3;
}

/* ranks.open(): joins them */
static int ranks_open(lua_State *L)
{
    yl__check(L, yl_comm_open());
    return 0;
}

/* ranks.here() -> this process's rank (from 0), and how many there are */
static int ranks_here(lua_State *L)
{
    lua_pushinteger(L, yl_comm_here()->rank);
    lua_pushinteger(L, yl_comm_here()->size);
    return 2;
}

/* ranks.broadcast(text) -> rank 0's text */
static int ranks_broadcast(lua_State *L)
{
    size_t length = 0;
    yl_comm *comm = yl_comm_here();
    const char *text = comm->rank == 0 ? yl__check_text(L, 1, &length) : NULL;
    int64_t size = (int64_t)length;
    yl__check(L, comm->broadcast(comm, YL_CHANNEL_MAIN, &size, sizeof size));
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, (size_t)size);
    if (text) memcpy(bytes, text, length);
    yl__check(L, comm->broadcast(comm, YL_CHANNEL_MAIN, bytes, size));
    luaL_pushresultsize(&buffer, (size_t)size);
    return 1;
}

/* The lengths of all ranks' texts, on top of the stack; *most is the largest. */
static int64_t *gather_lengths(lua_State *L, yl_comm *comm, int64_t length, int64_t *most)
{
    int64_t *lengths = lua_newuserdatauv(L, (size_t)comm->size * sizeof *lengths, 0);
    yl__check(L, comm->gather(comm, YL_CHANNEL_MAIN, &length, sizeof length, lengths));
    *most = 0;
    for (int r = 0; r < comm->size; r++) *most = lengths[r] > *most ? lengths[r] : *most;
    return lengths;
}

/* ranks.gather(text) -> every rank's text, a list in the order of ranks */
static int ranks_gather(lua_State *L)
{
    size_t length;
    yl_comm *comm = yl_comm_here();
    const char *text = yl__check_text(L, 1, &length);
    int64_t most, *lengths = gather_lengths(L, comm, (int64_t)length, &most);
    char *mine = lua_newuserdatauv(L, (size_t)most + 1, 0);
    char *all = lua_newuserdatauv(L, (size_t)(most * comm->size) + 1, 0);
    memcpy(mine, text, length);
    memset(mine + length, 0, (size_t)most - length);
    yl__check(L, comm->gather(comm, YL_CHANNEL_MAIN, mine, most, all));
    lua_createtable(L, comm->size, 0);
    for (int r = 0; r < comm->size; r++) {
        lua_pushlstring(L, all + most * r, (size_t)lengths[r]);
        lua_rawseti(L, -2, r + 1);
    }
    return 1;
}

/* ranks.asked_to_stop() -> whether this process was; ranks.stop(): all ranks have agreed to stop, which core.system.interrupted() tells */
static int ranks_asked_to_stop(lua_State *L)
{
    lua_pushboolean(L, yl_interrupt_asked());
    return 1;
}

static int ranks_stop(lua_State *L)
{
    (void)L;
    yl_interrupt_agree();
    return 0;
}

/* ranks.fall_silent(): this process writes no file from now on, and prints nothing */
static int ranks_fall_silent(lua_State *L)
{
    (void)L;
    yl__file_hold_writes();
    yl_set_warn_hook(NULL, NULL);
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, STDOUT_FILENO);
    return 0;
}

/* ranks.finish(failed, seconds) -> how many ranks failed; nil where some have not ended within the seconds (0: waits for them) */
static int ranks_finish(lua_State *L)
{
    int failed;
    yl_comm *comm = yl_comm_here();
    yl__check(L, comm->end(comm, lua_toboolean(L, 1), yl__check_number(L, 2), &failed));
    if (failed < 0) return 0;
    lua_pushinteger(L, failed);
    return 1;
}

/* ranks.end_all(status): ends all ranks at once */
static int ranks_end_all(lua_State *L)
{
    yl_comm_here()->end_all(yl_comm_here(), (int)yl__check_integer(L, 1));
    return 0;
}

void yl__bind_ranks(lua_State *L)
{
    static const luaL_Reg functions[] = {{"launched", ranks_launched},
                                         {"open", ranks_open},
                                         {"here", ranks_here},
                                         {"broadcast", ranks_broadcast},
                                         {"gather", ranks_gather},
                                         {"fall_silent", ranks_fall_silent},
                                         {"finish", ranks_finish},
                                         {"end_all", ranks_end_all},
                                         {"asked_to_stop", ranks_asked_to_stop},
                                         {"stop", ranks_stop},
                                         {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "ranks");
}
