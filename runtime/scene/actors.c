/* Cars, vans, trucks, trams, pedestrians and cyclists out of flat faces and limbs, to their own measure. */
#include "scene/parts.h"

#include <math.h>

#define PI 3.14159265358979323846

static const struct {
    const char *name;
    double h, w, l, vary;
} KINDS[] = {
#define X(name, h, w, l, vary) {#name, h, w, l, vary},
    YL_ACTORS(X)
#undef X
};

static const yl_rgb GLASS = {0.16, 0.20, 0.25}, TYRE = {0.06, 0.06, 0.07}, RIM = {0.55, 0.56, 0.58},
                    LAMP = {0.98, 0.96, 0.85}, TAIL = {0.75, 0.08, 0.06}, PLATE = {0.92, 0.92, 0.88};

const char *yl__actor_name(int kind)
{
    return KINDS[kind].name;
}

/* ---- colours and sizes ---------------------------------------------------------------------------------------------
 */

static yl_rgb paint_of(const yl_day *day, yl_rng *rng)
{
    static const yl_rgb bright[] = {{.80, .10, .09}, {.12, .25, .62}, {.88, .88, .88}, {.70, .72, .75},
                                    {.10, .10, .12}, {.90, .72, .12}, {.12, .45, .22}, {.35, .37, .40},
                                    {.93, .93, .95}, {.55, .10, .14}};
    static const yl_rgb muted[] = {{.62, .63, .64}, {.20, .21, .23}, {.40, .42, .45}, {.78, .78, .77}, {.25, .29, .37},
                                   {.37, .18, .17}, {.49, .47, .41}, {.13, .14, .15}, {.30, .36, .33}, {.56, .58, .62}};
    return day->style == YL_SCENE_SOURCE ? bright[yl_rng_below(rng, 10)] : muted[yl_rng_below(rng, 10)];
}

static yl_rgb cloth_of(const yl_day *day, yl_rng *rng)
{
    double dull = day->style == YL_SCENE_SOURCE ? 0.1 : 0.65;
    yl_rgb c = {yl_rng_range(rng, .05, .9), yl_rng_range(rng, .05, .8), yl_rng_range(rng, .05, .85)};
    double grey = (c.r + c.g + c.b) / 3 * (day->style == YL_SCENE_SOURCE ? 1 : 0.7);
    return yl__mix(c, (yl_rgb){grey, grey, grey}, dull);
}

void yl__actor_dress(yl_thing *t, const yl_day *day, yl_rng *rng)
{
    double vary = KINDS[t->kind].vary;
    bool person = t->kind == YL_ACTOR_Pedestrian || t->kind == YL_ACTOR_Cyclist;
    t->labelled = true;
    t->h = KINDS[t->kind].h * (1 + vary * yl_rng_range(rng, -1, 1));
    t->w = KINDS[t->kind].w * (1 + vary * yl_rng_range(rng, -.5, .5));
    t->l = KINDS[t->kind].l * (1 + vary * yl_rng_range(rng, -1, 1));
    t->phase = yl_rng_uniform(rng);
    t->paint = person ? cloth_of(day, rng) : paint_of(day, rng);
    t->second = person ? cloth_of(day, rng) : paint_of(day, rng);
    t->seed = yl_rng_u32(rng);
}

/* ---- vehicles ---------------------------------------------------------------------------------------------------- */

static void wheels(yl_pen *pen, const yl_pose *pose, const yl_thing *t, double radius, double reach)
{
    for (int i = 0; i < 4; i++) {
        double f = (i & 1 ? reach : -reach) * t->l, r = (i & 2 ? 0.5 : -0.5) * t->w;
        yl__pen_wheel(pen, pose, f, radius, r, radius, 0, TYRE);
        pen->detail = true;
        yl__pen_wheel(pen, pose, f, radius, r * 1.001, radius * 0.58, 0, RIM);
        pen->detail = false;
    }
}

/* What of the tyres shows below the body from ahead or behind. */
static void tyres(yl_pen *pen, const yl_pose *pose, const yl_thing *t, double radius, double reach)
{
    for (int i = 0; i < 4; i++) {
        double f = (i & 1 ? reach : -reach) * t->l, outer = (i & 2 ? .5 : -.5) * t->w,
               inner = outer - (i & 2 ? .22 : -.22);
        yl__pen_block(pen, pose, (double[2]){f - .5 * radius, f + .5 * radius}, (double[2]){0, radius},
                      (double[2]){fmin(inner, outer), fmax(inner, outer)}, TYRE);
    }
}

/* Lamps, plates and bumpers on both ends of a vehicle; `at`: height of the lamps. */
static void ends(yl_pen *pen, const yl_pose *pose, const yl_thing *t, double at)
{
    double half = t->l / 2, u[2] = {at - .09, at + .07}, low[2] = {.32, .46}, plate[2] = {at - .2, at - .08};
    double mid[2] = {-.26, .26}, all[2] = {-.48 * t->w, .48 * t->w};
    for (int side = -1; side <= 1; side += 2) {
        double r[2] = {side * .46 * t->w, side * .28 * t->w};
        yl__pen_on_end(pen, pose, half, r, u, LAMP);
        yl__pen_on_end(pen, pose, -half, r, u, TAIL);
        double f = side * half;
        yl__pen_on_end(pen, pose, f, all, low, (yl_rgb){.12, .12, .13});
        yl__pen_on_end(pen, pose, f, mid, plate, PLATE);
    }
}

static void glass_on_sides(yl_pen *pen, const yl_pose *pose, double half, const double (*panes)[2], int count,
                           double low, double high)
{
    for (int i = 0; i < count; i++)
        for (int side = -1; side <= 1; side += 2)
            yl__pen_on_side(pen, pose, side * half, panes[i], (double[2]){low, high}, GLASS);
}

/* A cabin's pane follows its slanted side: four corners given as {forward, up, half width}. */
static void slanted_pane(yl_pen *pen, const yl_pose *pose, const double (*corner)[3])
{
    for (int side = -1; side <= 1; side += 2) {
        yl_vec p[4];
        for (int i = 0; i < 4; i++) p[i] = yl__pose_point(pose, corner[i][0], corner[i][1], side * corner[i][2]);
        pen->detail = true;
        yl__pen_face(pen, p, 4, yl__pose_point(pose, corner[0][0], corner[0][1], 0), GLASS);
        pen->detail = false;
    }
}

static void draw_car(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double L = t->l, H = t->h, w = t->w / 2, belt = .58 * H, boot = t->seed % 3 ? .47 : .33; /* estates, and saloons */
    double body[6][2] = {{-L / 2, .2 * H},   {L / 2, .2 * H},  {L / 2, .44 * H},
                         {.44 * L, .53 * H}, {-.46 * L, belt}, {-L / 2, .5 * H}};
    double half[6] = {w, w, w, w, w, w};
    double front = .26 * L, roof_front = .08 * L, roof_back = -(boot - .09) * L, back = -boot * L;
    double cabin[4][2] = {{back, belt - .04}, {front, .55 * H}, {roof_front, H}, {roof_back, H}};
    double cabin_half[4] = {.97 * w, .97 * w, .80 * w, .80 * w};
    yl_rgb p = t->paint, body_colours[7] = {TYRE, p, p, p, p, p, p}, cabin_colours[5] = {p, GLASS, p, GLASS, p};
    double s = .86 * w, b = .96 * w;
    double pane[2][4][3] = {{{back + .06 * L, belt + .05, b},
                             {-.06 * L, belt + .05, b},
                             {-.06 * L, .94 * H, s},
                             {roof_back + .03 * L, .94 * H, s}},
                            {{-.04 * L, belt + .05, b},
                             {front - .05 * L, belt + .05, b},
                             {roof_front - .01 * L, .94 * H, s},
                             {-.04 * L, .94 * H, s}}};
    tyres(pen, pose, t, .21 * H, .31);
    yl__pen_prism(pen, pose, (const double(*)[2])body, half, 6, body_colours);
    ends(pen, pose, t, .43 * H);
    wheels(pen, pose, t, .21 * H, .31);
    yl__pen_prism(pen, pose, (const double(*)[2])cabin, cabin_half, 4, cabin_colours);
    for (int i = 0; i < 2; i++) slanted_pane(pen, pose, (const double(*)[3])pane[i]);
}

static void draw_van(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double L = t->l, H = t->h, w = t->w / 2, half[6] = {w, w, w, w, .9 * w, .9 * w};
    double profile[6][2] = {{-L / 2, .14 * H},  {L / 2, .14 * H}, {L / 2, .40 * H},
                            {.40 * L, .54 * H}, {.22 * L, H},     {-L / 2, H}};
    yl_rgb p = t->paint, colours[7] = {TYRE, p, p, GLASS, p, p, p};
    double panes[3][2] = {{.04 * L, .24 * L}, {-.20 * L, .01 * L}, {-.45 * L, -.23 * L}};
    tyres(pen, pose, t, .15 * H, .32);
    yl__pen_prism(pen, pose, (const double(*)[2])profile, half, 6, colours);
    glass_on_sides(pen, pose, w * .97, (const double(*)[2])panes, t->seed % 2 ? 3 : 1, .58 * H, .84 * H);
    yl__pen_on_end(pen, pose, -L / 2, (double[2]){-.8 * w, .8 * w}, (double[2]){.58 * H, .84 * H}, GLASS);
    ends(pen, pose, t, .36 * H);
    wheels(pen, pose, t, .15 * H, .32);
}

static void truck_cab(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double w = t->w / 2, L = t->l, H = t->h, half[5] = {w, w, w, .95 * w, .95 * w}, top = .86 * H;
    double cab[5][2] = {{.30 * L, .3}, {.5 * L, .3}, {.5 * L, .45 * H}, {.485 * L, top}, {.30 * L, top}};
    yl_rgb p = t->paint, colours[6] = {p, p, GLASS, p, p, p};
    double panes[1][2] = {{.36 * L, .47 * L}};
    yl__pen_prism(pen, pose, (const double(*)[2])cab, half, 5, colours);
    glass_on_sides(pen, pose, w, (const double(*)[2])panes, 1, .5 * H, .76 * H);
}

static void truck_box(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double w = t->w / 2, L = t->l, H = t->h;
    yl__pen_block(pen, pose, (double[2]){-.5 * L, .28 * L}, (double[2]){.32 * H, H}, (double[2]){-w, w}, t->second);
    yl__pen_block(pen, pose, (double[2]){-.49 * L, .28 * L}, (double[2]){.2 * H, .32 * H}, (double[2]){-.9 * w, .9 * w},
                  (yl_rgb){.15, .15, .16});
    yl__pen_on_end(pen, pose, -.5 * L, (double[2]){-.03, .03}, (double[2]){.34 * H, .98 * H}, yl__scale(t->second, .6));
}

static void draw_truck(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    bool cab_first = yl__pose_point(pose, .4 * t->l, 0, 0).z > yl__pose_point(pose, -.1 * t->l, 0, 0).z;
    tyres(pen, pose, t, .5, .37);
    if (cab_first) truck_cab(pen, pose, t);
    truck_box(pen, pose, t);
    if (!cab_first) truck_cab(pen, pose, t);
    ends(pen, pose, t, .75);
    wheels(pen, pose, t, .5, .37);
}

static void draw_tram(yl_pen *pen, const yl_pose *pose, const yl_thing *t)
{
    double L = t->l, H = t->h, w = t->w / 2, half[8] = {w, w, w, .92 * w, .92 * w, .92 * w, .92 * w, w};
    double profile[8][2] = {{-L / 2, .12 * H}, {L / 2, .12 * H}, {L / 2, .42 * H},       {L / 2 - .5, .92 * H},
                            {L / 2 - .9, H},   {-L / 2 + .9, H}, {-L / 2 + .5, .92 * H}, {-L / 2, .42 * H}};
    yl_rgb p = t->paint, g = {.72, .72, .70}, colours[9] = {TYRE, p, GLASS, g, g, g, GLASS, p, p};
    int panes = (int)(L / 1.5);
    yl__pen_block(pen, pose, (double[2]){-.4 * L, .4 * L}, (double[2]){0, .13 * H}, (double[2]){-.8 * w, .8 * w}, TYRE);
    yl__pen_prism(pen, pose, (const double(*)[2])profile, half, 8, colours);
    for (int i = 0; i < panes; i++) {
        double f0 = -L / 2 + .8 + (L - 1.6) * i / panes, pane[1][2] = {{f0, f0 + (L - 1.6) / panes * .86}};
        bool door = i % 4 == 2;
        glass_on_sides(pen, pose, w, (const double(*)[2])pane, 1, door ? .16 * H : .46 * H, .82 * H);
    }
    for (int side = -1; side <= 1; side += 2)
        yl__pen_on_side(pen, pose, side * w, (double[2]){-L / 2, L / 2}, (double[2]){.38 * H, .43 * H}, t->second);
    ends(pen, pose, t, .28 * H);
}

/* ---- people ------------------------------------------------------------------------------------------------------ */

static yl_rgb skin_of(uint32_t seed)
{
    static const yl_rgb tones[] = {{.93, .76, .65}, {.80, .60, .47}, {.55, .38, .28}, {.88, .70, .58}};
    return tones[seed % 4];
}

static yl_rgb hair_of(uint32_t seed)
{
    static const yl_rgb tones[] = {{.12, .09, .07}, {.35, .22, .12}, {.65, .52, .30}, {.40, .40, .42}};
    return tones[seed / 4 % 4];
}

static void head(yl_pen *pen, yl_vec at, double radius, uint32_t seed)
{
    yl_vec top = {at.x, at.y - radius * .35, at.z};
    yl__pen_limb(pen, at, at, radius, radius, skin_of(seed));
    pen->detail = true;
    yl__pen_limb(pen, top, top, radius * .8, radius * .8, hair_of(seed));
    pen->detail = false;
}

static void draw_pedestrian(yl_pen *pen, const yl_pose *p, const yl_thing *t)
{
    double H = t->h, step = .16 * H * sin(2 * PI * t->phase), hip = .085 * H;
    yl_rgb skin = skin_of(t->seed), shoe = {.1, .09, .09};
    for (int side = -1; side <= 1; side += 2) {
        yl_vec foot = yl__pose_point(p, side * step, .03 * H, side * hip * .8);
        yl_vec knee = yl__pose_point(p, side * step * .6 + .03 * H, .27 * H, side * hip);
        yl__pen_limb(pen, knee, foot, .042 * H, .030 * H, t->second);
        yl__pen_limb(pen, yl__pose_point(p, side * step + .06 * H, .03 * H, side * hip), foot, .025 * H, .03 * H, shoe);
        yl__pen_limb(pen, yl__pose_point(p, 0, .5 * H, side * hip * .7), knee, .06 * H, .045 * H, t->second);
    }
    for (int side = -1; side <= 1; side += 2) {
        yl_vec hand = yl__pose_point(p, -side * step * .9, .47 * H, side * .155 * H);
        yl__pen_limb(pen, yl__pose_point(p, 0, .79 * H, side * .12 * H), hand, .038 * H, .026 * H,
                     yl__scale(t->paint, .85));
        yl__pen_limb(pen, hand, hand, .026 * H, .026 * H, skin);
    }
    yl__pen_limb(pen, yl__pose_point(p, 0, .76 * H, 0), yl__pose_point(p, 0, .53 * H, 0), .105 * H, .09 * H, t->paint);
    head(pen, yl__pose_point(p, .01 * H, .93 * H, 0), .068 * H, t->seed);
}

static void draw_bicycle(yl_pen *pen, const yl_pose *p, const yl_thing *t)
{
    double R = .34, reach = t->l / 2 - R;
    yl_rgb frame = yl__mix(t->second, (yl_rgb){.1, .1, .1}, .4), tyre = {.07, .07, .07};
    yl_vec crank = yl__pose_point(p, -.05, .3, 0), seat = yl__pose_point(p, -.22, .88, 0);
    yl_vec bar = yl__pose_point(p, reach - .15, .95, 0), hub = yl__pose_point(p, reach, R, 0);
    for (int side = -1; side <= 1; side += 2) {
        yl__pen_wheel(pen, p, side * reach, R, 0, R, R - .045, tyre);
        yl_vec top = yl__pose_point(p, side * reach, 2 * R - .02, 0), low = yl__pose_point(p, side * reach, .02, 0);
        yl__pen_limb(pen, top, low, .018, .018, tyre); /* seen from its edge, a wheel is a bar */
    }
    yl__pen_limb(pen, crank, seat, .022, .022, frame);
    yl__pen_limb(pen, crank, bar, .025, .022, frame);
    yl__pen_limb(pen, crank, yl__pose_point(p, -reach, R, 0), .018, .018, frame);
    yl__pen_limb(pen, bar, hub, .022, .018, frame);
    yl__pen_limb(pen, yl__pose_point(p, reach - .15, 1.0, -.24), yl__pose_point(p, reach - .15, 1.0, .24), .02, .02,
                 tyre);
}

static void draw_cyclist(yl_pen *pen, const yl_pose *p, const yl_thing *t)
{
    double H = t->h, swing = 2 * PI * t->phase, reach = t->l / 2 - .34;
    draw_bicycle(pen, p, t);
    for (int side = -1; side <= 1; side += 2) {
        double a = swing + (side > 0 ? 0 : PI);
        yl_vec foot = yl__pose_point(p, -.05 + .16 * cos(a), .3 + .16 * sin(a), side * .1);
        yl_vec knee = yl__pose_point(p, .14 + .06 * cos(a), .66 + .12 * sin(a), side * .12);
        yl__pen_limb(pen, knee, foot, .065, .045, t->second);
        yl__pen_limb(pen, yl__pose_point(p, -.2, .94, side * .09), knee, .095, .07, t->second);
    }
    yl_vec neck = yl__pose_point(p, .1, .80 * H, 0);
    for (int side = -1; side <= 1; side += 2)
        yl__pen_limb(pen, yl__pose_point(p, .1, .78 * H, side * .19), yl__pose_point(p, reach - .15, 1.03, side * .2),
                     .06, .04, yl__scale(t->paint, .85));
    yl__pen_limb(pen, neck, yl__pose_point(p, -.19, 1.0, 0), .17, .15, t->paint);
    head(pen, yl__pose_point(p, .17, H - .12, 0), .12, t->seed);
}

/* ---- the table of them ------------------------------------------------------------------------------------------- */

void yl__actor_draw(yl_pen *pen, const yl_thing *t)
{
    static void (*const draw[])(yl_pen *, const yl_pose *, const yl_thing *) = {
        [YL_ACTOR_Car] = draw_car,         [YL_ACTOR_Van] = draw_van,
        [YL_ACTOR_Truck] = draw_truck,     [YL_ACTOR_Pedestrian] = draw_pedestrian,
        [YL_ACTOR_Cyclist] = draw_cyclist, [YL_ACTOR_Tram] = draw_tram,
    };
    yl_pose pose = yl__pose(t->x, pen->camera.height, t->z, t->rotation_y);
    draw[t->kind](pen, &pose, t);
}

/* Dark ground below, stretched away from the sun. */
void yl__actor_shadow(yl_pen *pen, const yl_thing *t)
{
    static const double corner[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    yl_pose pose = yl__pose(t->x, pen->camera.height, t->z, t->rotation_y);
    double away = pen->diffuse * t->h * .5 / fmax(.3, -pen->sun.y);
    for (int layer = 0; layer < 2; layer++) {
        yl_vec p[4];
        for (int i = 0; i < 4; i++) {
            p[i] = yl__pose_point(&pose, corner[i][0] * t->l * .5, 0, corner[i][1] * t->w * .52);
            p[i].x -= layer ? pen->sun.x * away : 0;
            p[i].z -= layer ? pen->sun.z * away : 0;
        }
        yl__pen_flat(pen, p, 4, (yl_rgb){.04, .04, .05}, layer ? .55 * pen->diffuse : .5);
    }
}
