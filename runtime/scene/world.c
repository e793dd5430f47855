/* What stands around: light and weather, sky, ground, road, houses, trees, posts; and the faults of the camera. */
#include "core/memory.h"
#include "scene/parts.h"

#include <math.h>

#define PI 3.14159265358979323846

/* ---- the day ----------------------------------------------------------------------------------------------------- */

static yl_rgb shift(yl_rgb c, double by)
{
    return (yl_rgb){fmin(1, fmax(0, c.r + by)), fmin(1, fmax(0, c.g + by)), fmin(1, fmax(0, c.b + by))};
}

/* Clear to cloudy days, strong colours. */
static void source_day(yl_rng *rng, yl_day *d, yl_pen *pen)
{
    double cloudy = yl_rng_uniform(rng);
    d->sky_top = yl__mix((yl_rgb){.25, .50, .86}, (yl_rgb){.62, .68, .74}, cloudy);
    d->sky_low = yl__mix((yl_rgb){.78, .88, .97}, (yl_rgb){.86, .88, .90}, cloudy);
    d->ground = (yl_rgb){.34, .50, .20};
    d->road = shift((yl_rgb){.37, .37, .39}, yl_rng_range(rng, -.05, .06));
    d->kerb = (yl_rgb){.66, .64, .60};
    d->leaf = (yl_rgb){.20, .46, .15};
    d->clouds = cloudy;
    d->gain = yl_rng_range(rng, .92, 1.06);
    d->grain = .012;
    pen->haze_range = yl_rng_range(rng, 180, 500);
    pen->diffuse = .62 * (1 - .7 * cloudy);
    pen->ambient = 1.05 - .75 * pen->diffuse;
}

/* Overcast, fog and dusk: low contrast, a colour cast, a dark rim, grain. */
static void target_day(yl_rng *rng, yl_day *d, yl_pen *pen)
{
    double dusk = yl_rng_uniform(rng), fog = yl_rng_uniform(rng);
    d->sky_top = yl__mix((yl_rgb){.66, .67, .68}, (yl_rgb){.24, .24, .34}, dusk);
    d->sky_low = yl__mix((yl_rgb){.80, .79, .77}, (yl_rgb){.72, .50, .38}, dusk);
    d->ground = (yl_rgb){.36, .35, .25};
    d->road = shift((yl_rgb){.27, .26, .27}, yl_rng_range(rng, -.05, .05));
    d->kerb = (yl_rgb){.47, .44, .42};
    d->leaf = (yl_rgb){.36, .29, .13};
    d->clouds = .3 + .7 * fog;
    d->gain = 1.04 - .26 * dusk;
    d->grain = .018;
    d->blur = yl_rng_range(rng, .2, .9);
    d->vignette = .3;
    d->tint[0] = 1.06, d->tint[1] = .98, d->tint[2] = .86;
    pen->haze_range = 30 + 190 * (1 - fog) * (1 - fog);
    pen->diffuse = .18;
    pen->ambient = .86;
}

void yl__day_make(yl_scene_style style, yl_rng *rng, yl_day *day, yl_pen *pen)
{
    double around = yl_rng_range(rng, 0, 2 * PI), up = yl_rng_range(rng, .5, 1.2);
    *day = (yl_day){.style = style, .tint = {1, 1, 1}};
    (style == YL_SCENE_SOURCE ? source_day : target_day)(rng, day, pen);
    day->bend = yl_rng_range(rng, -.0022, .0022);
    pen->sun = (yl_vec){cos(around) * cos(up), -sin(up), sin(around) * cos(up)};
    pen->haze = yl__mix(day->sky_low, day->sky_top, .2);
}

/* ---- sky and ground ---------------------------------------------------------------------------------------------- */

static void sky(yl_pen *pen, const yl_day *d, double w, double horizon)
{
    cairo_pattern_t *fade = cairo_pattern_create_linear(0, 0, 0, horizon);
    cairo_pattern_add_color_stop_rgb(fade, 0, d->sky_top.r, d->sky_top.g, d->sky_top.b);
    cairo_pattern_add_color_stop_rgb(fade, 1, d->sky_low.r, d->sky_low.g, d->sky_low.b);
    cairo_set_source(pen->picture, fade);
    cairo_rectangle(pen->picture, 0, 0, w, horizon + 1);
    cairo_fill(pen->picture);
    cairo_pattern_destroy(fade);
}

static void cloud(yl_pen *pen, const yl_day *d, double x, double y, double size, yl_rng *rng)
{
    yl_rgb c = yl__mix((yl_rgb){1, 1, 1}, d->sky_top, d->style == YL_SCENE_SOURCE ? .15 : .75);
    for (int i = 0; i < 7; i++) {
        double r = size * yl_rng_range(rng, .3, .7);
        cairo_save(pen->picture);
        cairo_translate(pen->picture, x + size * yl_rng_range(rng, -1.6, 1.6), y + size * yl_rng_range(rng, -.12, .12));
        cairo_scale(pen->picture, 1.7, .5);
        cairo_arc(pen->picture, 0, 0, r, 0, 2 * PI);
        cairo_restore(pen->picture);
        cairo_set_source_rgba(pen->picture, c.r, c.g, c.b, .28);
        cairo_fill(pen->picture);
    }
}

/* A row of distant hills or roofs. */
static void skyline(yl_pen *pen, const yl_day *d, double w, double horizon, yl_rng *rng)
{
    yl_rgb c = yl__mix(yl__mix(d->leaf, (yl_rgb){.3, .35, .4}, .5), pen->haze, .55);
    double step = w / 24, top = horizon * .12;
    cairo_move_to(pen->picture, 0, horizon + 1);
    for (int i = 0; i <= 24; i++) cairo_line_to(pen->picture, i * step, horizon - top * yl_rng_range(rng, .15, 1));
    cairo_line_to(pen->picture, w, horizon + 1);
    cairo_close_path(pen->picture);
    cairo_set_source_rgb(pen->picture, c.r, c.g, c.b);
    cairo_fill(pen->picture);
}

static double road_x(const yl_day *d, double x, double z)
{
    return x + d->bend * z * z;
}

/* A strip of ground from x0 to x1 metres aside, z0 to z1 metres ahead, along the bend of the road. */
static void strip(yl_pen *pen, const yl_day *d, const double x[2], const double z[2], double up, yl_rgb colour)
{
    enum { STEPS = 10 };
    yl_vec p[2 * STEPS + 2];
    double y = pen->camera.height - up, ratio = z[1] / z[0];
    for (int i = 0; i <= STEPS; i++) {
        double at = z[0] * pow(ratio, (double)i / STEPS);
        p[i] = (yl_vec){road_x(d, x[0], at), y, at};
        p[2 * STEPS + 1 - i] = (yl_vec){road_x(d, x[1], at), y, at};
    }
    yl__pen_flat(pen, p, 2 * STEPS + 2, colour, 1);
}

/* The colour of a strip with the haze of its distance: near parts and far parts apart. */
static void long_strip(yl_pen *pen, const yl_day *d, double x0, double x1, double up, yl_rgb colour)
{
    static const double cut[] = {120, 60, 34, 20, 12, 7, 4, 1};
    for (int i = 0; i < 7; i++) strip(pen, d, (double[2]){x0, x1}, (double[2]){cut[i + 1], cut[i] * 1.01}, up, colour);
}

static void markings(yl_pen *pen, const yl_day *d, yl_rng *rng)
{
    double first = yl_rng_range(rng, 0, 6);
    yl_rgb white = d->style == YL_SCENE_SOURCE ? (yl_rgb){.92, .92, .90} : (yl_rgb){.66, .62, .50};
    long_strip(pen, d, 1.85, 1.97, 0, white);
    long_strip(pen, d, -5.75, -5.63, 0, white);
    for (double z = first + 2; z < 70; z += 8)
        strip(pen, d, (double[2]){-1.96, -1.84}, (double[2]){z, z + 3.6}, 0, white);
}

static void patches(yl_pen *pen, const yl_day *d, yl_rng *rng)
{
    for (int i = 0; i < 10; i++) {
        double z = yl_rng_range(rng, 4, 40), x = yl_rng_range(rng, -7, 4), w = yl_rng_range(rng, .3, 1.6);
        strip(pen, d, (double[2]){x, x + w}, (double[2]){z, z + yl_rng_range(rng, .6, 6)}, 0,
              shift(d->road, yl_rng_range(rng, -.04, .03)));
    }
}

void yl__world_draw(yl_pen *pen, const yl_day *d, const yl_scene_options *o, yl_rng *rng)
{
    double w = (double)o->width, horizon = pen->camera.cy;
    sky(pen, d, w, horizon);
    for (int i = 0, n = (int)(d->clouds * 9); i < n; i++)
        cloud(pen, d, yl_rng_range(rng, 0, w), yl_rng_range(rng, .05, .7) * horizon,
              horizon * yl_rng_range(rng, .15, .4), rng);
    skyline(pen, d, w, horizon, rng);
    yl_rgb far_ground = yl__mix(d->ground, pen->haze, .7);
    cairo_set_source_rgb(pen->picture, far_ground.r, far_ground.g, far_ground.b);
    cairo_rectangle(pen->picture, 0, horizon, w, (double)o->height - horizon);
    cairo_fill(pen->picture);
    long_strip(pen, d, -90, 90, 0, d->ground);
    long_strip(pen, d, -10.6, 6.8, .06, d->kerb);
    long_strip(pen, d, -8.0, 4.2, 0, d->road);
    patches(pen, d, rng);
    markings(pen, d, rng);
}

/* ---- houses, trees, posts ---------------------------------------------------------------------------------------- */

static void windows(yl_pen *pen, const yl_pose *pose, const yl_thing *t, bool on_end, double at, yl_rgb glass)
{
    double span = on_end ? t->w : t->l, storey = 3.0, pitch = 2.6 + (t->seed % 5) * .2;
    int columns = (int)(span / pitch), rows = (int)(t->h / storey);
    if (t->z > 70) return; /* smaller than a pixel */
    for (int i = 0; i < columns; i++)
        for (int j = 0; j < rows; j++) {
            double m = -span / 2 + span * (i + .5) / columns, u = storey * j + 1.0;
            double along[2] = {m - .55, m + .55}, up[2] = {u, u + 1.45};
            if (on_end)
                yl__pen_on_end(pen, pose, at, along, up, glass);
            else
                yl__pen_on_side(pen, pose, at, along, up, glass);
        }
}

static void draw_house(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double L = t->l / 2, w = t->w / 2, H = t->h, roof = t->seed % 3 ? 2.4 : .3;
    yl_rgb glass = yl__mix((yl_rgb){.22, .27, .33}, t->paint, .15);
    double gable[3][2] = {{-L - .3, H}, {L + .3, H}, {L + .3, H}};
    yl__pen_block(pen, pose, (double[2]){-L, L}, (double[2]){0, H}, (double[2]){-w, w}, t->paint);
    windows(pen, pose, t, false, w, glass);
    windows(pen, pose, t, false, -w, glass);
    windows(pen, pose, t, true, L, glass);
    windows(pen, pose, t, true, -L, glass);
    for (int side = -1; side <= 1; side += 2) { /* two slopes that meet above the middle, and the gables */
        yl_vec slope[4] = {yl__pose_point(pose, gable[0][0], H, side * (w + .3)),
                           yl__pose_point(pose, gable[1][0], H, side * (w + .3)),
                           yl__pose_point(pose, gable[1][0], H + roof, 0),
                           yl__pose_point(pose, gable[0][0], H + roof, 0)};
        yl_vec front[3] = {yl__pose_point(pose, side * L, H, -w), yl__pose_point(pose, side * L, H, w),
                           yl__pose_point(pose, side * L, H + roof, 0)};
        yl__pen_face(pen, front, 3, yl__pose_point(pose, 0, H, 0), t->paint);
        yl__pen_face(pen, slope, 4, yl__pose_point(pose, 0, H - 1, 0), t->second);
    }
}

static void draw_tree(yl_pen *pen, const yl_pose *pose, const yl_thing *t, const yl_day *d)
{
    yl_rng rng = yl_rng_make(t->seed, 0, 0);
    double H = t->h, crown = t->w / 2;
    yl__pen_limb(pen, yl__pose_point(pose, 0, .5 * H, 0), yl__pose_point(pose, 0, 0, 0), .018 * H, .028 * H,
                 (yl_rgb){.27, .20, .15});
    for (int i = 0; i < 26; i++) { /* from dark ones below to light ones above */
        double share = i / 26.0, a = yl_rng_range(&rng, 0, 2 * PI), r = crown * sqrt(yl_rng_uniform(&rng)) * .75;
        yl_vec at = yl__pose_point(pose, r * cos(a), H * (.42 + .5 * share * yl_rng_range(&rng, .6, 1)), r * sin(a));
        double size = crown * yl_rng_range(&rng, .22, .45);
        at.x += pen->sun.x * crown * .2 * share;
        yl__pen_limb(pen, at, at, size, size, yl__scale(yl__mix(t->paint, d->leaf, .5), .62 + .6 * share));
    }
}

static void draw_post(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    yl_rgb grey = {.42, .43, .44};
    yl__pen_limb(pen, yl__pose_point(pose, 0, t->h, 0), yl__pose_point(pose, 0, 0, 0), .06, .08, grey);
    if (t->seed % 3 == 0) { /* a street lamp's arm */
        yl__pen_limb(pen, yl__pose_point(pose, 0, t->h, 0), yl__pose_point(pose, 0, t->h + .2, -1.6), .05, .05, grey);
    } else if (t->seed % 3 == 1) { /* a sign */
        yl__pen_block(pen, pose, (double[2]){-.05, .0}, (double[2]){t->h * .55, t->h * .55 + .7},
                      (double[2]){-.35, .35}, t->paint);
    }
}

static void draw_fence(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    yl__pen_block(pen, pose, (double[2]){-t->l / 2, t->l / 2}, (double[2]){0, t->h}, (double[2]){-t->w / 2, t->w / 2},
                  t->paint);
}

void yl__prop_draw(yl_pen *pen, const yl_thing *t, const yl_day *d)
{
    yl_pose pose = yl__pose(t->x, pen->camera.height, t->z, t->rotation_y);
    if (t->kind == YL_PROP_HOUSE) draw_house(pen, &pose, t);
    if (t->kind == YL_PROP_TREE) draw_tree(pen, &pose, t, d);
    if (t->kind == YL_PROP_POST) draw_post(pen, &pose, t);
    if (t->kind == YL_PROP_FENCE) draw_fence(pen, &pose, t);
}

/* ---- the camera's faults ----------------------------------------------------------------------------------------- */

/* Each pixel becomes (1 - b) of itself and b of the mean of its left and upper neighbours. */
static void blur(yl_image *image, double b)
{
    int keep = (int)lround(256 * (1 - b * .6)), half = (256 - keep) / 2;
    int64_t row = image->w * 3;
    for (int64_t i = row + 3, n = yl_image_bytes(image); i < n; i++) {
        uint8_t *p = image->data + i;
        *p = (uint8_t)((*p * keep + (p[-3] + p[-row]) * half + 127) >> 8);
    }
}

/* Gain, tint, dark rim and grain in one pass; the grain is four bytes of a word a pixel and a half. */
void yl__finish(yl_image *image, const yl_day *d, yl_rng *rng)
{
    double cx = (double)image->w / 2, cy = (double)image->h / 2, far = cx * cx + cy * cy, grain = d->grain * 2;
    uint32_t word = 1 | yl_rng_u32(rng);
    if (d->blur > 0) blur(image, d->blur);
    for (int64_t y = 0; y < image->h; y++)
        for (int64_t x = 0; x < image->w; x++) {
            uint8_t *p = image->data + (y * image->w + x) * 3;
            double dx = (double)x - cx, dy = (double)y - cy;
            double gain = d->gain * (1 - d->vignette * (dx * dx + dy * dy) / far);
            word ^= word << 13, word ^= word >> 17, word ^= word << 5; /* Marsaglia's xorshift */
            double noise = ((double)(word & 0xff) + (double)(word >> 8 & 0xff) - 255) * grain;
            for (int c = 0; c < 3; c++) {
                double v = p[c] * gain * d->tint[c] + noise;
                p[c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
}
