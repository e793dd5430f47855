/* Darknet import and export when memory runs out: every allocation fails once, in turn; it is reported, nothing leaks,
 * and an interrupted load of weights leaves the network as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "backend/device.h"
#include "formats/darknet.h"

static const char CFG[] =
    "[net]\nwidth=8\nheight=8\nchannels=2\nbatch=1\n[convolutional]\nbatch_normalize=1\nfilters=2\nsize=3\npad=1\n"
    "activation=leaky\nfoo=1\nclip=1\n[convolutional]\nfilters=2\nactivation=linear\n[shortcut]\nfrom=-2\n[sam]\nfrom=-"
    "2\n"
    "[batchnorm]\n[activation]\n[empty]\n[local_avgpool]\nstride=1\n[route]\nlayers=-1,0\n";
static const char PATH[] = "darknet_load_test.weights";

static yl_device *cpu(void)
{
    yl_device *device;
    assert_int_equal(yl_device_get("cpu", &device), YL_OK);
    return device;
}

static yl_status there_and_back(yl_device *device, const char *name)
{
    yl_net *net;
    yl_text text = {0};
    YL_TRY(yl_darknet_parse_cfg(device, CFG, (int64_t)strlen(CFG), name, &net));
    yl_status status = yl_darknet_cfg_text(net, &text);
    if (status == YL_OK) status = yl_darknet_save_weights(net, PATH, NULL);
    uint64_t before = net->ranges[0].version;
    if (status == YL_OK) {
        status = yl_darknet_load_weights(net, PATH, 0, NULL);
        assert_int_equal(net->ranges[0].version, before + (status == YL_OK));
    }
    if (status == YL_OK) status = yl_darknet_load_first_weights(net, PATH, NULL, NULL, NULL);
    yl__text_free(&text);
    yl_net_free(net);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    yl_device *device = cpu();
    int failures = 0;
    for (int n = 1; n < 400; n++) {
        yl__alloc_fail_at(n);
        yl_status status = there_and_back(device, "x.cfg");
        assert_true(status == YL_OK || status == YL_MEMORY);
        failures += status != YL_OK;
    }
    yl__alloc_fail_at(0);
    assert_int_equal(there_and_back(device, "x.cfg"), YL_OK);
    assert_in_range(failures, 30, 390);
    remove(PATH);
}

static void add(yl_net *net, const char *kind, const char *name, const void *options, int n, const int *inputs)
{
    int index;
    assert_int_equal(yl_net_add(net, yl_layer_find(kind), name, options, n, inputs, &index), YL_OK);
}

static void unsupported(const yl_net *net, const char *word)
{
    yl_text text = {0};
    assert_int_equal(yl_darknet_cfg_text(net, &text), YL_UNSUPPORTED);
    if (!strstr(yl_error(), word)) fail_msg("'%s' lacks '%s'", yl_error(), word);
    yl__text_free(&text);
}

/* Networks that were built by hand and that no cfg can say. */
static void test_unsupported(void **state)
{
    (void)state;
    yl_net *net;
    const int input = -1, both[2] = {0, 1}, heads[2] = {0, -1};
    assert_int_equal(yl_net_create(cpu(), 4, 4, 1, &net), YL_OK);
    add(net, "conv2d", NULL, NULL, 1, &input);
    add(net, "conv2d", NULL, NULL, 1, &input);
    unsupported(net, "conv2 reads the network's input, which in a Darknet cfg only the first section does");
    add(net, "route", NULL, NULL, 2, both);
    yl_net_free(net);

    assert_int_equal(yl_net_create(cpu(), 4, 4, 1, &net), YL_OK);
    add(net, "dropout", NULL, NULL, 1, &input);
    add(net, "route", NULL, NULL, 2, heads);
    unsupported(net, "cannot read the network's input");
    yl_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_runs_out), cmocka_unit_test(test_unsupported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
