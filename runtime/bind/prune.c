/* Pruning for Lua: scores and patterns that need more than tensors' methods, and which numbers go. */
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "prune/lamp.h"
#include "prune/pattern.h"
#include "prune/select.h"
#include "tensor/rows.h"

#include <string.h>

/* The numbers of the tensor at `index`, which has to be contiguous and of that type: on the host, where it lives unless it is a network's
 * on another device, of which this is a copy. */
static void *check_plain(lua_State *L, int index, yl_dtype dtype, int64_t *count)
{
    char *data;
    yl_tensor *t = yl__check_tensor(L, index);
    if (t->dtype != dtype || !yl_tensor_contiguous(t))
        yl__error(L, "expected a contiguous tensor of %s", yl__dtype_names[dtype]);
    if (count) *count = yl_tensor_count(t);
    yl__check(L, yl__tensor_host(t, &data));
    return data;
}

/* Two tensors of one count: what is at `first` of that type, and the mask after it. */
static int64_t check_with_mask(lua_State *L, int first, void **numbers, uint8_t **mask)
{
    int64_t count, masks;
    *numbers = check_plain(L, first, YL_F32, &count);
    *mask = check_plain(L, first + 1, YL_U8, &masks);
    if (masks != count) yl__error(L, "expected a mask of %d numbers, got %d", (int)count, (int)masks);
    return count;
}

/* core.prune.select(names, scores, masks, zeros): lists of texts and of f32 and u8 tensors; the masks are changed in place */
static int prune_select(lua_State *L)
{
    int n = (int)yl__check_list(L, 1, "names");
    if (yl__check_list(L, 2, "scores") != n || yl__check_list(L, 3, "masks") != n)
        yl__error(L, "expected as many scores and masks as names");
    yl_prune_part *parts = yl__scratch(L, (size_t)n * sizeof *parts);
    int64_t zeros = yl__check_integer(L, 4);
    yl_device *device = NULL;
    for (int i = 0; i < n; i++) {
        void *score;
        lua_rawgeti(L, 1, i + 1);
        lua_rawgeti(L, 2, i + 1);
        lua_rawgeti(L, 3, i + 1);
        parts[i].name = yl__check_string(L, -3);
        parts[i].count = check_with_mask(L, lua_gettop(L) - 1, &score, &parts[i].mask);
        parts[i].score = score;
        device = yl_tensor_device(yl__check_tensor(L, -2));
        lua_pop(L, 3); /* the lists hold them */
    }
    if (n > 0) yl__check(L, yl_prune_select(n, parts, zeros, yl__ctx(device).threads));
    return 0;
}

/* core.prune.lamp(weights, mask, score): fills `score` */
static int prune_lamp(lua_State *L)
{
    void *w;
    uint8_t *mask;
    int64_t count = check_with_mask(L, 1, &w, &mask), scores;
    float *score = check_plain(L, 3, YL_F32, &scores);
    if (scores != count) yl__error(L, "expected %d scores, got %d", (int)count, (int)scores);
    yl__check(L, yl_prune_lamp(count, w, mask, score));
    return 0;
}

/* (score, mask, length, stride) from `first` on */
static yl_prune_blocks check_blocks(lua_State *L, int first)
{
    void *score;
    yl_prune_blocks b = {.length = yl__check_integer(L, first + 2), .stride = yl__check_integer(L, first + 3)};
    uint8_t *mask;
    int64_t count = check_with_mask(L, first, &score, &mask);
    if (b.length < 1 || b.stride < 1 || count % (b.length * b.stride) != 0)
        yl__error(L, "blocks of %d numbers, %d apart, do not divide %d", (int)b.length, (int)b.stride, (int)count);
    b.outer = count / (b.length * b.stride), b.score = score, b.mask = mask;
    return b;
}

/* core.prune.keep_largest(score, mask, length, stride, n, m): +infinity for the n largest of each m */
static int prune_keep_largest(lua_State *L)
{
    yl_prune_blocks b = check_blocks(L, 1);
    int64_t n = yl__check_integer(L, 5), m = yl__check_integer(L, 6);
    yl__arg_check(L, n >= 1 && m > n, 6, "expected n of more than n numbers");
    yl_prune_keep_largest(&b, n, m);
    return 0;
}

static int check_shapes(lua_State *L, int index, uint16_t out[YL_PRUNE_SHAPES])
{
    int n = (int)yl__check_list(L, index, "shapes");
    if (n < 1 || n > YL_PRUNE_SHAPES) yl__error(L, "expected 1 to %d shapes, got %d", YL_PRUNE_SHAPES, n);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, index, i + 1);
        out[i] = (uint16_t)yl__check_integer(L, -1);
        lua_pop(L, 1);
    }
    return n;
}

/* core.prune.shapes(entries) -> list of shapes: the bits 0..8 of a 3x3 kernel's places */
static int prune_shapes(lua_State *L)
{
    uint16_t shapes[YL_PRUNE_SHAPES];
    int n = yl_prune_shapes((int)yl__check_integer(L, 1), shapes);
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        lua_pushinteger(L, shapes[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* core.prune.vote(score, mask, length, stride, shapes) -> for each shape, how many kernels it suits best */
static int prune_vote(lua_State *L)
{
    uint16_t shapes[YL_PRUNE_SHAPES];
    int64_t votes[YL_PRUNE_SHAPES] = {0};
    yl_prune_blocks b = check_blocks(L, 1);
    int n = check_shapes(L, 5, shapes);
    yl_prune_vote(&b, n, shapes, votes);
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        lua_pushinteger(L, votes[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* core.prune.keep_shape(score, mask, length, stride, shapes): +infinity for the best shape of each kernel */
static int prune_keep_shape(lua_State *L)
{
    uint16_t shapes[YL_PRUNE_SHAPES];
    yl_prune_blocks b = check_blocks(L, 1);
    int n = check_shapes(L, 5, shapes);
    yl_prune_keep_shape(&b, n, shapes);
    return 0;
}

/* core.prune.check(net): throws the first copy of a masked number that is not zero */
static int prune_check(lua_State *L)
{
    yl__check(L, yl_net_check_masks(yl__check_net(L, 1)));
    return 0;
}

void yl__bind_prune(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"select", prune_select}, {"lamp", prune_lamp}, {"keep_largest", prune_keep_largest},
        {"shapes", prune_shapes}, {"vote", prune_vote}, {"keep_shape", prune_keep_shape},
        {"check", prune_check},   {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "prune");
}
