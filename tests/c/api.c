/* The public C interface as a program uses it: a cfg of its own, training steps that lower the loss, a checkpoint there and back,
 * detections on a picture, and sentences for what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "yolua.h"

enum { W = 64, H = 32, BATCH = 2 };

static const char cfg[] = "[net]\nwidth=64\nheight=32\nchannels=3\n"
                          "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
                          "[convolutional]\nbatch_normalize=1\nfilters=16\nsize=3\nstride=4\npad=1\nactivation=leaky\n"
                          "[convolutional]\nfilters=14\nsize=1\nstride=1\npad=1\nactivation=linear\n"
                          "[region]\nanchors=1.5,1.5, 3,3\nclasses=2\nnum=2\ncoords=4\nsoftmax=1\n";

static yl_device *device;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static void refused(yl_status status, yl_status want, const char *word)
{
    assert_int_equal(status, want);
    if (!strstr(yl_error(), word)) fail_msg("'%s' does not say '%s'", yl_error(), word);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    put("api.cfg", cfg);
    yl_set_threads(2);
    return yl_device_get("cpu", &device) != YL_OK;
}

static int teardown(void **state)
{
    (void)state;
    unlink("api.cfg"), unlink("api.weights"), unlink("api.safetensors");
    return 0;
}

static yl_net *load(void)
{
    yl_net *net;
    ok(yl_darknet_load_cfg(device, "api.cfg", &net));
    return net;
}

/* A dark picture with a light square; the square's row of truth. */
static void scene(int at, float *pixels, float *row)
{
    for (int i = 0; i < H; i++)
        for (int j = 0; j < W; j++)
            for (int k = 0; k < 3; k++)
                pixels[(i * W + j) * 3 + k] = i >= 8 && i < 24 && j >= at && j < at + 16 ? 1.0f : 0.1f;
    const float values[YL_TRUTH_FIELDS] = {(float)(at + 8) / W, 0.5f, 16.0f / W, 16.0f / H, 1, YL_TRUTH_OBJECT};
    memcpy(row, values, sizeof values);
}

static double total(double parts[][YL_MAX_LOSS_PARTS])
{
    return parts[0][0] + parts[0][1] + parts[0][2] + parts[0][3];
}

/* `count` steps on one batch; the loss per image before the last of them. */
static double train(yl_net *net, int count)
{
    yl_plan_options options = {.mode = YL_TRAIN, .batch = BATCH};
    yl_plan *plan;
    ok(yl_plan_create(net, &options, &plan));
    static float pixels[BATCH][H * W * 3], rows[BATCH][YL_TRUTH_FIELDS];
    const int32_t counts[BATCH] = {1, 1};
    for (int n = 0; n < BATCH; n++) scene(8 + 32 * n, pixels[n], rows[n]);
    const yl_truth truth = {.n = BATCH, .cap = 1, .rows = rows[0], .counts = counts};
    double parts[1][YL_MAX_LOSS_PARTS], loss = 0, norm;
    for (int i = 0; i < count; i++) {
        const yl_step_info info = {.seed = 1, .step = (uint32_t)i};
        const yl_step_options step = {
            .rule = YL_ADAM, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .images = BATCH};
        ok(yl_plan_feed(plan, pixels[0]));
        ok(yl_plan_forward(plan, &info));
        ok(yl_plan_loss(plan, &truth, parts));
        ok(yl_plan_backward(plan, NULL));
        ok(yl_net_step(net, &step, &norm));
        assert_true(norm > 0);
        loss = total(parts) / BATCH;
    }
    yl_plan_free(plan);
    return loss;
}

/* The plans of a network share memory: whoever's values were overwritten says so, and what to do. */
static void plans_share_memory(void **state)
{
    (void)state;
    static const float pixels[BATCH * H * W * 3];
    const int32_t counts[BATCH] = {0, 0};
    const float rows[BATCH * YL_TRUTH_FIELDS] = {0};
    const yl_truth truth = {.n = BATCH, .cap = 1, .rows = rows, .counts = counts};
    const yl_step_info info = {.seed = 1};
    const char *const says = "another plan of this network has run since";
    double parts[1][YL_MAX_LOSS_PARTS];
    yl_net *net = load();
    yl_plan *a, *b;
    yl_view view;
    ok(yl_net_init(net, 1));
    ok(yl_plan_create(net, &(yl_plan_options){.mode = YL_TRAIN, .batch = BATCH, .keep = true}, &a));
    ok(yl_plan_create(net, &(yl_plan_options){.batch = 1}, &b));
    ok(yl_plan_feed(a, pixels));
    ok(yl_plan_input(b, &view));
    refused(yl_plan_forward(a, &info), YL_INVALID, says);
    ok(yl_plan_feed(a, pixels));
    ok(yl_plan_forward(a, &info));
    ok(yl_plan_feed(b, pixels));
    refused(yl_plan_loss(a, &truth, parts), YL_INVALID, says);
    refused(yl_plan_backward(a, NULL), YL_INVALID, says);
    refused(yl_plan_output(a, net->n_layers - 1, &view), YL_INVALID, says);
    refused(yl_plan_gradient(a, 0, &view), YL_INVALID, says);
    assert_null(view.data);
    ok(yl_plan_forward(b, &info));
    ok(yl_plan_output(b, net->n_layers - 1, &view));
    assert_non_null(view.data);
    assert_int_equal(view.type, YL_F32);
    assert_int_equal(view.shape.c, yl_plan_shape(b, net->n_layers - 1).c);
    yl_plan_free(b); /* takes nothing with it */
    refused(yl_plan_forward(a, &info), YL_INVALID, says);
    ok(yl_plan_feed(a, pixels));
    ok(yl_plan_forward(a, &info));
    ok(yl_plan_loss(a, &truth, parts));
    ok(yl_plan_backward(a, NULL));
    ok(yl_plan_gradient(a, 0, &view));
    yl_plan_free(a);
    yl_net_free(net);
}

static int64_t detect(yl_net *net, double conf, yl_detection *best)
{
    yl_plan_options way = {.mode = YL_INFER, .batch = 1};
    yl_plan *plan;
    yl_image image;
    yl_detection *found;
    int64_t count;
    ok(yl_plan_create(net, &way, &plan));
    ok(yl_image_new(2 * W, 2 * H, &image)); /* twice the network's input */
    for (int64_t i = 0; i < image.h; i++)
        for (int64_t j = 0; j < image.w; j++)
            memset(image.data + (i * image.w + j) * 3, i >= 16 && i < 48 && j >= 16 && j < 48 ? 255 : 26, 3);
    const yl_predict_options options = {.detect = {.conf = conf, .iou = 0.45}};
    ok(yl_predict(net, plan, &image, &options, &found, &count));
    if (count > 0) *best = found[0];
    yl_free(found);
    yl_image_free(&image);
    yl_plan_free(plan);
    return count;
}

static void learns_and_detects(void **state)
{
    (void)state;
    yl_net *net = load();
    yl_detection best = {0};
    ok(yl_net_init(net, 1));
    double before = train(net, 1), after = train(net, 150);
    if (!(after < 0.1 * before)) fail_msg("the loss went from %g to %g", before, after);
    assert_true(detect(net, 0.3, &best) >= 1);
    assert_int_equal(best.class_index, 1);
    const yl_box truth = {16, 16, 48, 48};
    assert_true(yl_box_iou(best.box, truth) > 0.5);
    yl_net_free(net);
}

static uint64_t checksum(const yl_net *net)
{
    uint64_t all = 0, one;
    for (int i = 0; i < net->n_ranges; i++) {
        ok(yl_net_checksum(net, i, &one));
        all = all * 31 + one;
    }
    return all;
}

static void files_keep_every_bit(void **state)
{
    (void)state;
    yl_net *net = load(), *weights = load(), *checkpoint = load();
    ok(yl_net_init(net, 1));
    train(net, 3);
    ok(yl_darknet_save_weights(net, "api.weights", NULL));
    ok(yl_darknet_load_weights(weights, "api.weights", 0, NULL));
    ok(yl_checkpoint_save(net, "api.safetensors", true, NULL, 0));
    ok(yl_checkpoint_restore(checkpoint, "api.safetensors", true));
    assert_true(checksum(net) == checksum(weights) && checksum(net) == checksum(checkpoint));
    assert_non_null(yl_net_has_slab(checkpoint, "adam_m"));
    assert_true(train(net, 2) == train(checkpoint, 2)); /* the optimizer's state was copied too */
    yl_net_free(net), yl_net_free(weights), yl_net_free(checkpoint);
}

static void frozen_stays(void **state)
{
    (void)state;
    yl_net *net = load();
    int matched;
    uint64_t before, after;
    ok(yl_net_init(net, 1));
    ok(yl_net_freeze(net, "body", &matched));
    assert_true(matched > 0);
    int weight = yl_net_find_range(net, "conv1.weight");
    ok(yl_net_checksum(net, weight, &before));
    train(net, 3);
    ok(yl_net_checksum(net, weight, &after));
    assert_true(before == after);
    yl_net_free(net);
}

static void says_what_cannot_be(void **state)
{
    (void)state;
    yl_net *net = load(), *none;
    yl_device *other;
    yl_image image = {0}, empty = {0};
    yl_plan *plan;
    yl_detection *list;
    int64_t count;
    refused(yl_device_get("abacus", &other), YL_INVALID, "abacus");
    refused(yl_darknet_load_cfg(device, "absent.cfg", &none), YL_IO, "absent.cfg");
    refused(yl_image_decode("api.cfg", &image), YL_FORMAT, "api.cfg");
    yl_plan_options training = {.mode = YL_TRAIN, .batch = 1}, infer = {.mode = YL_INFER, .batch = 1};
    const yl_predict_options options = {.detect = {.conf = 0.25, .iou = 0.45}};
    ok(yl_plan_create(net, &training, &plan));
    refused(yl_predict(net, plan, &empty, &options, &list, &count), YL_INVALID, "inference");
    assert_true(list == NULL && count == 0);
    yl_plan_free(plan);
    ok(yl_plan_create(net, &infer, &plan));
    refused(yl_predict(net, plan, &empty, &options, &list, &count), YL_INVALID, "empty");
    yl_plan_free(plan);
    yl_net_free(net);
    assert_string_equal(yl_status_name(YL_FORMAT), "FORMAT");
    assert_true(yl_version()[0] >= '0' && yl_version()[0] <= '9');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_detects), cmocka_unit_test(files_keep_every_bit), cmocka_unit_test(frozen_stays),
        cmocka_unit_test(plans_share_memory), cmocka_unit_test(says_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
