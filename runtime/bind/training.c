/* Training for Lua: the optimizer step, checkpoints, and moving parameters between networks. */
#include "bind/net_objects.h"
#include "bind/tree.h"
#include "formats/checkpoint.h"
#include "net/step.h"
#include "backend/choices.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

/* core.step(net, {rule=, lr=, momentum=, decay=, beta1=, beta2=, epsilon=, nesterov=, clip=, images=, ema=}) -> norm */
static int training_step(lua_State *L)
{
    static const char *const rules[] = {"sgd", "adam", "adamw", "apply", NULL};
    yl_net *net = yl__check_net(L, 1);
    yl__check_keys(
        L, 2,
        YL__KEYS("rule", "lr", "momentum", "decay", "beta1", "beta2", "epsilon", "nesterov", "clip", "images", "ema"));
    yl_step_options o = {
        .rule = (yl_rule)yl__field_choice(L, 2, "rule", rules),
        .nesterov = yl__field_boolean(L, 2, "nesterov", false),
        .lr = yl__field_number(L, 2, "lr", NAN),
        .momentum = yl__field_number(L, 2, "momentum", 0.9),
        .decay = yl__field_number(L, 2, "decay", 0),
        .beta1 = yl__field_number(L, 2, "beta1", 0.9),
        .beta2 = yl__field_number(L, 2, "beta2", 0.999),
        .epsilon = yl__field_number(L, 2, "epsilon", 1e-8),
        .clip = yl__field_number(L, 2, "clip", 0),
        .images = yl__field_integer(L, 2, "images", 1),
        .ema = yl__field_number(L, 2, "ema", 0),
    };
    double norm;
    yl__check(L, yl_net_step(net, &o, &norm));
    lua_pushnumber(L, norm);
    return 1;
}

/* core.save(net, path, {key = text, ...}, full): notes are written in the order of their keys */
static int training_save(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl__check_type(L, 3, LUA_TTABLE);
    yl_safetensors_note notes[32];
    int64_t count = 0;
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        if (count == 32) return yl__error(L, "a checkpoint takes at most 32 notes");
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            return yl__error(L, "a checkpoint's notes must be strings with string keys");
        yl_safetensors_note note = {lua_tostring(L, -2), lua_tostring(L, -1)};
        int64_t at = count++;
        for (; at > 0 && strcmp(notes[at - 1].key, note.key) > 0; at--) notes[at] = notes[at - 1];
        notes[at] = note;
    }
    yl__check(L, yl_checkpoint_save(net, path, lua_toboolean(L, 4), notes, count));
    return 0;
}

/* core.restore(net, path, full) */
static int training_restore(lua_State *L)
{
    yl__check(L, yl_checkpoint_restore(yl__check_net(L, 1), yl__check_string(L, 2), lua_toboolean(L, 3)));
    return 0;
}

/* core.copy_values(from, to, name [, slab_from, slab_to]): one parameter of equal count */
static int training_copy(lua_State *L)
{
    yl_net *from = yl__check_net(L, 1), *to = yl__check_net(L, 2);
    const char *name = yl__check_string(L, 3);
    int i = yl_net_find_range(from, name), k = yl_net_find_range(to, name);
    if (i < 0 || k < 0 || from->ranges[i].count != to->ranges[k].count)
        return yl__error(L, "parameter '%s' does not exist with one shape in both networks", name);
    yl_slab *source, *target;
    yl__check(L, yl_net_slab(from, yl__opt_string(L, 4, "value"), &source));
    yl__check(L, yl_net_slab(to, yl__opt_string(L, 5, "value"), &target));
    const yl_range *range = &to->ranges[k];
    const void *at = yl_net_at(source, &from->ranges[i]);
    if (!at || !yl_net_at(target, range) || source->dtype != target->dtype)
        return yl__error(L, "'%s' cannot be copied from slab '%s' to slab '%s'", name, source->name, target->name);
    size_t bytes = (size_t)range->count * yl_dtype_bytes(source->dtype);
    void *numbers = yl__scratch(L, bytes);
    yl__check(L, from->device->from_device(from->device, numbers, at, bytes));
    yl__check(L, yl__net_write(to, k, target, numbers));
    return 0;
}

/* core.copy_rows(from, to, name, {{to_row, from_row}, ...}): rows are the first axis of a parameter, 1-based */
static int training_copy_rows(lua_State *L)
{
    yl_net *from = yl__check_net(L, 1), *to = yl__check_net(L, 2);
    const char *name = yl__check_string(L, 3);
    yl__check_type(L, 4, LUA_TTABLE);
    int i = yl_net_find_range(from, name), k = yl_net_find_range(to, name);
    if (i < 0 || k < 0) return yl__error(L, "parameter '%s' does not exist in both networks", name);
    const yl_range *source = &from->ranges[i], *target = &to->ranges[k];
    int64_t row = source->count / source->dims[0];
    if (target->count / target->dims[0] != row) return yl__error(L, "%s: rows of different sizes", name);
    float *a = yl__scratch(L, (size_t)source->count * sizeof *a),
          *b = yl__scratch(L, (size_t)target->count * sizeof *b);
    char *source_at = yl_net_at(yl_net_has_slab(from, "value"), source),
         *target_at = yl_net_at(yl_net_has_slab(to, "value"), target);
    yl__check(L, from->device->from_device(from->device, a, source_at, (size_t)source->count * sizeof *a));
    yl__check(L, to->device->from_device(to->device, b, target_at, (size_t)target->count * sizeof *b));
    for (int64_t p = 1, n = luaL_len(L, 4); p <= n; p++) {
        lua_rawgeti(L, 4, p);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        int64_t t = yl__check_integer(L, -2) - 1, f = yl__check_integer(L, -1) - 1;
        lua_pop(L, 3);
        if (t < 0 || f < 0 || t >= target->dims[0] || f >= source->dims[0])
            return yl__error(L, "%s: no such row", name);
        memcpy(b + t * row, a + f * row, (size_t)row * sizeof *b);
    }
    yl__check(L, yl__net_write(to, k, yl_net_has_slab(to, "value"), b));
    return 0;
}

/* core.nonzero(net) -> how many parameters are not exactly zero */
static int training_nonzero(lua_State *L)
{
    int64_t count;
    yl__check(L, yl_net_count_nonzero(yl__check_net(L, 1), &count));
    lua_pushinteger(L, count);
    return 1;
}

/* core.has_slab(net, name): whether anybody has asked for it yet */
static int training_has_slab(lua_State *L)
{
    lua_pushboolean(L, yl_net_has_slab(yl__check_net(L, 1), yl__check_string(L, 2)) != NULL);
    return 1;
}

/* core.gradient_norm(net) -> the norm of the gradient as it is summed up, over what learns; gradients of masked weights become zero */
static int training_gradient_norm(lua_State *L)
{
    double norm;
    yl__check(L, yl_net_gradient_norm(yl__check_net(L, 1), &norm));
    lua_pushnumber(L, norm);
    return 1;
}

/* core.permutation(n, seed, epoch) -> list of 1..n */
static int training_permutation(lua_State *L)
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

/* core.algorithms() -> the convolution algorithms that this process chose, as text; core.algorithms(text) takes such a text over */
static int training_algorithms(lua_State *L)
{
    if (!lua_isnoneornil(L, 1)) {
        yl__check(L, yl_choices_import(yl__check_string(L, 1), true));
        return 0;
    }
    yl_text *text = yl__push_text(L);
    yl__check(L, yl_choices_export("conv2d ", true, text));
    lua_pushstring(L, text->data ? text->data : "");
    return 1;
}

void yl__bind_training(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"step", training_step},
        {"save", training_save},
        {"restore", training_restore},
        {"copy_values", training_copy},
        {"copy_rows", training_copy_rows},
        {"nonzero", training_nonzero},
        {"has_slab", training_has_slab},
        {"gradient_norm", training_gradient_norm},
        {"permutation", training_permutation},
        {"algorithms", training_algorithms},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
