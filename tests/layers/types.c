/* Every layer tells its kernels of which type the activations are: a device of the test's own, whose kernels take bf16 alone and do
 * nothing but note what they are told, trains and runs a network of all kinds of layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backend/device.h"
#include "formats/darknet.h"
#include "kernels/kernels.h"
#include "net/plan.h"

#define NUMBER(name, parameters, cuda) KERNEL_##name,
enum { YL_KERNELS(NUMBER) KERNELS };

#define NAME(name, parameters, cuda) #name,
static const char *const names[KERNELS] = {YL_KERNELS(NAME)};

static int calls[KERNELS], convolutions;
static const yl_dtype told = YL_BF16;

static yl_status note(int kernel, yl_dtype type)
{
    if (type != told)
        return yl__fail(YL_INVALID, "%s was told of activations of type %s", names[kernel], yl_dtype_name(type));
    calls[kernel]++;
    return YL_OK;
}

/* Which type a geometry tells of: one function each, chosen by the parameter's own type. */
#define GEOMETRIES(X)                                                                                                  \
    X(activation, dtype)                                                                                               \
    X(batchnorm, dtype)                                                                                                \
    X(columns, dtype)                                                                                                  \
    X(connected, dtype)                                                                                                \
    X(dropout, dtype)                                                                                                  \
    X(flat, dtype)                                                                                                     \
    X(head, dtype)                                                                                                     \
    X(pool, dtype)                                                                                                     \
    X(region, head.dtype)                                                                                              \
    X(reorg, dtype)                                                                                                    \
    X(route, dtype)                                                                                                    \
    X(scale, dtype)                                                                                                    \
    X(shortcut, dtype)                                                                                                 \
    X(softmax, dtype)                                                                                                  \
    X(tensor_train, dtype)                                                                                             \
    X(upsample, dtype)                                                                                                 \
    X(yolo, head.dtype)

#define X(name, member)                                                                                                \
    static yl_dtype type_of_##name(const void *g)                                                                      \
    {                                                                                                                  \
        return ((const yl_##name##_geom *)g)->member;                                                                  \
    }
GEOMETRIES(X)
#undef X

static yl_dtype no_type(const void *g) /* of kernels that take parameters, bytes or nothing */
{
    (void)g;
    return told;
}

static const void *const g; /* what the kernels see that have no parameter of that name */

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wshadow"
#define X(name, member) const yl_##name##_geom * : type_of_##name,
#define SPY(name, parameters, cuda)                                                                                    \
    static yl_status spy_##name parameters                                                                             \
    {                                                                                                                  \
        return note(KERNEL_##name, _Generic(g, GEOMETRIES(X) default : no_type)(g));                                   \
    }
YL_KERNELS(SPY)
#undef X

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *geom, yl_direction d)
{
    (void)ctx;
    return geom->dtype == told;
}

static double cost(const yl_conv2d_geom *geom, yl_direction d)
{
    return 1;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *geom, yl_direction d)
{
    return 64;
}

static size_t packed_bytes(const yl_conv2d_geom *geom, yl_direction d)
{
    return 0;
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *geom, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    return YL_OK;
}

static yl_status convolve(const yl_ctx *ctx, const yl_conv2d_geom *geom, yl_direction d, const yl_conv2d_run *run)
{
    convolutions |= 1 << d;
    return note(KERNEL_conv2d_algorithms, geom->dtype);
}

static yl_status algorithms(const yl_conv2d_algo *const **list)
{
    static const yl_conv2d_algo spy = {"spy", supports, cost, scratch_bytes, packed_bytes, pack, convolve};
    static const yl_conv2d_algo *const all[] = {&spy, NULL};
    *list = all;
    return YL_OK;
}

static yl_status batchnorm_scratch(const yl_ctx *ctx, const yl_batchnorm_geom *geom, size_t *bytes)
{
    *bytes = 64;
    return note(KERNEL_batchnorm_scratch, geom->dtype);
}

#define ENTRY(name, parameters, cuda) .name = spy_##name,
static yl_kernels table = {YL_KERNELS(ENTRY)};
static yl_device device;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s", yl_error());
}

static void refused(yl_status status, const char *sentence)
{
    assert_int_not_equal(status, YL_OK);
    assert_string_equal(yl_error(), sentence);
}

static int setup(void **state)
{
    yl_device *cpu;
    ok(yl_device_get("cpu", &cpu));
    table.conv2d_algorithms = algorithms;
    table.batchnorm_scratch = batchnorm_scratch;
    device = *cpu;
    device.name = "spy";
    device.kernels = &table;
    device.dtypes = 1u << told, device.factors = 0;
    return 0;
}

static const char cfg[] = "[net]\nwidth=16\nheight=16\nchannels=3\n"
                          "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\npad=1\nactivation=leaky\n"
                          "[convolutional]\nfilters=8\nsize=1\nactivation=leaky\n"
                          "[maxpool]\nsize=2\nstride=2\n"
                          "[dropout]\nprobability=0.5\n"
                          "[local_avgpool]\nsize=2\nstride=2\npadding=0\n"
                          "[upsample]\nstride=2\n"
                          "[shortcut]\nfrom=2\nactivation=linear\n"
                          "[route]\nlayers=-1,3\n"
                          "[shortcut]\nfrom=2\nactivation=linear\n" /* of fewer channels */
                          "[reorg]\nstride=2\n"
                          "[reorg3d]\nstride=2\n"
                          "[convolutional]\nfilters=8\nsize=1\nactivation=linear\n"
                          "[avgpool]\n"
                          "[scale_channels]\nfrom=11\nactivation=linear\n"
                          "[sam]\nfrom=11\nactivation=linear\n"
                          "[convolutional]\nfilters=12\nsize=1\nactivation=linear\n"
                          "[region]\nanchors=1,1,2,2\nclasses=1\nnum=2\n"
                          "[route]\nlayers=-2\n"
                          "[yolo]\nmask=0,1\nanchors=8,8,12,12\nclasses=1\nnum=2\n"
                          "[route]\nlayers=14\n"
                          "[connected]\noutput=4\nactivation=linear\n"
                          "[softmax]\n";

/* The kind that no cfg can name, with a loss behind it. */
static yl_net *load_tensor_train(void)
{
    static const char *const given[][2] = {{"in_modes", "16,48"}, {"out_modes", "3,4"}, {"ranks", "2"}};
    double options[512]; /* room for any kind's */
    int input = -1, index;
    yl_net *net;
    assert_true(yl_layer_tensor_train.options_size <= sizeof options);
    ok(yl_options_defaults(yl_layer_tensor_train.fields, options));
    for (int i = 0; i < 3; i++)
        ok(yl_options_set(yl_layer_tensor_train.fields, options, "types", given[i][0],
                          &(yl_value){YL_VALUE_STRING, .string = given[i][1]}));
    ok(yl_net_create(&device, 16, 16, 3, &net));
    ok(yl_net_add(net, &yl_layer_tensor_train, NULL, options, 1, &input, &index));
    ok(yl_net_add(net, &yl_layer_softmax, NULL, NULL, 1, &index, &index));
    ok(yl_net_init(net, 1));
    return net;
}

static yl_net *load(void)
{
    yl_net *net;
    ok(yl_darknet_parse_cfg(&device, cfg, (int64_t)strlen(cfg), "types", &net));
    ok(yl_net_init(net, 1));
    for (int i = 0; yl_layer_kinds[i]; i++) {
        bool found = yl_layer_kinds[i] == &yl_layer_tensor_train;
        for (int k = 0; k < net->n_layers; k++) found |= net->layers[k].kind == yl_layer_kinds[i];
        if (!found) fail_msg("the network has no layer of the kind %s", yl_layer_kinds[i]->name);
    }
    return net;
}

static void train(yl_net *net)
{
    const int32_t counts[2] = {0, 0};
    const float rows[2 * YL_TRUTH_FIELDS] = {0};
    const yl_truth truth = {.n = 2, .cap = 1, .rows = rows, .counts = counts};
    double parts[3][YL_MAX_LOSS_PARTS];
    yl_plan *plan;
    yl_view view;
    ok(yl_plan_create(
        net,
        &(yl_plan_options){.mode = YL_TRAIN, .batch = 2, .precision = told, .algorithm = "spy", .whole_gradient = true},
        &plan));
    ok(yl_plan_input(plan, &view));
    assert_int_equal(view.type, told);
    assert_int_equal(yl_view_bytes(view), 2 * 16 * 16 * 3 * 2);
    assert_ptr_equal(yl_view_image(view, 1).data, (char *)view.data + 16 * 16 * 3 * 2);
    ok(yl_plan_forward(plan, &(yl_step_info){.seed = 1}));
    ok(yl_plan_loss(plan, &truth, parts));
    ok(yl_plan_backward(plan, NULL));
    yl_plan_free(plan);
}

static void infer(yl_net *net)
{
    yl_plan *plan;
    yl_view view;
    ok(yl_plan_create(net, &(yl_plan_options){.batch = 1, .precision = told, .algorithm = "spy"}, &plan));
    ok(yl_plan_input(plan, &view));
    ok(yl_plan_forward(plan, &(yl_step_info){.seed = 1}));
    ok(yl_plan_output(plan, net->n_layers - 1, &view));
    assert_int_equal(view.type, YL_F32); /* a loss: its output is f32 */
    yl_plan_free(plan);
}

static void test_kernels_are_told_the_type(void **state)
{
    yl_net *nets[] = {load(), load_tensor_train()};
    for (int i = 0; i < 2; i++) {
        train(nets[i]);
        infer(nets[i]);
        yl_net_free(nets[i]);
    }
    assert_int_equal(convolutions, 1 << YL_FORWARD | 1 << YL_BACKWARD_DATA | 1 << YL_BACKWARD_WEIGHTS);
    /* not a layer's: the optimizer's, masks', tensors', the loader's and a teacher's, those of quantised activations, and of
     * batch-norm over several processes */
    static const char others[] =
        " step_sgd step_adam multiply apply_mask count_nonzero sum_squares find_not_finite matmul warp "
        "distill_head distill_features batchnorm_input quant_to_bytes quant_to_floats shortcut_bytes "
        "quant_fake quant_fake_weights quant_fake_backward ";
    for (int i = 0; i < KERNELS; i++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", names[i]);
        if (!calls[i] == !strstr(others, word)) fail_msg("%s was called %d times", names[i], calls[i]);
    }
}

static void test_what_a_device_lacks_is_refused(void **state)
{
    yl_plan *plan = NULL;
    yl_net *net = load();
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .precision = YL_F32}, &plan),
            "plan: precision f32 is not available on spy: expected bf16");
    device.dtypes = 1u << YL_F32 | 1u << YL_U8;
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .precision = YL_BF16}, &plan),
            "plan: precision bf16 is not available on spy, which has no AVX512-BF16: expected f32 or int8");
    device.dtypes = 1u << told;
    assert_null(plan);
    yl_net_free(net);
}

/* What a loss makes is f32: a layer behind it would read another type than it is told of. */
static void test_what_reads_a_loss_is_refused(void **state)
{
    static const char after[] = "[net]\nwidth=16\nheight=16\nchannels=3\n[avgpool]\n[softmax]\n[dropout]\n";
    yl_plan *plan = NULL;
    yl_net *net;
    ok(yl_darknet_parse_cfg(&device, after, (int64_t)strlen(after), "after", &net));
    refused(yl_plan_create(net, &(yl_plan_options){.batch = 1, .precision = told}, &plan),
            "plan: dropout1 reads the output of softmax1, which is f32: expected precision=f32, got bf16");
    assert_null(plan);
    yl_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_are_told_the_type),
        cmocka_unit_test(test_what_a_device_lacks_is_refused),
        cmocka_unit_test(test_what_reads_a_loss_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
