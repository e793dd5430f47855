/* Parameters lent as tensors: one memory, counted changes, an end with the slab, and no leak when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/memory.h"
#include "backend/device.h"
#include "net/net.h"

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

/* A convolution and its batch normalisation, which has statistics. */
static yl_net *network(void)
{
    yl_device *cpu;
    yl_net *net;
    int index;
    ok(yl_device_get("cpu", &cpu));
    ok(yl_net_create(cpu, 8, 8, 3, &net));
    ok(yl_net_add(net, yl_layer_find("conv2d"), NULL, NULL, 1, (int[]){-1}, &index));
    ok(yl_net_add(net, yl_layer_find("batchnorm"), "conv1.bn", NULL, 1, (int[]){0}, &index));
    ok(yl_net_init(net, 1));
    return net;
}

static void test_one_memory(void **state)
{
    (void)state;
    yl_net *net = network();
    int range = yl_net_find_range(net, "conv1.weight"), other = yl_net_find_range(net, "conv1.bn.scale");
    yl_tensor *t, *again;
    ok(yl_net_tensor(net, range, "value", &t));
    assert_int_equal(yl_tensor_count(t), net->ranges[range].count);
    uint64_t version = net->ranges[range].version, before = net->ranges[other].version;
    ok(yl_tensor_fill(t, 3));
    const float *values = yl_net_at(yl_net_has_slab(net, "value"), &net->ranges[range]);
    for (int64_t i = 0; i < net->ranges[range].count; i++) assert_true(values[i] == 3);
    assert_true(net->ranges[range].version == version + 1 && net->ranges[other].version == before);
    ok(yl_net_tensor(net, range, "value", &again));
    assert_ptr_equal(t->storage, again->storage); /* one loan per range and slab */
    yl_tensor_release(again);
    yl_tensor_release(t);
    yl_net_free(net);
}

static void test_ends(void **state)
{
    (void)state;
    yl_net *net = network();
    int range = yl_net_find_range(net, "conv1.weight");
    yl_tensor *value, *momentum;
    ok(yl_net_tensor(net, range, "value", &value));
    ok(yl_net_tensor(net, range, "momentum", &momentum));
    ok(yl_net_drop_slab(net, "momentum"));
    assert_true(yl_tensor_alive(value) && !yl_tensor_alive(momentum));
    ok(yl_tensor_fill(value, 1)); /* the other slab still lends */
    ok(yl_net_close(net));
    assert_false(yl_tensor_alive(value));
    assert_int_equal(yl_tensor_fill(value, 1), YL_INVALID);
    yl_tensor_release(value);
    yl_tensor_release(momentum);
}

/* Whoever holds a tensor, or a view of one, holds the network; the last one to go takes it along. */
static void test_keeps_the_network(void **state)
{
    (void)state;
    yl_net *net = network();
    int range = yl_net_find_range(net, "conv1.weight");
    yl_tensor *value, *view;
    ok(yl_net_tensor(net, range, "value", &value));
    ok(yl_tensor_select(value, 0, 0, &view));
    assert_int_equal(net->references, 2); /* one loan, however many views */
    yl_net_free(net);
    yl_tensor_release(value);
    assert_true(yl_tensor_alive(view));
    ok(yl_tensor_fill(view, 3));
    assert_int_equal(net->references, 1);
    yl_tensor_release(view); /* with a sanitizer: no leak */
    net = network();
    ok(yl_net_tensor(net, range, "value", &value));
    yl_tensor_release(value);
    assert_int_equal(net->references, 1);
    ok(yl_net_tensor(net, range, "value", &value)); /* the slab lends anew */
    assert_true(yl_tensor_alive(value));
    yl_tensor_release(value);
    yl_net_free(net);
}

static void test_refusals(void **state)
{
    (void)state;
    yl_net *net = network();
    yl_tensor *t;
    int statistic = yl_net_find_range(net, "conv1.bn.mean");
    assert_int_equal(yl_net_tensor(net, statistic, "grad", &t), YL_INVALID);
    assert_string_equal(yl_error(), "slab 'grad' holds nothing for conv1.bn.mean");
    assert_int_equal(yl_net_tensor(net, statistic, "gard", &t), YL_INVALID);
    ok(yl_net_tensor(net, statistic, "value", &t));
    yl_tensor_release(t);
    yl_net_free(net);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    for (int n = 1; n < 10; n++) {
        yl_net *net = network();
        yl_tensor *t = NULL;
        yl__alloc_fail_at(n);
        yl_status status = yl_net_tensor(net, 0, "momentum", &t);
        yl__alloc_fail_at(0);
        assert_true((status == YL_OK) == (t != NULL));
        assert_true(status == YL_OK || status == YL_MEMORY);
        yl_tensor_release(t);
        yl_net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_memory),        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_keeps_the_network), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
