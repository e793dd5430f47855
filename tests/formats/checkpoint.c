/* A network's slabs through a file: the same bits come back, and what does not fit is named before anything has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "backend/device.h"
#include "formats/checkpoint.h"

static const char *const path = "formats-checkpoint.safetensors";

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

/* A convolution over `channels`, with its batch normalisation where asked for. */
static yl_net *network(int64_t channels, bool bn, uint64_t seed)
{
    yl_device *cpu;
    yl_net *net;
    int index;
    ok(yl_device_get("cpu", &cpu));
    ok(yl_net_create(cpu, 8, 8, channels, &net));
    ok(yl_net_add(net, yl_layer_find("conv2d"), NULL, NULL, 1, (int[]){-1}, &index));
    if (bn) ok(yl_net_add(net, yl_layer_find("batchnorm"), "conv1.bn", NULL, 1, (int[]){0}, &index));
    ok(yl_net_init(net, seed));
    return net;
}

static bool saved(int slab, bool full)
{
    yl_slab_kept kept = yl_slab_kinds[slab].kept;
    return kept == YL_SLAB_MODEL || (full && kept == YL_SLAB_TRAINING);
}

/* Every slab of the list; what a mask covers is zero. */
static void fill(yl_net *net)
{
    for (int i = 0; i < YL_SLABS; i++) {
        yl_slab *slab;
        ok(yl_net_slab(net, yl_slab_kinds[i].name, &slab));
        for (int64_t k = 0; k < slab->count; k++) {
            if (slab->dtype == YL_U8)
                ((uint8_t *)slab->data)[k] = k % 3 == 0;
            else
                ((float *)slab->data)[k] = k < net->n_trainable_slots && k % 3 ? 0 : (float)(i + 1) / (float)(k + 3);
        }
    }
}

static bool same_slab(const yl_net *a, const yl_net *b, const char *name)
{
    const yl_slab *x = yl_net_has_slab(a, name), *y = yl_net_has_slab(b, name);
    if (!x || !y) return false;
    for (int r = 0; r < a->n_ranges; r++) {
        const void *p = yl_net_at(x, &a->ranges[r]), *q = yl_net_at(y, &b->ranges[r]);
        if (p && memcmp(p, q, (size_t)a->ranges[r].count * yl_dtype_bytes(x->dtype)) != 0) return false;
    }
    return true;
}

static void test_round_trip(void **state)
{
    (void)state;
    yl_net *a = network(3, true, 1), *b = network(3, true, 2), *c = network(3, true, 2);
    fill(a);
    ok(yl_checkpoint_save(a, path, true, NULL, 0));
    assert_false(same_slab(a, b, "value"));
    uint64_t version = b->ranges[0].version;
    ok(yl_checkpoint_restore(b, path, true));
    assert_true(b->ranges[0].version > version);
    ok(yl_checkpoint_restore(c, path, false)); /* the model and no more */
    int kept = 0, model = 0;
    for (int i = 0; i < YL_SLABS; i++) {
        const char *name = yl_slab_kinds[i].name;
        assert_true(same_slab(a, b, name) == saved(i, true));
        assert_true(same_slab(a, c, name) == saved(i, false));
        assert_true((yl_net_has_slab(c, name) != NULL) == saved(i, false));
        kept += saved(i, true);
        model += saved(i, false);
    }
    assert_true(kept == YL_SLABS - 1 && model == 2);
    remove(path);
    yl_net_free(a);
    yl_net_free(b);
    yl_net_free(c);
}

static int slabs(const yl_net *net)
{
    int count = 0;
    for (int i = 0; i < YL_SLABS; i++) count += net->slabs[i].data != NULL;
    return count;
}

/* Restores into another network: refused with that sentence, its slabs as they were. */
static void misfit(yl_net *from, yl_net *to, const char *sentence)
{
    uint64_t before, after;
    yl_slab *momentum;
    int slabs_before = slabs(to);
    ok(yl_net_slab(from, "momentum", &momentum));
    ok(yl_checkpoint_save(from, path, true, NULL, 0));
    ok(yl_net_checksum(to, 0, &before));
    for (int full = 0; full <= 1; full++) {
        assert_int_equal(yl_checkpoint_restore(to, path, full), YL_FORMAT);
        if (!strstr(yl_error(), sentence) || !strstr(yl_error(), path))
            fail_msg("'%s' lacks '%s'", yl_error(), sentence);
    }
    ok(yl_net_checksum(to, 0, &after));
    assert_true(before == after);
    assert_int_equal(slabs(to), slabs_before);
    remove(path);
}

static void test_misfits(void **state)
{
    (void)state;
    yl_net *with = network(3, true, 1), *without = network(3, false, 2), *wide = network(5, true, 3);
    misfit(without, with, "parameter conv1.bn.scale is missing");
    misfit(with, without, "the network has no parameter 'conv1.bn.");
    misfit(wide, with,
           "parameter conv1.weight: expected f32 {1, 1, 1, 3}, as the network has it, got f32 {1, 1, 1, 5}");
    yl_net_free(with);
    yl_net_free(without);
    yl_net_free(wide);
}

/* A file with good values, a good slab and a slab that no network has: what was made for the good one goes again. */
static void test_refused_late(void **state)
{
    (void)state;
    yl_net *net = network(3, false, 1);
    yl_safetensor entries[8] = {0};
    static const char *const surplus[] = {"adam_m/conv1.bias", "zzz/conv1.bias"};
    for (int i = 0; i < net->n_ranges + 2; i++) {
        bool value = i < net->n_ranges;
        const yl_range *r = &net->ranges[value ? i : yl_net_find_range(net, "conv1.bias")];
        entries[i] = (yl_safetensor){.name = value ? r->name : surplus[i - net->n_ranges], .n_dims = r->n_dims};
        entries[i].dtype = YL_F32;
        for (int d = 0; d < r->n_dims; d++) entries[i].dims[d] = r->dims[d];
        entries[i].data = yl_net_at(yl_net_has_slab(net, "value"), r);
    }
    ok(yl_safetensors_write(path, entries, net->n_ranges + 2, NULL, 0));
    ok(yl_checkpoint_restore(net, path, false)); /* asks for the values only */
    assert_int_equal(yl_checkpoint_restore(net, path, true), YL_FORMAT);
    if (!strstr(yl_error(), "zzz/conv1.bias")) fail_msg("'%s'", yl_error());
    assert_null(yl_net_has_slab(net, "adam_m"));
    assert_int_equal(slabs(net), 1);
    remove(path);
    yl_net_free(net);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    yl_net *net = network(3, true, 1);
    fill(net);
    int n = 1;
    for (yl_status status = YL_MEMORY; status; n++) {
        yl__alloc_fail_at(n);
        status = yl_checkpoint_save(net, path, true, NULL, 0);
        yl__alloc_fail_at(0);
        assert_true(status == YL_OK || status == YL_MEMORY);
    }
    assert_true(n > 8);
    remove(path);
    yl_net_free(net);
}

/* A checkpoint of the network in which one parameter is packed, its zeros masked. */
static void save_with_packed(const yl_net *net, int packed, yl_text *bytes)
{
    yl_safetensor entries[8];
    for (int r = 0; r < net->n_ranges; r++) {
        const yl_range *range = &net->ranges[r];
        const float *numbers = yl_net_at(&net->slabs[YL_SLAB_value], range);
        entries[r] = (yl_safetensor){.name = range->name, .dtype = YL_F32, .n_dims = range->n_dims, .data = numbers};
        for (int d = 0; d < range->n_dims; d++) entries[r].dims[d] = range->dims[d];
        if (r != packed) continue;
        ok(yl_packed_write(range->name, range->n_dims, range->dims, numbers, true, -1, bytes, NULL));
        entries[r] = (yl_safetensor){
            .name = range->name, .dtype = YL_U8, .n_dims = 1, .dims = {bytes->length}, .data = bytes->data};
    }
    ok(yl_safetensors_write(path, entries, net->n_ranges, NULL, 0));
}

/* Any parameter may be packed, but only what has a mask can have masked zeros. */
static void test_packed_parameters(void **state)
{
    (void)state;
    yl_net *a = network(3, true, 1), *b = network(3, true, 2);
    assert_true(a->n_ranges <= 8);
    for (int r = 0; r < a->n_ranges; r++) {
        yl_text bytes = {0};
        bool statistic = a->ranges[r].kind == YL_STATISTIC;
        save_with_packed(a, r, &bytes);
        yl_status status = yl_checkpoint_restore(b, path, false);
        assert_int_equal(status, statistic ? YL_FORMAT : YL_OK);
        if (statistic) assert_non_null(strstr(yl_error(), "its zeros are masked, which a statistic's cannot be"));
        assert_true(same_slab(a, b, "value"));
        yl__text_free(&bytes);
    }
    remove(path);
    yl_net_free(a);
    yl_net_free(b);
}

/* A packed parameter of another network: both shapes are told, that of the packed numbers and not of their bytes. */
static void test_packed_misfit(void **state)
{
    (void)state;
    yl_text bytes = {0};
    yl_net *a = network(5, true, 1), *b = network(3, true, 2);
    save_with_packed(a, 0, &bytes);
    assert_int_equal(yl_checkpoint_restore(b, path, false), YL_FORMAT);
    if (!strstr(yl_error(),
                ": parameter conv1.weight: expected f32 {1, 1, 1, 3}, as the network has it, got f32 {1, 1, 1, 5}"))
        fail_msg("'%s'", yl_error());
    yl_safetensors_note note = {"format", "yolua 9"};
    ok(yl_checkpoint_save(b, path, false, &note, 1));
    assert_int_equal(yl_checkpoint_restore(b, path, false), YL_UNSUPPORTED);
    assert_non_null(strstr(yl_error(), "expected a checkpoint of the format 'yolua 1', got 'yolua 9'"));
    yl__text_free(&bytes);
    remove(path);
    yl_net_free(a);
    yl_net_free(b);
}

/* A negative zero, which a codebook does not hold: the parameter stays f32, and no bit is lost. */
static void test_negative_zero_is_not_packed(void **state)
{
    (void)state;
    yl_checkpoint_packed packed[8];
    yl_net *a = network(64, false, 1), *b = network(64, false, 2);
    float *numbers = yl_net_at(&a->slabs[YL_SLAB_value], &a->ranges[0]);
    for (int64_t i = 0; i < a->ranges[0].count; i++) numbers[i] = i % 3 ? 0.5f : 0;
    ok(yl_checkpoint_save_packed(a, path, -1, NULL, 0, packed));
    assert_true(packed[0].bytes > 0);
    numbers[1] = -0.0f;
    ok(yl_checkpoint_save_packed(a, path, -1, NULL, 0, packed));
    assert_int_equal(packed[0].bytes, 0);
    ok(yl_checkpoint_restore(b, path, false));
    assert_true(same_slab(a, b, "value"));
    remove(path);
    yl_net_free(a);
    yl_net_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_refused_late),      cmocka_unit_test(test_packed_misfit),
        cmocka_unit_test(test_packed_parameters), cmocka_unit_test(test_negative_zero_is_not_packed),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
