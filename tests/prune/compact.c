/* Compaction and cuts when memory runs out: every allocation fails once, in turn; it is reported, nothing leaks, and the network stays as
 * it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/device.h"
#include "core/memory.h"
#include "formats/darknet.h"
#include "prune/compact.h"
#include "prune/cut.h"

static const char CFG[] =
    "[net]\nwidth=8\nheight=8\nchannels=2\n[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\n"
    "activation=leaky\n[convolutional]\nfilters=4\nactivation=logistic\n[shortcut]\nfrom=-2\n"
    "[convolutional]\nfilters=3\nsize=3\npad=1\nactivation=linear\n";

/* The network, with a filter of its second convolution and a scale of its batch-norm zero, masked, and averages. */
static yl_net *network(void)
{
    yl_device *device;
    yl_net *net;
    yl_slab *slab;
    assert_int_equal(yl_device_get("cpu", &device), YL_OK);
    assert_int_equal(yl_darknet_parse_cfg(device, CFG, (int64_t)strlen(CFG), "x.cfg", &net), YL_OK);
    assert_int_equal(yl_net_init(net, 1), YL_OK);
    const char *const names[] = {"conv1.weight", "conv1.bn.scale", "conv2.weight"};
    for (int i = 0; i < 3; i++) {
        yl_range *r = &net->ranges[yl_net_find_range(net, names[i])];
        memset(yl_net_at(&net->slabs[YL_SLAB_value], r), 0, (size_t)(r->count / r->dims[0]) * sizeof(float));
        assert_int_equal(yl__net_changed(net, &net->slabs[YL_SLAB_value], r), YL_OK);
    }
    assert_int_equal(yl_net_slab(net, "ema", &slab), YL_OK);
    assert_int_equal(yl_net_slab(net, "mask", &slab), YL_OK);
    assert_int_equal(yl_net_slab(net, "momentum", &slab), YL_OK);
    return net;
}

static yl_status compact(yl_net *net)
{
    const yl_compact_options o = {1, 1};
    yl_net *made;
    YL_TRY(yl_net_compact(net, &o, &made));
    yl_net_free(made);
    return YL_OK;
}

static yl_status cut(yl_net *net)
{
    const yl_cut_options o = {.zeros = 10, .flops = -1};
    yl_channel_graph g;
    yl_cut_result result;
    double score[256] = {0};
    bool kept[256];
    yl_status status = yl_channels_build(net, &g);
    if (status == YL_OK) status = yl_channels_cut(&g, score, &o, kept, &result);
    yl_channels_free(&g);
    return status;
}

static void every_allocation_fails(yl_net *net, yl_status (*work)(yl_net *), int least)
{
    uint64_t sum, now;
    int failures = 0;
    assert_int_equal(work(net), YL_OK); /* what the network keeps is there now */
    assert_int_equal(yl_net_checksum(net, 0, &sum), YL_OK);
    int64_t held = yl__alloc_held();
    for (int n = 1; n < 2000; n++) {
        yl__alloc_fail_at(n);
        yl_status status = work(net);
        yl__alloc_fail_at(0);
        assert_true(status == YL_OK || status == YL_MEMORY);
        assert_true(yl__alloc_held() == held);
        failures += status != YL_OK;
    }
    assert_int_equal(work(net), YL_OK);
    assert_int_equal(yl_net_checksum(net, 0, &now), YL_OK);
    assert_true(sum == now);
    assert_in_range(failures, least, 1900);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    yl_net *net = network();
    every_allocation_fails(net, compact, 60);
    every_allocation_fails(net, cut, 30);
    yl_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
