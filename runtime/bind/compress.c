/* Deep Compression for Lua: shared weights, their training, and packed checkpoints. */
#include "backend/device.h"
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "bind/notes.h"
#include "bind/tensor_objects.h"
#include "compress/codebook.h"
#include "formats/checkpoint.h"

#include <string.h>

/* The numbers of a tensor, copied to the host. */
static float *read_numbers(lua_State *L, int index, int64_t *count)
{
    yl_tensor *t = yl__check_tensor(L, index);
    if (t->dtype != YL_F32 || !yl_tensor_contiguous(t)) yl__error(L, "expected a contiguous tensor of f32");
    *count = yl_tensor_count(t);
    float *numbers = yl__scratch(L, (size_t)*count * sizeof *numbers);
    yl__check(L, yl_tensor_read(t, numbers));
    return numbers;
}

/* core.compress.share(weights, name, {fields of "codebook"}) -> how many different values are left, root of the mean squared change */
static int compress_share(lua_State *L)
{
    yl_codebook_options o;
    int64_t count, used;
    double error;
    const char *name = yl__check_string(L, 2);
    yl__read_options(L, 3, YL__FILL({&yl_codebook_fields, &o}), NULL);
    float *weights = read_numbers(L, 1, &count), *values = yl__scratch(L, YL_CODEBOOK_MOST * sizeof *values);
    size_t bytes = (size_t)count * sizeof *weights;
    float *before = memcpy(yl__scratch(L, bytes), weights, bytes);
    yl__check(L, yl_codebook_share(&o, name, count, weights, values, &used, &error));
    if (memcmp(before, weights, bytes) != 0) /* what stays as it is keeps its calibration */
        yl__check(L, yl_tensor_write(yl__check_tensor(L, 1), weights));
    lua_pushinteger(L, used);
    lua_pushnumber(L, error);
    return 2;
}

/* core.compress.codes(weights, name, most) -> tensor of i32, the place of each weight among the different ones (0: zero), and how many
 * of these there are; nil where there are more than `most` */
static int compress_codes(lua_State *L)
{
    int64_t count, used, most = yl__check_integer(L, 3);
    const char *name = yl__check_string(L, 2);
    yl__arg_check(L, most >= 1 && most <= YL_CODEBOOK_MOST, 3, "expected 1..65536");
    float *weights = read_numbers(L, 1, &count), *values = yl__scratch(L, YL_CODEBOOK_MOST * sizeof *values);
    uint16_t *codes = yl__scratch(L, (size_t)count * sizeof *codes);
    yl__check(L, yl_codebook_read(name, count, weights, most, values, codes, &used));
    if (used == 0) return 0;
    yl_device *cpu;
    yl_tensor **box = yl__new_tensor(L);
    void *data;
    yl__check(L, yl_device_get("cpu", &cpu));
    yl__check(L, yl_tensor_new(cpu, YL_I32, 1, &count, box));
    yl__check(L, yl_tensor_data(*box, &data));
    for (int64_t i = 0; i < count; i++) ((int32_t *)data)[i] = codes[i];
    lua_pushinteger(L, used);
    return 2;
}

/* The codes of as many numbers, each in 0..used-1. */
static const int32_t *check_codes(lua_State *L, int index, int64_t count, int64_t used)
{
    yl_tensor *t = yl__check_tensor(L, index);
    void *data;
    if (t->dtype != YL_I32 || !yl_tensor_contiguous(t) || yl_tensor_count(t) != count)
        yl__error(L, "expected a contiguous tensor of i32 with %d codes", (int)count);
    yl__check(L, yl_tensor_data(t, &data));
    const int32_t *codes = data;
    for (int64_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] >= used) yl__error(L, "code %d: expected 0..%d", (int)codes[i], (int)used - 1);
    return codes;
}

/* core.compress.sum(weights, gradient, codes, used) -> true: the gradients of one code are summed; false: the codes are not the weights'
 * any more (yl_codebook_sum) */
static int compress_sum(lua_State *L)
{
    int64_t count, numbers, used = yl__check_integer(L, 4);
    yl__arg_check(L, used >= 1 && used <= YL_CODEBOOK_MOST, 4, "expected 1..65536");
    float *weights = read_numbers(L, 1, &count), *gradient = read_numbers(L, 2, &numbers);
    if (numbers != count) yl__error(L, "expected as many gradients as weights");
    const int32_t *codes = check_codes(L, 3, count, used);
    bool summed = yl_codebook_sum(count, codes, used, weights, gradient, yl__scratch(L, (size_t)used * sizeof(double)));
    if (summed) yl__check(L, yl_tensor_write(yl__check_tensor(L, 2), gradient));
    lua_pushboolean(L, summed);
    return 1;
}

/* core.compress.level(numbers, codes, used): those of one code become equal (yl_codebook_level) */
static int compress_level(lua_State *L)
{
    int64_t count, used = yl__check_integer(L, 3);
    yl__arg_check(L, used >= 1 && used <= YL_CODEBOOK_MOST, 3, "expected 1..65536");
    float *numbers = read_numbers(L, 1, &count);
    const int32_t *codes = check_codes(L, 2, count, used);
    yl_codebook_level(count, codes, numbers, yl__scratch(L, (size_t)used * sizeof(float)));
    yl__check(L, yl_tensor_write(yl__check_tensor(L, 1), numbers));
    return 0;
}

static void push_packed(lua_State *L, const yl_range *range, const yl_checkpoint_packed *p)
{
    const yl_packed_sizes *s = &p->sizes;
    const struct {
        const char *key;
        int64_t value;
    } whole[] = {{"numbers", s->numbers},   {"nonzero", s->kept},          {"entries", s->entries},
                 {"values", s->values},     {"index_bits", s->index_bits}, {"bytes_p", s->bytes_p},
                 {"bytes_pq", s->bytes_pq}, {"bytes_pqh", s->bytes_pqh},   {"bytes", p->bytes}};
    lua_createtable(L, 0, 12);
    lua_pushstring(L, range->name);
    lua_setfield(L, -2, "parameter");
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        lua_pushinteger(L, whole[i].value);
        lua_setfield(L, -2, whole[i].key);
    }
    if (s->bytes_zstd >= 0) {
        lua_pushinteger(L, s->bytes_zstd);
        lua_setfield(L, -2, "bytes_zstd");
    }
    lua_pushnumber(L, s->code_bits);
    lua_setfield(L, -2, "code_bits");
    lua_pushnumber(L, s->gap_bits);
    lua_setfield(L, -2, "gap_bits");
}

/* core.compress.save(net, path, {key = text, ...}, index_bits) -> list of what was packed: parameter, numbers, nonzero, entries, values,
 * index_bits, code_bits and gap_bits (per entry), bytes_p, bytes_pq, bytes_pqh, bytes_zstd (nil where its library is missing), bytes */
static int compress_save(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_safetensors_note notes[YL__NOTES];
    int64_t n_notes = yl__check_notes(L, 3, notes);
    yl_checkpoint_packed *ranges = yl__scratch(L, (size_t)(net->n_ranges + 1) * sizeof *ranges);
    yl__check(L, yl_checkpoint_save_packed(net, path, (int)yl__check_integer(L, 4), notes, n_notes, ranges));
    lua_newtable(L);
    for (int r = 0, n = 0; r < net->n_ranges; r++) {
        if (!ranges[r].bytes) continue;
        push_packed(L, &net->ranges[r], &ranges[r]);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

void yl__bind_compress(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"share", compress_share}, {"codes", compress_codes}, {"sum", compress_sum},
        {"level", compress_level}, {"save", compress_save},   {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "compress");
    yl__offer_fields(L, &yl_codebook_fields);
}
