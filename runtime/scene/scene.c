/* Lays a street out, draws it from far to near, and measures its labels on the result. */
#include "scene/scene.h"

#include "core/memory.h"
#include "image/canvas.h"
#include "scene/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_scene_options, member)
static const yl_field fields[] = {
    {"width", YL_OPTION_INT, "828", "px", "width of a frame", YL_SCENE_MIN_SIDE, YL_SCENE_MAX_SIDE, NULL, NULL,
     AT(width)},
    {"height", YL_OPTION_INT, "250", "px", "height of a frame", YL_SCENE_MIN_SIDE, YL_SCENE_MAX_SIDE, NULL, NULL,
     AT(height)},
    {"seed", YL_OPTION_INT, "1", "", "seed of the data set", 0, INFINITY, NULL, NULL, AT(seed)},
    {"index", YL_OPTION_INT, "0", "", "which frame of the data set", 0, UINT32_MAX, NULL, NULL, AT(index)},
    {"style", YL_OPTION_ENUM, "target", "", "the style of the source domain, or of the target domain to adapt to", 0, 0,
     "source|target", NULL, AT(style)},
};
const yl_field_table yl_scene_fields = YL_FIELD_TABLE("scene", fields);

#define PI 3.14159265358979323846

enum { MAX_THINGS = 160 };

typedef struct layout {
    yl_thing things[MAX_THINGS];
    int count, labelled;
    yl_day day;
} layout;

/* ---- the camera -------------------------------------------------------------------------------------------------- */

/* KITTI's colour camera (721.5 pixels of focal length on 1242x375), scaled to the picture. */
yl_scene_camera yl_scene_camera_of(const yl_scene_options *o)
{
    double w = (double)o->width, h = (double)o->height;
    return (yl_scene_camera){721.5377 * w / 1242, 609.5593 * w / 1242, 172.854 * h / 375, 1.65};
}

/* ---- laying out -------------------------------------------------------------------------------------------------- */

static yl_thing *add(layout *s, int kind, bool labelled, double x, double z, double turn)
{
    if (s->count == MAX_THINGS || (labelled && s->labelled == YL_SCENE_OBJECTS)) return NULL;
    yl_thing *t = &s->things[s->count++];
    *t = (yl_thing){.kind = kind, .labelled = labelled, .x = x + s->day.bend * z * z, .z = z};
    t->rotation_y = turn + atan(2 * s->day.bend * z); /* along the bend */
    s->labelled += labelled;
    return t;
}

/* Half the room that a thing takes along and across the road, as it stands there. */
static void reach(const yl_thing *t, double *along, double *across)
{
    double s = fabs(sin(t->rotation_y)), c = fabs(cos(t->rotation_y));
    *along = (t->l * s + t->w * c) / 2;
    *across = (t->l * c + t->w * s) / 2;
}

static bool collides(const layout *s, const yl_thing *t)
{
    double a, b, c, d;
    reach(t, &a, &b);
    for (int i = 0; i < s->count; i++) {
        const yl_thing *o = &s->things[i];
        if (o == t) continue;
        reach(o, &c, &d);
        if (fabs(t->z - o->z) < a + c + .25 && fabs(t->x - o->x) < b + d + .15) return true;
    }
    return false;
}

static void actor(layout *s, yl_actor_kind kind, double x, double z, double turn, yl_rng *rng)
{
    double along, across;
    yl_thing *t = add(s, (int)kind, true, x, z, turn);
    if (!t) return;
    yl__actor_dress(t, &s->day, rng);
    reach(t, &along, &across);
    if (t->z - along >= 1.2 && !collides(s, t)) return;
    s->count--; /* no room for it */
    s->labelled--;
}

static yl_actor_kind vehicle(yl_rng *rng)
{
    double p = yl_rng_uniform(rng);
    return p < .78 ? YL_ACTOR_Car : p < .90 ? YL_ACTOR_Van : YL_ACTOR_Truck;
}

/* A queue of vehicles along one lane; turn: -pi/2 away from the camera, pi/2 towards it. */
static void lane(layout *s, double x, double turn, double density, yl_rng *rng)
{
    for (double z = yl_rng_range(rng, 4, 18); z < 75; z += yl_rng_range(rng, 6.5, 26 / density)) {
        if (yl_rng_uniform(rng) > density) continue;
        actor(s, vehicle(rng), x + yl_rng_range(rng, -.25, .25), z, turn + yl_rng_normal(rng) * .03, rng);
    }
}

static void traffic(layout *s, yl_rng *rng)
{
    double parked = yl_rng_range(rng, .25, .95), moving = yl_rng_range(rng, .15, .6);
    if (yl_rng_uniform(rng) < .3)
        actor(s, YL_ACTOR_Tram, yl_rng_uniform(rng) < .5 ? -3.8 : 0, yl_rng_range(rng, 18, 50),
              yl_rng_uniform(rng) < .5 ? PI / 2 : -PI / 2, rng);
    if (yl_rng_uniform(rng) < .22) /* one that crosses */
        actor(s, vehicle(rng), yl_rng_range(rng, -9, 6), yl_rng_range(rng, 12, 35), yl_rng_uniform(rng) < .5 ? 0 : PI,
              rng);
    lane(s, 3.1, -PI / 2, parked, rng);
    lane(s, -6.9, PI / 2, parked, rng);
    lane(s, 0.1, -PI / 2, moving * .6, rng);
    lane(s, -3.9, PI / 2, moving, rng);
}

static void people(layout *s, yl_rng *rng)
{
    int walkers = (int)yl_rng_below(rng, 8), riders = (int)yl_rng_below(rng, 5);
    for (int i = 0; i < walkers; i++) {
        bool crossing = yl_rng_uniform(rng) < .25;
        double x = crossing                   ? yl_rng_range(rng, -7, 4)
                   : yl_rng_uniform(rng) < .5 ? yl_rng_range(rng, 4.6, 6.6)
                                              : yl_rng_range(rng, -10.4, -8.4);
        double turn = (yl_rng_uniform(rng) < .5 ? 0 : PI) + (crossing ? 0 : PI / 2) + yl_rng_normal(rng) * .3;
        actor(s, YL_ACTOR_Pedestrian, x, yl_rng_range(rng, 5, 36), turn, rng);
    }
    for (int i = 0; i < riders; i++) {
        bool crossing = yl_rng_uniform(rng) < .2, ours = yl_rng_uniform(rng) < .5;
        double x = crossing ? yl_rng_range(rng, -6, 3)
                   : ours   ? yl_rng_range(rng, 1.0, 1.8)
                            : yl_rng_range(rng, -5.6, -4.8);
        double turn = crossing ? (ours ? 0 : PI) : ours ? -PI / 2 : PI / 2;
        actor(s, YL_ACTOR_Cyclist, x, yl_rng_range(rng, 5, 34), turn + yl_rng_normal(rng) * .12, rng);
    }
}

static yl_rgb wall(const yl_day *day, yl_rng *rng)
{
    static const yl_rgb warm[] = {{.86, .78, .62}, {.80, .62, .48}, {.90, .88, .82},
                                  {.72, .42, .33}, {.76, .80, .78}, {.88, .74, .56}};
    static const yl_rgb cold[] = {{.50, .50, .52}, {.42, .37, .34}, {.58, .56, .52},
                                  {.38, .40, .44}, {.47, .42, .40}, {.60, .58, .58}};
    return day->style == YL_SCENE_SOURCE ? warm[yl_rng_below(rng, 6)] : cold[yl_rng_below(rng, 6)];
}

static void prop(layout *s, yl_prop_kind kind, double x, double z, const double dims[3], yl_rng *rng)
{
    yl_thing *t = add(s, (int)kind, false, x, z, -PI / 2);
    if (!t) return;
    t->h = dims[0], t->w = dims[1], t->l = dims[2];
    t->paint = kind == YL_PROP_TREE ? s->day.leaf : wall(&s->day, rng);
    if (kind == YL_PROP_POST) t->paint = yl_rng_uniform(rng) < .5 ? (yl_rgb){.10, .25, .65} : (yl_rgb){.80, .12, .10};
    t->second = s->day.style == YL_SCENE_SOURCE ? (yl_rgb){.55, .24, .17} : (yl_rgb){.24, .23, .24};
    t->seed = yl_rng_u32(rng);
}

/* One side of the street: houses in a row with gaps, or trees and hedges; side: -1 left, 1 right. */
static void roadside(layout *s, int side, double built, yl_rng *rng)
{
    double edge = side > 0 ? 7.6 : -11.4;
    for (double z = yl_rng_range(rng, 4, 12); z < 110;) {
        double length = yl_rng_range(rng, 8, 20), depth = yl_rng_range(rng, 7, 11), back = yl_rng_range(rng, 0, 3);
        if (yl_rng_uniform(rng) < built)
            prop(s, YL_PROP_HOUSE, edge + side * (back + depth / 2), z + length / 2,
                 (double[3]){yl_rng_range(rng, 4, 14), depth, length}, rng);
        else if (yl_rng_uniform(rng) < .4)
            prop(s, YL_PROP_FENCE, edge + side * .5, z + length / 2, (double[3]){1.1, .25, length}, rng);
        z += length + (yl_rng_uniform(rng) < .3 ? yl_rng_range(rng, 2, 9) : .4);
    }
    double trees = 1 - .75 * built;
    for (double z = yl_rng_range(rng, 6, 20); z < 90; z += yl_rng_range(rng, 5, 12 / trees)) {
        double h = yl_rng_range(rng, 5, 10), away = yl_rng_uniform(rng) < built ? -.4 : yl_rng_range(rng, 0, 9);
        prop(s, YL_PROP_TREE, edge + side * away, z, (double[3]){h, h * .62, h * .62}, rng);
    }
    for (double z = yl_rng_range(rng, 6, 25); z < 60; z += yl_rng_range(rng, 12, 30))
        prop(s, YL_PROP_POST, side > 0 ? 4.5 : -8.3, z, (double[3]){yl_rng_range(rng, 2.6, 6), .1, .1}, rng);
}

static int farther(const void *a, const void *b)
{
    const yl_thing *p = a, *q = b;
    double x = hypot(p->x, p->z), y = hypot(q->x, q->z);
    return x != y ? (x < y) - (x > y) : (p->seed > q->seed) - (p->seed < q->seed);
}

static void lay_out(layout *s, yl_rng *rng)
{
    traffic(s, rng);
    people(s, rng);
    for (int side = -1; side <= 1; side += 2) roadside(s, side, yl_rng_range(rng, .1, .95), rng);
    qsort(s->things, (size_t)s->count, sizeof *s->things, farther);
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* The pixel columns and rows that a box touches, inside the picture. */
static void span(const yl_scene *scene, yl_box b, int64_t out[4])
{
    out[0] = (int64_t)fmax(0, floor(b.x1)), out[1] = (int64_t)fmax(0, floor(b.y1));
    out[2] = (int64_t)fmin((double)scene->image.w, ceil(b.x2)),
    out[3] = (int64_t)fmin((double)scene->image.h, ceil(b.y2));
}

static int64_t count_pixels(const yl_scene *scene, const uint8_t *ids, int64_t stride, yl_box box, int id)
{
    int64_t at[4], n = 0;
    span(scene, box, at);
    for (int64_t y = at[1]; y < at[3]; y++)
        for (int64_t x = at[0]; x < at[2]; x++) n += ids[y * stride + x] == id;
    return n;
}

static double wrapped(double angle)
{
    while (angle > PI) angle -= 2 * PI;
    while (angle < -PI) angle += 2 * PI;
    return angle;
}

/* Everything that is known before nearer things are drawn over it. */
static yl_label label_of(const yl_scene *scene, const yl_thing *t, yl_box drawn, double ground)
{
    double w = (double)scene->image.w, h = (double)scene->image.h;
    yl_box seen = {fmax(0, drawn.x1), fmax(0, drawn.y1), fmin(w, drawn.x2), fmin(h, drawn.y2)};
    yl_label row = {.name = yl__actor_name(t->kind), .class_index = t->kind, .box = seen, .score = 1};
    double area = yl_box_area(drawn), inside = yl_box_area(seen);
    row.truncated = area > 0 ? fmax(0, 1 - inside / area) : 1;
    row.rotation_y = wrapped(t->rotation_y);
    row.alpha = wrapped(t->rotation_y - atan2(t->x, t->z));
    memcpy(row.dims, (double[3]){t->h, t->w, t->l}, sizeof row.dims);
    memcpy(row.location, (double[3]){t->x, ground, t->z}, sizeof row.location);
    return row;
}

static bool in_view(const yl_scene *scene, yl_box b)
{
    return b.x2 - 2 > 0 && b.y2 - 2 > 0 && b.x1 + 2 < (double)scene->image.w && b.y1 + 2 < (double)scene->image.h &&
           b.x2 > b.x1;
}

static void draw_actor(yl_scene *scene, yl_pen *pen, const yl_thing *t, int64_t *pixels)
{
    cairo_surface_t *ids = cairo_get_target(pen->ids);
    int64_t row = scene->count;
    yl__pen_begin(pen, (int)row + 1);
    yl__actor_draw(pen, t);
    if (!in_view(scene, pen->bounds))
        return; /* the next one takes its number; what little it drew is that one's fringe */
    cairo_surface_flush(ids);
    scene->objects[row] = label_of(scene, t, pen->bounds, pen->camera.height);
    pixels[row] = count_pixels(scene, cairo_image_surface_get_data(ids), cairo_image_surface_get_stride(ids),
                               pen->bounds, (int)row + 1);
    scene->count++;
}

static void copy_ids(yl_scene *scene, cairo_surface_t *ids)
{
    cairo_surface_flush(ids);
    const uint8_t *data = cairo_image_surface_get_data(ids);
    int64_t stride = cairo_image_surface_get_stride(ids), w = scene->image.w;
    for (int64_t y = 0; y < scene->image.h; y++) memcpy(scene->ids + y * w, data + y * stride, (size_t)w);
}

/* Row i becomes row `to`, in the picture of numbers too (to < 0: it goes). */
static void renumber(yl_scene *scene, int64_t i, int64_t to)
{
    for (int64_t p = 0, n = scene->image.w * scene->image.h; p < n; p++)
        if (scene->ids[p] == i + 1) scene->ids[p] = (uint8_t)(to + 1);
    if (to < 0) return;
    scene->objects[to] = scene->objects[i];
    scene->visible[to] = scene->visible[i];
}

/* Too little to be told: as in KITTI, a region of which nothing is asked. */
static void make_region(yl_label *row)
{
    yl_box box = row->box;
    *row = (yl_label){.name = "DontCare",
                      .class_index = -1,
                      .ignore = true,
                      .truncated = -1,
                      .occluded = -1,
                      .alpha = -10,
                      .box = box,
                      .dims = {-1, -1, -1},
                      .location = {-1000, -1000, -1000},
                      .rotation_y = -10,
                      .score = 1};
}

/* KITTI's degrees of occlusion from what is left to see; nearly hidden objects lose their row. */
static void set_occlusion(yl_scene *scene, const int64_t *pixels)
{
    int64_t kept = 0, smallest = scene->image.h / 20;
    for (int64_t i = 0; i < scene->count; i++) {
        yl_label *row = &scene->objects[i];
        double left = pixels[i] ? (double)count_pixels(scene, scene->ids, scene->image.w, row->box, (int)i + 1) /
                                      (double)pixels[i]
                                : 0;
        bool hidden = left < .08 || row->truncated > .9 || yl_box_width(row->box) < 2;
        scene->visible[i] = left;
        row->occluded = left > .9 ? 0 : left > .5 ? 1 : 2;
        if (!hidden && yl_box_height(row->box) < (double)(smallest < 4 ? 4 : smallest)) make_region(row);
        if (hidden || kept != i) renumber(scene, i, hidden ? -1 : kept);
        kept += !hidden;
    }
    scene->count = kept;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void draw(yl_scene *scene, yl_pen *pen, const layout *s, const yl_scene_options *o, yl_rng *rng)
{
    int64_t pixels[YL_SCENE_OBJECTS] = {0};
    yl__pen_begin(pen, 0);
    yl__world_draw(pen, &s->day, o, rng);
    for (int i = 0; i < s->count; i++)
        if (s->things[i].labelled) yl__actor_shadow(pen, &s->things[i]);
    for (int i = 0; i < s->count; i++) {
        if (s->things[i].labelled) {
            draw_actor(scene, pen, &s->things[i], pixels);
        } else {
            yl__pen_begin(pen, 0);
            yl__prop_draw(pen, &s->things[i], &s->day);
        }
    }
    copy_ids(scene, cairo_get_target(pen->ids));
    set_occlusion(scene, pixels);
}

static yl_status open_pen(const yl_scene *scene, cairo_surface_t *surface[2], yl_pen *pen)
{
    int w = (int)scene->image.w, h = (int)scene->image.h;
    surface[0] = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    surface[1] = cairo_image_surface_create(CAIRO_FORMAT_A8, w, h);
    pen->picture = cairo_create(surface[0]);
    pen->ids = cairo_create(surface[1]);
    cairo_set_antialias(pen->ids, CAIRO_ANTIALIAS_NONE);
    cairo_set_operator(pen->ids, CAIRO_OPERATOR_SOURCE);
    YL_TRY(yl__canvas_status(cairo_status(pen->picture), "scene"));
    return yl__canvas_status(cairo_status(pen->ids), "scene");
}

static yl_status paint(const yl_scene_options *o, layout *s, yl_scene *out)
{
    cairo_surface_t *surface[2];
    yl_pen pen = {.camera = yl_scene_camera_of(o)};
    yl_rng rng = yl_rng_make(o->seed, (uint32_t)o->style, o->index);
    yl_status status = open_pen(out, surface, &pen);
    if (!status) {
        yl__day_make(o->style, &rng, &s->day, &pen);
        lay_out(s, &rng);
        draw(out, &pen, s, o, &rng);
        status = yl__canvas_status(cairo_status(pen.picture), "scene");
    }
    if (!status) {
        yl__canvas_read(surface[0], &out->image);
        yl__finish(&out->image, &s->day, &rng);
    }
    cairo_destroy(pen.picture);
    cairo_destroy(pen.ids);
    for (int i = 0; i < 2; i++) cairo_surface_destroy(surface[i]);
    return status;
}

yl_status yl_scene_render(const yl_scene_options *o, yl_scene *out)
{
    layout *s;
    *out = (yl_scene){.count = 0};
    if (o->width < YL_SCENE_MIN_SIDE || o->height < YL_SCENE_MIN_SIDE || o->width > YL_SCENE_MAX_SIDE ||
        o->height > YL_SCENE_MAX_SIDE)
        return yl__fail(YL_INVALID, "scene: expected sides of %d to %d pixels, got %lldx%lld", YL_SCENE_MIN_SIDE,
                        YL_SCENE_MAX_SIDE, (long long)o->width, (long long)o->height);
    YL_TRY(yl_image_new(o->width, o->height, &out->image));
    YL_TRY(yl__calloc(o->width * o->height, 1, &out->ids));
    YL_TRY(yl__calloc(1, sizeof *s, &s));
    yl_status status = paint(o, s, out);
    yl__free(s);
    return status;
}

void yl_scene_free(yl_scene *scene)
{
    yl_image_free(&scene->image);
    yl__free(scene->ids);
    scene->ids = NULL;
    scene->count = 0;
}
