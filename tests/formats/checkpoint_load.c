/* yl_checkpoint_load: a network out of a file alone, without Lua; what is no structure is one sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "layers/conv2d.h"
#include "yolua.h"

static const char path[] = "load.safetensors";
static const char good[] = "{\"w\":8,\"h\":4,\"c\":3,\"header\":\"momentum=0.9\\n\",\"layers\":["
                           "{\"kind\":\"conv2d\",\"name\":\"a\",\"inputs\":[0],\"options\":{\"filters\":\"4\",\"size\":"
                           "\"3\",\"pad\":\"true\"},\"section\":0},"
                           "{\"kind\":\"activation\",\"name\":\"a.act\",\"inputs\":[\"a\"],\"options\":{\"activation\":"
                           "\"relu\"},\"section\":0},"
                           "{\"kind\":\"route\",\"name\":\"r\",\"inputs\":[\"a.act\",\"a\"],\"options\":{}}]}";

static yl_device *device;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static int setup(void **state)
{
    (void)state;
    return yl_device_get("cpu", &device) != YL_OK;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static const char *format = "yolua 1";

/* A checkpoint of the network that `good` describes, with these notes. */
static void put(const char *structure, const char *names, bool averaged)
{
    yl_net *net;
    int index;
    yl_conv2d_options conv = {
        .filters = 4, .size = 3, .stride = 1, .pad = true, .dilation = 1, .groups = 1, .bias = true};
    ok(yl_net_create(device, 4, 8, 3, &net));
    ok(yl_net_add(net, &yl_layer_conv2d, "a", &conv, 1, (int[]){-1}, &index));
    ok(yl_net_init(net, 7));
    if (averaged) {
        yl_slab *slab;
        ok(yl_net_slab(net, "ema", &slab));
        for (int64_t i = 0; i < slab->count; i++) ((float *)slab->data)[i] = (float)i;
    }
    yl_safetensors_note notes[] = {
        {"format", format}, {"structure", structure}, {"names", names}, {"averaged", "true"}};
    ok(yl_checkpoint_save(net, path, averaged, notes, averaged ? 4 : 3));
    yl_net_free(net);
}

static void builds_what_the_file_says(void **state)
{
    (void)state;
    yl_net *net;
    char **names;
    int64_t count;
    put(good, "[\"car\",\"bus \\u00e9\"]", false);
    ok(yl_checkpoint_load(device, path, &net));
    assert_int_equal(net->n_layers, 3);
    assert_int_equal(net->w, 8);
    assert_int_equal(net->h, 4);
    assert_string_equal(net->header, "momentum=0.9\n");
    assert_string_equal(net->layers[1].kind->name, "activation");
    assert_int_equal(net->layers[2].n_inputs, 2);
    assert_int_equal(net->layers[2].inputs[0], 1);
    assert_int_equal(net->layers[0].section, 0);
    assert_int_equal(net->layers[2].section, -1);
    const float *values = yl_net_has_slab(net, "value")->data;
    assert_true(values[0] != 0);
    yl_net_free(net);
    ok(yl_checkpoint_names(path, &names, &count));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "car");
    assert_string_equal(names[1], "bus \xc3\xa9");
    yl_free(names);
}

static void takes_the_average(void **state)
{
    (void)state;
    yl_net *net;
    put(good, "[]", true);
    ok(yl_checkpoint_load(device, path, &net));
    const float *values = yl_net_has_slab(net, "value")->data;
    assert_true(values[5] == 5);
    assert_null(yl_net_has_slab(net, "ema"));
    yl_net_free(net);
}

static void refused(const char *structure, const char *word)
{
    yl_net *net;
    put(structure, "[]", false);
    assert_int_not_equal(yl_checkpoint_load(device, path, &net), YL_OK);
    if (!strstr(yl_error(), word) || !strstr(yl_error(), path)) fail_msg("'%s' does not say '%s'", yl_error(), word);
    assert_null(net);
}

static void refuses_what_is_no_structure(void **state)
{
    (void)state;
    static const char head[] = "{\"w\":8,\"h\":4,\"c\":3,\"layers\":[{\"kind\":\"conv2d\",\"name\":\"a\",";
    char text[1024];
    refused("[", "line 1");
    refused("[]", "a list of layers");
    refused("{\"w\":8,\"h\":4,\"c\":3,\"layers\":[5]}", "a kind and a name");
    refused("{\"w\":8,\"h\":0,\"c\":3,\"layers\":[]}", "got 0 x 8 x 3");
    snprintf(text, sizeof text, "%s\"inputs\":[0],\"options\":{\"stride\":\"9\",\"size\":\"9\"}}]}", head);
    refused(text, "smaller than the kernel of 9");
    refused("{\"w\":8,\"h\":4,\"c\":3,\"layers\":[{\"kind\":\"mine\",\"name\":\"a\"}]}", "the layer 'mine'");
    snprintf(text, sizeof text, "%s\"options\":{}}]}", head);
    refused(text, "a list of inputs");
    snprintf(text, sizeof text, "%s\"inputs\":[\"b\"],\"options\":{}}]}", head);
    refused(text, "earlier layers");
    snprintf(text, sizeof text, "%s\"inputs\":[1],\"options\":{}}]}", head);
    refused(text, "earlier layers");
    snprintf(text, sizeof text, "%s\"inputs\":[0],\"options\":{\"filters\":4}}]}", head);
    refused(text, "options that are texts");
    snprintf(text, sizeof text, "%s\"inputs\":[0],\"options\":{\"fitlers\":\"4\"}}]}", head);
    refused(text, "did you mean 'filters'");
    snprintf(text, sizeof text, "%s\"inputs\":[0],\"options\":{\"filters\":\"5\",\"size\":\"3\"}}]}", head);
    refused(text, "a.weight");
}

/* Another format, and class names that do not belong to the head's classes. */
static void refuses_other_notes(void **state)
{
    (void)state;
    yl_net *net;
    format = "yolua 2";
    put(good, "[]", false);
    format = "yolua 1";
    assert_int_equal(yl_checkpoint_load(device, path, &net), YL_UNSUPPORTED);
    assert_string_equal(yl_error(), "load.safetensors: expected a checkpoint of the format 'yolua 1', got 'yolua 2'");
    assert_null(net);
    char text[1024];
    snprintf(text, sizeof text,
             "%.*s,{\"kind\":\"conv2d\",\"name\":\"c\",\"inputs\":[0],\"options\":{\"filters\":\"8\"}},"
             "{\"kind\":\"region\",\"name\":\"head\",\"inputs\":[\"c\"],\"options\":{\"classes\":\"3\",\"num\":\"1\","
             "\"anchors\":\"1,1\"}}]}",
             (int)strlen(good) - 2, good);
    for (int i = 0; i < 3; i++) {
        put(text, (const char *[]){"[\"a\",\"b\"]", "[\"a\",\"b\",\"c\",\"d\"]", "[\"a\",\"b\",\"c\"]"}[i], false);
        assert_int_equal(yl_checkpoint_load(device, path, &net), YL_FORMAT);
        bool said =
            strstr(yl_error(), "load.safetensors: its 'names': expected 3 class names, as head has classes, got");
        if (said != (i < 2)) fail_msg("%d: '%s'", i, yl_error()); /* the last one lacks the numbers of c */
    }
}

static void refuses_what_is_no_checkpoint(void **state)
{
    (void)state;
    yl_net *net;
    char **names;
    int64_t count;
    const float number = 1;
    const yl_safetensor tensor = {.name = "x", .dtype = YL_F32, .n_dims = 1, .dims = {1}, .data = &number};
    ok(yl_safetensors_write(path, &tensor, 1, NULL, 0));
    assert_int_equal(yl_checkpoint_load(device, path, &net), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "not a checkpoint of yolua: its metadata has no 'structure'"));
    assert_int_equal(yl_checkpoint_names(path, &names, &count), YL_FORMAT);
    assert_int_equal(yl_checkpoint_load(device, "absent.safetensors", &net), YL_IO);
    put(good, "[1]", false);
    assert_int_equal(yl_checkpoint_names(path, &names, &count), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "a list of class names"));
    assert_null(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_what_the_file_says),     cmocka_unit_test(takes_the_average),
        cmocka_unit_test(refuses_what_is_no_structure),  cmocka_unit_test(refuses_other_notes),
        cmocka_unit_test(refuses_what_is_no_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
