/* Where a plan's activations and gradients lie: no two places that are alive at one moment share a byte, in any kind of plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/memory.h"
#include "backend/device.h"
#include "layers/conv2d.h"
#include "net/plan_impl.h"

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static void add(yl_net *net, const char *kind, int a, int b)
{
    int index;
    ok(yl_net_add(net, yl_layer_find(kind), NULL, NULL, b < -1 ? 1 : 2, (int[]){a, b}, &index));
}

enum { NONE = -2 };

/* A stem whose output two branches read, joined again: fan-out, places of many sizes, activations in place. */
static yl_net *network(void)
{
    yl_device *cpu;
    yl_net *net;
    ok(yl_device_get("cpu", &cpu));
    ok(yl_net_create(cpu, 16, 16, 3, &net));
    add(net, "conv2d", -1, NONE);
    add(net, "batchnorm", 0, NONE);
    add(net, "activation", 1, NONE);
    add(net, "conv2d", 2, NONE);
    add(net, "activation", 3, NONE);
    add(net, "route", 2, 4);
    add(net, "maxpool", 5, NONE);
    add(net, "conv2d", 6, NONE);
    add(net, "dropout", 7, NONE);
    add(net, "conv2d", 8, NONE);
    ok(yl_net_init(net, 1));
    return net;
}

static void check_places(const yl_plan *plan)
{
    for (int i = 0; i < plan->n_places; i++) {
        const yl_place *a = &plan->places[i];
        assert_int_equal(a->offset % YL_ALIGNMENT, 0);
        assert_true(a->offset + a->bytes <= plan->arena_bytes);
        for (int k = 0; k < i; k++) {
            const yl_place *b = &plan->places[k];
            bool together = a->first <= b->last && b->first <= a->last;
            bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            if (together && !apart) fail_msg("places %d and %d overlap", k, i);
        }
    }
    assert_true(plan->arena_bytes <= plan->net->workspace.arena_bytes);
}

static bool alive(const yl_plan *plan, int place, int moment)
{
    return place >= 0 && plan->places[place].first <= moment && plan->places[place].last >= moment;
}

/* Where backward finds a value: what was dropped has been made again. */
static int place_in_backward(const yl_value_info *value)
{
    return value->dropped ? value->again : value->place;
}

/* A step that runs once more finds its inputs and its scratch, and its result lives on to the backward that waits for it. */
static void check_again(const yl_plan *plan)
{
    for (int i = 0; i < plan->n_again; i++) {
        const yl_plan_step *step = &plan->steps[plan->again[i]];
        const yl_layer *l = &plan->net->layers[step->layer];
        int now = yl__moment_again(plan, step->again_at);
        assert_true(plan->values[step->output + 1].dropped && alive(plan, plan->values[step->output + 1].again, now));
        for (int k = 0; k < l->n_inputs; k++)
            assert_true(alive(plan, place_in_backward(&plan->values[l->inputs[k] + 1]), now));
        if (step->needs.scratch) assert_true(alive(plan, step->scratch_place[YL__CALL_AGAIN], now));
        if (step->needs.state) assert_true(alive(plan, step->state_place, now));
        if (i > 0) assert_true(step->again_at <= plan->steps[plan->again[i - 1]].again_at);
    }
}

/* Every value that a step reads or writes is alive at that step, and large enough. */
static void check_steps(const yl_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        const yl_value_info *out = &plan->values[step->output + 1];
        const yl_place *y = &plan->places[out->place];
        assert_true(y->first <= s && y->last >= s);
        assert_true(y->bytes >= (size_t)yl_shape_count(out->shape) * sizeof(float));
        unsigned reads = step->backward && l->kind->reads ? l->kind->reads(l) : 0;
        int back = yl__moment_backward(plan, s);
        if (reads & YL_READS_Y) assert_true(alive(plan, place_in_backward(out), back));
        if (step->needs.scratch) assert_true(alive(plan, step->scratch_place[YL__CALL_FORWARD], s));
        if (step->needs.scratch && step->backward)
            assert_true(alive(plan, step->scratch_place[YL__CALL_BACKWARD], back));
        if (step->backward) assert_true(out->grad_place >= 0 && plan->places[out->grad_place].last >= back);
        for (int k = 0; k < l->n_inputs; k++) {
            const yl_value_info *in = &plan->values[l->inputs[k] + 1];
            const yl_place *x = &plan->places[in->place];
            assert_true(x->first <= s && x->last >= s);
            assert_true(x->bytes >= (size_t)yl_shape_count(in->shape) * sizeof(float));
            if (reads & YL_READS_X) assert_true(alive(plan, place_in_backward(in), back));
            if (step->backward && in->grad_place >= 0) assert_true(plan->places[in->grad_place].first <= back);
        }
    }
}

/* Returns how many steps run twice. */
static int check(yl_net *net, yl_plan_options options)
{
    yl_plan *plan;
    options.algorithm = "gemm";
    ok(yl_plan_create(net, &options, &plan));
    check_places(plan);
    check_steps(plan);
    check_again(plan);
    int again = plan->n_again;
    yl_plan_free(plan);
    return again;
}

static void test_all_kinds_of_plans(void **state)
{
    (void)state;
    yl_net *net = network();
    for (int keep = 0; keep <= 1; keep++) {
        for (int batch = 1; batch <= 3; batch++) {
            check(net, (yl_plan_options){.mode = YL_INFER, .batch = batch, .keep = keep});
            check(net, (yl_plan_options){.mode = YL_TRAIN, .batch = batch, .keep = keep});
            check(net, (yl_plan_options){.mode = YL_TRAIN, .batch = batch, .keep = keep, .whole_gradient = true});
            check(net, (yl_plan_options){.mode = YL_TRAIN, .batch = batch, .keep = keep, .h = 32, .w = 8});
        }
    }
    yl_net_free(net);
}

/* Blocks of a convolution, batch-norm and an activation: what only the convolutions must keep. */
static yl_net *chain(void)
{
    const yl_conv2d_options conv = {.filters = 8, .size = 3, .stride = 1, .dilation = 1, .groups = 1, .pad = true};
    yl_device *cpu;
    yl_net *net;
    int index;
    ok(yl_device_get("cpu", &cpu));
    ok(yl_net_create(cpu, 16, 16, 8, &net));
    for (int i = 0; i < 6; i++) {
        ok(yl_net_add(net, yl_layer_find("conv2d"), NULL, &conv, 1, (int[]){3 * i - 1}, &index));
        add(net, "batchnorm", index, NONE);
        add(net, "activation", index + 1, NONE);
    }
    ok(yl_net_init(net, 1));
    return net;
}

static void test_recompute(void **state)
{
    (void)state;
    yl_net *net = chain();
    yl_plan_options options = {.mode = YL_TRAIN, .batch = 3, .h = 64, .w = 64};
    assert_true(check(net, options) > 0); /* elementwise */
    options.recompute = "off";
    assert_int_equal(check(net, options), 0);
    options.recompute = "auto";
    assert_true(check(net, options) > 0);
    options.whole_gradient = true;
    assert_true(check(net, options) > 0);
    yl_net_free(net);
}

static void test_frozen_bodies_and_tails(void **state)
{
    (void)state;
    yl_net *net = network();
    int matched;
    char names[160];
    snprintf(names, sizeof names, "%s,%s", net->layers[0].name, net->layers[1].name);
    ok(yl_net_freeze(net, names, &matched));
    assert_true(matched > 0);
    for (int part = YL_WHOLE; part <= YL_TAIL; part++)
        check(net, (yl_plan_options){.mode = part == YL_BODY ? YL_INFER : YL_TRAIN, .part = (yl_part)part, .batch = 2});
    yl_net_free(net);
}

/* Sharing is worth something: inference needs no more than its largest moment and little above it, `keep` needs the sum. */
static void test_sharing_saves(void **state)
{
    (void)state;
    yl_net *net = network();
    size_t arena[2];
    for (int keep = 0; keep <= 1; keep++) {
        yl_plan *plan;
        ok(yl_plan_create(net, &(yl_plan_options){.mode = YL_INFER, .batch = 2, .keep = keep, .algorithm = "gemm"},
                          &plan));
        arena[keep] = yl_plan_bytes(plan).arena;
        yl_plan_free(plan);
    }
    assert_true(arena[0] > 0 && arena[0] * 2 < arena[1] * 3 / 2);
    yl_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_of_plans),
        cmocka_unit_test(test_recompute),
        cmocka_unit_test(test_frozen_bodies_and_tails),
        cmocka_unit_test(test_sharing_saves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
