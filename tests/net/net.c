/* Structure: shapes, names, what is refused; and every allocation on the way failing once, without a leak or a half-made network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/memory.h"
#include "backend/device.h"
#include "layers/conv2d.h"
#include "net/plan.h"

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static yl_device *device(void)
{
    yl_device *cpu;
    ok(yl_device_get("cpu", &cpu));
    return cpu;
}

static yl_status add(yl_net *net, const char *kind, const char *name, int input)
{
    int index;
    return yl_net_add(net, yl_layer_find(kind), name, NULL, 1, &input, &index);
}

/* Convolution, batch normalisation, activation, pooling, convolution. */
static yl_status build(yl_net **out)
{
    yl_net *net;
    YL_TRY(yl_net_create(device(), 12, 8, 3, &net));
    yl_status status = add(net, "conv2d", NULL, -1);
    if (status == YL_OK) status = add(net, "batchnorm", "conv1.bn", 0);
    if (status == YL_OK) status = add(net, "activation", NULL, 1);
    if (status == YL_OK) status = add(net, "maxpool", NULL, 2);
    if (status == YL_OK) status = add(net, "conv2d", NULL, 3);
    if (status == YL_OK) status = yl_net_init(net, 1);
    if (status == YL_OK)
        *out = net;
    else
        yl_net_free(net);
    return status;
}

static void refused(yl_status status, const char *sentence)
{
    assert_int_equal(status, YL_INVALID);
    if (!strstr(yl_error(), sentence)) fail_msg("'%s' lacks '%s'", yl_error(), sentence);
}

static void test_sizes(void **state)
{
    (void)state;
    yl_net *net = NULL;
    const int64_t bad[][3] = {{0, 8, 3}, {8, -1, 3}, {8, 8, 0}, {65537, 8, 3}, {8, 65537, 3}, {8, 8, INT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(yl_net_create(device(), bad[i][0], bad[i][1], bad[i][2], &net), "in 1..65536");
    assert_null(net);
    refused(yl_net_create(device(), 65536, 65536, 65536, &net), "more numbers than memory can hold");
    assert_null(net);
    ok(yl_net_create(device(), 65536, 1, 65536, &net));
    refused(yl_net_finish(net), "the network has no layers");
    yl_net_free(net);
    yl_net_free(NULL);
}

/* Images, height, width and channels of 65536 each would multiply to 2^64, which wraps to 0. */
static void test_products(void **state)
{
    (void)state;
    yl_net *net;
    yl_plan *plan;
    yl_shape shapes[1];
    int64_t flops;
    ok(yl_net_create(device(), 8, 8, 1, &net));
    const yl_conv2d_options o = {.filters = 65536, .size = 1, .stride = 1, .dilation = 1, .groups = 1};
    int index;
    ok(yl_net_add(net, yl_layer_find("conv2d"), NULL, &o, 1, (int[]){-1}, &index));
    ok(yl_net_finish(net));
    refused(yl_net_shapes(net, 65536, 65536, 65536, shapes), "network input: 65536 images of 65536 x 65536 x 1");
    refused(yl_net_shapes(net, 65536, 1024, 1024, shapes), "conv1: output: 65536 images of 1024 x 1024 x 65536");
    refused(yl_net_shapes(net, 0, 8, 8, shapes), "0 images");
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 65536, .h = 65536, .w = 65536}, &plan), "network input");
    ok(yl_net_flops(net, 1, 2048, 2048, NULL, &flops));
    assert_int_equal(flops, (int64_t)1 << 39);
    yl_net_free(net);
}

static void test_names_and_inputs(void **state)
{
    (void)state;
    yl_net *net;
    ok(build(&net));
    const char *names[] = {"conv1", "conv1.bn", "act1", "maxpool1", "conv2"};
    assert_int_equal(net->n_layers, 5);
    for (int i = 0; i < 5; i++) assert_int_equal(yl_net_find_layer(net, names[i]), i);
    assert_int_equal(yl_net_find_layer(net, "conv3"), -1);
    assert_int_equal(yl_net_find_range(net, "conv1"), -1);
    assert_true(yl_net_find_range(net, "conv2.weight") >= 0);
    assert_int_equal(yl_net_consumers(net, 0), 1);
    assert_int_equal(yl_net_consumers(net, -1), 1);
    assert_int_equal(yl_net_consumers(net, 4), 0);
    refused(add(net, "conv2d", NULL, 4), "a finished network takes no more layers");
    yl_net_free(net);
    ok(yl_net_create(device(), 12, 8, 3, &net));
    ok(add(net, "maxpool", "a", -1));
    refused(add(net, "maxpool", "a", 0), "layer name 'a' is taken");
    refused(add(net, "maxpool", "b", 1), "b: input 2 is not an earlier layer");
    refused(add(net, "maxpool", "b", -2), "not an earlier layer");
    int index;
    refused(yl_net_add(net, yl_layer_find("maxpool"), "b", NULL, 0, NULL, &index), "b: expected 1 to 1 inputs, got 0");
    refused(yl_net_add(net, yl_layer_find("maxpool"), "b", NULL, 2, (int[]){0, 0}, &index), "got 2");
    assert_int_equal(net->n_layers, 1); /* what was refused left nothing */
    yl_net_free(net);
}

static void test_ranges(void **state)
{
    (void)state;
    yl_net *net;
    ok(build(&net));
    int64_t statistics = 0, end = 0;
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        int64_t product = 1;
        for (int d = 0; d < r->n_dims; d++) product *= r->dims[d];
        assert_int_equal(product, r->count);
        assert_int_equal(r->offset % 16, 0); /* a cache line */
        assert_true((r->kind == YL_STATISTIC) == (r->offset >= net->n_trainable_slots));
        for (int k = 0; k < i; k++) {
            const yl_range *other = &net->ranges[k];
            assert_true(r->offset >= other->offset + other->count || other->offset >= r->offset + r->count);
        }
        statistics += r->kind == YL_STATISTIC;
        if (r->offset + r->count > end) end = r->offset + r->count;
    }
    assert_int_equal(statistics, 2);
    assert_true(end <= net->n_values);
    yl_net_free(net);
}

static void test_slabs(void **state)
{
    (void)state;
    yl_net *net;
    yl_slab *slab, *again;
    ok(build(&net));
    assert_null(yl_net_has_slab(net, "mask"));
    ok(yl_net_slab(net, "mask", &slab));
    for (int64_t i = 0; i < slab->count; i++) assert_int_equal(((uint8_t *)slab->data)[i], 1);
    ok(yl_net_slab(net, "mask", &again));
    assert_ptr_equal(slab, again);
    assert_int_equal(slab->count, net->n_trainable_slots);
    ok(yl_net_slab(net, "ema", &slab));
    assert_memory_equal(slab->data, yl_net_has_slab(net, "value")->data, (size_t)net->n_values * sizeof(float));
    ok(yl_net_slab(net, "momentum", &slab));
    for (int64_t i = 0; i < slab->count; i++) assert_true(((float *)slab->data)[i] == 0);
    const yl_range *mean = &net->ranges[yl_net_find_range(net, "conv1.bn.mean")];
    assert_null(yl_net_at(slab, mean)); /* momentum stops before the statistics */
    assert_non_null(yl_net_at(yl_net_has_slab(net, "ema"), mean));
    assert_null(yl_net_at(NULL, mean));
    refused(yl_net_slab(net, "momentums", &slab),
            "slab 'momentums' is unknown; expected value, grad, mask, momentum, adam_m, adam_v, ema or saliency");
    ok(yl_net_drop_slab(net, "mask"));
    ok(yl_net_drop_slab(net, "mask")); /* gone already */
    refused(yl_net_drop_slab(net, "value"), "the values cannot be dropped");
    refused(yl_net_drop_slab(net, "masks"), "slab 'masks' is unknown");
    assert_null(yl_net_has_slab(net, "mask"));
    assert_non_null(yl_net_has_slab(net, "momentum"));
    yl_net_free(net);
}

static yl_status no_parameters(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    (void)layer, (void)in, (void)out;
    *count = 0;
    return yl__fail(YL_MEMORY, "no room to ask");
}

/* Why a layer cannot tell its parameters is what finishing the network says. */
static void test_parameters_that_cannot_be_told(void **state)
{
    (void)state;
    yl_layer_kind kind = yl_layer_conv2d;
    yl_net *net;
    int index;
    kind.params = no_parameters;
    ok(yl_net_create(device(), 12, 8, 3, &net));
    ok(yl_net_add(net, &kind, NULL, NULL, 1, (int[]){-1}, &index));
    assert_int_equal(yl_net_finish(net), YL_MEMORY);
    assert_string_equal(yl_error(), "no room to ask");
    yl_net_free(net);
}

/* Whatever is in the list is made, masked, named in sentences and dropped; nothing else is a slab. */
static void test_every_slab(void **state)
{
    (void)state;
    yl_net *net;
    yl_tensor *mask, *t;
    ok(build(&net));
    int range = yl_net_find_range(net, "conv1.weight"), numbers = 0;
    const yl_range *r = &net->ranges[range];
    for (int i = 0; i < YL_SLABS; i++) {
        yl_slab *slab;
        ok(yl_net_slab(net, yl_slab_kinds[i].name, &slab));
        assert_ptr_equal(slab, &net->slabs[i]);
        assert_int_equal(slab->count, yl_slab_kinds[i].spans == YL_SLAB_ALL ? net->n_values : net->n_trainable_slots);
        ok(yl_net_tensor(net, range, yl_slab_kinds[i].name, &t));
        if (slab->dtype == YL_F32) ok(yl_tensor_fill(t, i + 1));
        yl_tensor_release(t);
    }
    ok(yl_tensor_new(device(), YL_F32, r->n_dims, r->dims, &mask));
    ok(yl_net_set_mask(net, range, mask));
    for (int i = 0; i < YL_SLABS; i++) {
        const float *data = yl_net_at(&net->slabs[i], r);
        for (int64_t k = 0; net->slabs[i].dtype == YL_F32 && k < r->count; k++, numbers++) assert_true(data[k] == 0);
    }
    assert_int_equal(numbers, (YL_SLABS - 1) * r->count);
    yl_slab *none;
    assert_int_equal(yl_net_slab(net, "weights", &none), YL_INVALID);
    for (int i = 0; i < YL_SLABS; i++) assert_non_null(strstr(yl_error(), yl_slab_kinds[i].name));
    ok(yl_net_drop_training(net));
    for (int i = 0; i < YL_SLABS; i++)
        assert_true((net->slabs[i].data != NULL) == (yl_slab_kinds[i].kept == YL_SLAB_MODEL));
    yl_tensor_release(mask);
    yl_net_free(net);
}

static void test_seeds(void **state)
{
    (void)state;
    yl_net *net;
    uint64_t first, second, third;
    ok(build(&net));
    int weight = yl_net_find_range(net, "conv1.weight");
    uint64_t version = net->ranges[weight].version;
    ok(yl_net_checksum(net, weight, &first));
    ok(yl_net_init(net, 2));
    assert_true(net->ranges[weight].version > version);
    ok(yl_net_checksum(net, weight, &second));
    ok(yl_net_init_range(net, weight, 1));
    ok(yl_net_checksum(net, weight, &third));
    assert_true(first != second && first == third);
    yl_net_free(net);
}

/* The n-th allocation fails, for every n: a status and a sentence, and with a sanitizer no leak. */
static void test_building_without_memory(void **state)
{
    (void)state;
    int failures = 0;
    for (int n = 1;; n++) {
        yl_net *net = NULL;
        yl__alloc_fail_at(n);
        yl_status status = build(&net);
        yl__alloc_fail_at(0);
        if (status == YL_OK) {
            yl_net_free(net);
            break;
        }
        assert_int_equal(status, YL_MEMORY);
        assert_null(net);
        failures++;
    }
    assert_true(failures > 10);
}

/* A network that could not be finished is as it was, and finishing it again gives what it would have given. */
static void test_finishing_again(void **state)
{
    (void)state;
    yl_net *whole;
    ok(build(&whole));
    for (int n = 1, done = 0; !done; n++) {
        yl_net *net;
        ok(yl_net_create(device(), 12, 8, 3, &net));
        for (int i = 0; i < whole->n_layers; i++)
            ok(add(net, whole->layers[i].kind->name, whole->layers[i].name, i - 1));
        yl__alloc_fail_at(n);
        done = yl_net_finish(net) == YL_OK;
        yl__alloc_fail_at(0);
        assert_true(net->finished == (bool)done);
        ok(yl_net_finish(net));
        assert_int_equal(net->n_ranges, whole->n_ranges);
        assert_int_equal(net->n_values, whole->n_values);
        assert_non_null(yl_net_has_slab(net, "value"));
        yl_net_free(net);
    }
    yl_net_free(whole);
}

static void test_plans_without_memory(void **state)
{
    (void)state;
    yl_net *net;
    ok(build(&net));
    int failures = 0;
    for (int n = 1; n < 500; n++) {
        yl_plan *plan = NULL;
        const yl_plan_options options = {
            .mode = YL_TRAIN, .batch = n, .algorithm = "gemm"}; /* larger each time: the arena grows */
        yl__alloc_fail_at(n);
        yl_status status = yl_plan_create(net, &options, &plan);
        yl__alloc_fail_at(0);
        assert_int_equal(net->references, status == YL_OK ? 2 : 1);
        if (status == YL_OK) {
            yl_plan_free(plan);
            break;
        }
        assert_int_equal(status, YL_MEMORY);
        assert_null(plan);
        failures++;
    }
    assert_true(failures > 10 && failures < 490);
    assert_int_equal(net->references, 1);
    yl_net_free(net);
}

static void test_refused_plans(void **state)
{
    (void)state;
    yl_net *net;
    yl_plan *plan = NULL;
    ok(build(&net));
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 0}, &plan), "batch in 1..65536, got 0");
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 65537}, &plan), "got 65537");
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .slab = "mask"}, &plan), "value or ema, got 'mask'");
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .slab = "momentum"}, &plan), "value or ema");
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .algorithm = "magic"}, &plan), "magic");
    assert_null(plan);
    assert_int_equal(net->references, 1);
    ok(yl_plan_create(net, &(yl_plan_options){.batch = 1, .slab = "ema"}, &plan));
    yl_net_free(net); /* the plan holds on to it */
    yl_step_info info = {.seed = 1};
    refused(yl_plan_forward(plan, &info), "forward: give the plan its input");
    const float pixels[12 * 8 * 3] = {0};
    ok(yl_plan_feed(plan, pixels));
    ok(yl_plan_forward(plan, &info));
    yl_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_names_and_inputs),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_parameters_that_cannot_be_told),
        cmocka_unit_test(test_every_slab),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_building_without_memory),
        cmocka_unit_test(test_finishing_again),
        cmocka_unit_test(test_plans_without_memory),
        cmocka_unit_test(test_refused_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
