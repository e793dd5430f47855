/* core.noise: an input for timing, made without a table of numbers that would show in the memory figures. core.launches: what a GPU
 * that is not there would be asked to do. */
#include "bind/net_objects.h"
#include "backend/plugin.h"
#include "core/memory.h"
#include "core/rng.h"

/* Uniform values in [0, 1) of 24 bits each, four to a block of the generator. */
static void draw(int64_t seed, float *values, int64_t count)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)((uint64_t)seed >> 32)}, words[4];
    for (int64_t i = 0; i < count; i += 4) {
        yl_philox((uint32_t[4]){(uint32_t)(i / 4), (uint32_t)(i >> 34), 0, 0}, key, words);
        for (int k = 0; k < 4 && i + k < count; k++) values[i + k] = (float)(words[k] >> 8) * 0x1p-24f;
    }
}

/* noise(plan, seed): uniform values in [0, 1) into the plan's input */
static int bench_noise(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    int64_t count = yl_shape_count(yl_plan_shape(plan, -1)), seed = yl__opt_integer(L, 2, 1);
    float *values;
    yl__check(L, yl__alloc(count, sizeof *values, &values));
    draw(seed, values, count);
    yl_status status = yl_plan_feed(plan, values);
    yl__free(values);
    yl__check(L, status);
    return 0;
}

/* A launch, or a kernel of the table whose launches came before it. */
typedef struct noted {
    char kernel[64]; /* "" for a launch */
    double bytes, flops;
    yl_launch launch;
} noted;

typedef struct notes {
    noted *list;
    int64_t count, capacity;
    bool full; /* memory ran out */
} notes;

static void note(notes *n, noted one)
{
    n->full |= yl__reserve(n->count + 1, &n->capacity, sizeof *n->list, &n->list) != YL_OK;
    if (!n->full) n->list[n->count++] = one;
}

static void note_launch(void *user, const yl_launch *launch)
{
    note(user, (noted){.launch = *launch});
}

static void note_call(void *user, const char *kernel, double bytes, double flops)
{
    noted one = {.bytes = bytes, .flops = flops};
    snprintf(one.kernel, sizeof one.kernel, "%s", kernel);
    note(user, one);
}

static void push_launch(lua_State *L, const yl_launch *launch)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"blocks", launch->blocks}, {"threads", launch->threads}, {"registers", launch->registers},
                   {"shared", launch->shared}, {"stack", launch->stack},     {"spills", launch->spills}};
    lua_createtable(L, 0, 7);
    lua_pushstring(L, launch->entry);
    lua_setfield(L, -2, "entry");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].value < 0) continue;
        lua_pushinteger(L, numbers[i].value);
        lua_setfield(L, -2, numbers[i].name);
    }
}

static void push_notes(lua_State *L, const notes *n)
{
    int64_t first = 0;
    lua_newtable(L);
    for (int64_t i = 0; i < n->count; i++) {
        if (!n->list[i].kernel[0]) continue;
        lua_createtable(L, (int)(i - first), 3);
        for (int64_t k = first; k < i; k++) push_launch(L, &n->list[k].launch), lua_rawseti(L, -2, k - first + 1);
        first = i + 1;
        lua_pushstring(L, n->list[i].kernel), lua_setfield(L, -2, "kernel");
        lua_pushnumber(L, n->list[i].bytes), lua_setfield(L, -2, "bytes");
        lua_pushnumber(L, n->list[i].flops), lua_setfield(L, -2, "flops");
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

static int push_notes_in_call(lua_State *L)
{
    push_notes(L, lua_touserdata(L, 1));
    return 1;
}

/* launches(arch, function): what the function, which takes no arguments, makes networks on "cuda:none" launch as on an sm_<arch>: a list
 * of {kernel (of the table), bytes (moved at least), flops, {entry, blocks, threads, registers, shared (bytes), stack, spills}, ...}; what
 * is not known is left out */
static int bench_launches(lua_State *L)
{
    notes found = {0};
    yl_launch_notes told = {note_launch, note_call, &found};
    int arch = (int)yl__check_integer(L, 1);
    yl__check_type(L, 2, LUA_TFUNCTION);
    yl__check(L, yl_cuda_note(arch, &told));
    lua_settop(L, 2);
    int status = lua_pcall(L, 0, 0, 0);
    yl_status ended = yl_cuda_note(arch, NULL);
    if (status == LUA_OK && ended == YL_OK && !found.full) {
        status = yl__try_push(L, push_notes_in_call, &found);
    }
    yl__free(found.list);
    if (status != LUA_OK) return lua_error(L);
    if (found.full) return yl__error(L, "launches: out of memory");
    yl__check(L, ended);
    return 1;
}

void yl__bind_bench(lua_State *L)
{
    lua_pushcfunction(L, bench_noise);
    lua_setfield(L, -2, "noise");
    lua_pushcfunction(L, bench_launches);
    lua_setfield(L, -2, "launches");
}
