/* One network teaches another: which layers belong together, and what their outputs add to the student's gradients. */
#include "net/distill.h"
#include "core/memory.h"
#include "net/plan_impl.h"

#include <math.h>

#define AT(member) YL_MEMBER(yl_distill_options, member)
static const yl_field fields[] = {
    {"heads", YL_OPTION_NUMBER, "1", "", "weight of the heads' outputs, beside the labels' 1; 0: left out", 0, INFINITY,
     NULL, "alpha", AT(heads)},
    {"temperature", YL_OPTION_NUMBER, "1", "", "softens objectness and classes of both networks; 1: as they are", 0.1,
     100, NULL, "T", AT(temperature)},
    {"features", YL_OPTION_NUMBER, "1", "", "weight of these outputs (the mean of half the squares over an image)", 0,
     INFINITY, NULL, NULL, AT(features)},
};
const yl_field_table yl_distill_fields = YL_FIELD_TABLE("distill", fields);

/* ---- what fits ---- */

/* The first head from layer `from` on; n_layers: there is none. */
static int next_head(const yl_net *net, int from)
{
    while (from < net->n_layers && !net->layers[from].kind->head) from++;
    return from;
}

static int count_heads(const yl_net *net)
{
    int count = 0;
    for (int i = next_head(net, 0); i < net->n_layers; i = next_head(net, i + 1)) count++;
    return count;
}

static yl_status check_count(const yl_net *student, const yl_net *teacher)
{
    int own = count_heads(student), others = count_heads(teacher);
    if (own == 0) return yl__fail(YL_INVALID, "distill: the network has no head that could learn from a teacher's");
    if (own == others) return YL_OK;
    return yl__fail(YL_INVALID, "distill: expected a teacher with as many heads as the network, %d, got %d", own,
                    others);
}

static yl_status other_number(const yl_layer *s, const yl_layer *t, const char *what, int64_t own, int64_t others)
{
    if (own == others) return YL_OK;
    return yl__fail(YL_INVALID, "distill: %s has %lld %s, the teacher's %s has %lld", s->name, (long long)own, what,
                    t->name, (long long)others);
}

/* Do equal outputs mean equal boxes? Two entries are decoded for each anchor, whose sizes and units need not be written alike. */
static yl_status check_boxes(const yl_layer *s, const yl_layer *t, const yl_head_geom *g, double net_h, double net_w)
{
    static const float entries[2][YL_HEAD_BOX] = {{0.25f, 0.75f, 0.5f, 0.25f, 0}, {0.5f, 0.5f, -0.25f, 0.75f, 0}};
    for (int i = 0; i < 2 * g->anchors; i++) {
        double a[4], b[4];
        yl_cell cell = {g->w / 2, g->h / 2, g->w, g->h};
        s->kind->head->decode(s, entries[i % 2], i / 2, cell, net_w, net_h, a);
        t->kind->head->decode(t, entries[i % 2], i / 2, cell, net_w, net_h, b);
        for (int k = 0; k < 4; k++)
            if (fabs(a[k] - b[k]) > 1e-4 * fabs(a[k]) + 1e-6)
                return yl__fail(YL_INVALID,
                                "distill: anchor %d of %s is not that of the teacher's %s: the same output gives a box "
                                "of %.4g x %.4g pixels here and of %.4g x %.4g there",
                                i / 2 + 1, s->name, t->name, a[2] * net_w, a[3] * net_h, b[2] * net_w, b[3] * net_h);
    }
    return YL_OK;
}

static yl_status check_heads(const yl_layer *s, yl_shape own, const yl_layer *t, yl_shape others, double net_h,
                             double net_w)
{
    yl_head_geom a = s->kind->head->geometry(s, own, YL_F32), b = t->kind->head->geometry(t, others, YL_F32);
    YL_TRY(other_number(s, t, "classes", a.classes, b.classes));
    YL_TRY(other_number(s, t, "anchors", a.anchors, b.anchors));
    YL_TRY(other_number(s, t, "rows of cells", a.h, b.h));
    YL_TRY(other_number(s, t, "columns of cells", a.w, b.w));
    if (a.attributes != b.attributes)
        return yl__fail(YL_INVALID, "distill: expected the same attributes in %s and the teacher's %s", s->name,
                        t->name);
    if (a.softmax != b.softmax)
        return yl__fail(YL_INVALID, "distill: the classes of %s %s each other, those of the teacher's %s %s", s->name,
                        a.softmax ? "exclude" : "do not exclude", t->name, b.softmax ? "do" : "do not");
    if (a.new_coords != b.new_coords)
        return yl__fail(YL_INVALID, "distill: expected the same new_coords in %s and the teacher's %s", s->name,
                        t->name);
    return check_boxes(s, t, &a, net_h, net_w);
}

static yl_status check_all_heads(const yl_net *student, const yl_shape *own, const yl_net *teacher,
                                 const yl_shape *others, int64_t h, int64_t w)
{
    int t = next_head(teacher, 0);
    YL_TRY(check_count(student, teacher));
    for (int s = next_head(student, 0); s < student->n_layers; s = next_head(student, s + 1)) {
        YL_TRY(check_heads(&student->layers[s], own[s], &teacher->layers[t], others[t], (double)h, (double)w));
        t = next_head(teacher, t + 1);
    }
    return YL_OK;
}

/* Calls `check` with the shapes of both networks' layers. */
typedef yl_status checker(const yl_net *student, const yl_shape *own, const yl_net *teacher, const yl_shape *others,
                          const char *name, int64_t h, int64_t w);

static yl_status with_shapes(checker *check, const yl_net *student, const yl_net *teacher, const char *name, int64_t h,
                             int64_t w)
{
    yl_shape *shapes;
    if (student == teacher) return yl__fail(YL_INVALID, "distill: the teacher is the network that it is to teach");
    if (student->device != teacher->device)
        return yl__fail(YL_INVALID, "distill: the network is on %s, its teacher on %s", student->device->name,
                        teacher->device->name);
    YL_TRY(yl__alloc(student->n_layers + teacher->n_layers, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(student, 1, h, w, shapes);
    if (status == YL_OK) status = yl_net_shapes(teacher, 1, h, w, shapes + student->n_layers);
    if (status == YL_OK) status = check(student, shapes, teacher, shapes + student->n_layers, name, h, w);
    yl__free(shapes);
    return status;
}

static yl_status check_heads_of(const yl_net *student, const yl_shape *own, const yl_net *teacher,
                                const yl_shape *others, const char *name, int64_t h, int64_t w)
{
    (void)name;
    if (student->c != teacher->c)
        return yl__fail(YL_INVALID, "distill: the network takes %lld channels, its teacher %lld", (long long)student->c,
                        (long long)teacher->c);
    return check_all_heads(student, own, teacher, others, h, w);
}

yl_status yl_net_check_teacher(const yl_net *student, const yl_net *teacher, int64_t h, int64_t w)
{
    return with_shapes(check_heads_of, student, teacher, NULL, h, w);
}

static yl_status check_shapes(const char *name, yl_shape a, yl_shape b)
{
    if (a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c) return YL_OK;
    return yl__fail(
        YL_INVALID,
        "distill: the output of %s is {%lld, %lld, %lld}, that of the teacher's {%lld, %lld, %lld}: features "
        "are compared where height, width and channels agree",
        name, (long long)a.h, (long long)a.w, (long long)a.c, (long long)b.h, (long long)b.w, (long long)b.c);
}

static yl_status check_feature(const yl_net *student, const yl_shape *own, const yl_net *teacher,
                               const yl_shape *others, const char *name, int64_t h, int64_t w)
{
    int s = yl_net_find_layer(student, name), t = yl_net_find_layer(teacher, name);
    (void)h, (void)w;
    if (s < 0) return yl__fail(YL_INVALID, "distill: the network has no layer '%s'", name);
    if (t < 0) return yl__fail(YL_INVALID, "distill: the teacher has no layer '%s'", name);
    return check_shapes(name, own[s], others[t]);
}

yl_status yl_net_check_feature(const yl_net *student, const yl_net *teacher, const char *name, int64_t h, int64_t w)
{
    return with_shapes(check_feature, student, teacher, name, h, w);
}

/* ---- what it adds ---- */

static yl_status teach_head(yl_plan *student, int layer, const yl_plan *teacher, int from, const yl_distill_options *o,
                            double *sums)
{
    const yl_layer *l = &student->net->layers[layer];
    const yl_pass *p = &student->steps[student->values[layer + 1].producer].backward_pass;
    double parts[YL_MAX_LOSS_PARTS] = {0};
    yl_view target;
    yl_shape own = student->values[layer + 1].shape, others = yl_plan_shape(teacher, from);
    YL_TRY(check_heads(l, own, &teacher->net->layers[from], others, (double)student->options.h,
                       (double)student->options.w));
    YL_TRY(other_number(l, &teacher->net->layers[from], "images", own.n, others.n));
    YL_TRY(yl_plan_output(teacher, from, &target));
    yl_head_geom g = l->kind->head->geometry(l, own, student->type);
    yl_device *device = student->net->device;
    YL_TRY(device->kernels->distill_head(&student->ctx, &g, student->now, (float)o->heads, (float)o->temperature,
                                         target.data, p->y, p->scratch, p->dx[0], student->parts[0]));
    YL_TRY(device->from_device(device, parts, student->parts, YL_PART_ATTRIBUTES * sizeof *parts));
    for (int k = 0; k < YL_PART_ATTRIBUTES; k++) sums[k] += parts[k];
    return YL_OK;
}

static yl_status teach_heads(yl_plan *student, const yl_plan *teacher, const yl_distill_options *o, double *sums)
{
    const yl_net *net = student->net;
    int from = next_head(teacher->net, 0);
    YL_TRY(check_count(net, teacher->net));
    for (int i = next_head(net, 0); i < net->n_layers; i = next_head(net, i + 1)) {
        YL_TRY(teach_head(student, i, teacher, from, o, sums));
        from = next_head(teacher->net, from + 1);
    }
    return YL_OK;
}

static yl_status teach_feature(yl_plan *student, int layer, const yl_plan *teacher, double weight, double *sum)
{
    const char *name = student->net->layers[layer].name;
    int from = yl_net_find_layer(teacher->net, name);
    yl_view own, target, gradient = yl__plan_gradient_view(student, layer + 1);
    yl_shape s = student->values[layer + 1].shape;
    double part;
    if (from < 0 || !teacher->shown[from])
        return yl__fail(YL_INVALID, "distill: the teacher's plan does not keep the output of '%s'", name);
    YL_TRY(check_shapes(name, s, yl_plan_shape(teacher, from)));
    YL_TRY(yl_plan_output(student, layer, &own));
    YL_TRY(yl_plan_output(teacher, from, &target));
    if (own.type != target.type)
        return yl__fail(YL_INVALID, "distill: the output of %s is of type %s, that of the teacher's of type %s", name,
                        yl_dtype_name(own.type), yl_dtype_name(target.type));
    yl_flat_geom g = {yl_shape_count(s), own.type};
    yl_device *device = student->net->device;
    YL_TRY(device->kernels->distill_features(&student->ctx, &g, student->now, weight / (double)(s.h * s.w * s.c),
                                             target.data, own.data, gradient.data, student->parts[0]));
    YL_TRY(device->from_device(device, &part, student->parts, sizeof part));
    *sum += part;
    return YL_OK;
}

yl_status yl_plan_distill(yl_plan *student, const yl_plan *teacher, const yl_distill_options *options,
                          yl_distill_loss *loss)
{
    *loss = (yl_distill_loss){0};
    YL_TRY(yl__net_runnable(student->net, "distill"));
    YL_TRY(yl__net_runnable(teacher->net, "distill"));
    if (student->net == teacher->net)
        return yl__fail(YL_INVALID, "distill: the teacher is the network that it is to teach");
    if (student->options.mode != YL_TRAIN) return yl__fail(YL_INVALID, "distill: the plan was made for inference");
    YL_TRY(yl__plan_check(student, YL__LOSS, "distill"));
    if (student->stage == YL__BACKWARD)
        return yl__fail(YL_INVALID, "distill: run forward again: the last backward consumed its results");
    if (options->heads > 0) YL_TRY(teach_heads(student, teacher, options, loss->heads));
    for (int i = 0; i < student->net->n_layers && options->features > 0; i++)
        if (student->shown[i]) YL_TRY(teach_feature(student, i, teacher, options->features, &loss->features));
    return YL_OK;
}
