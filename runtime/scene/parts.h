/* What a street scene is made of: things that carry labels (actors) and things that do not (props). */
#ifndef YL_SCENE_PARTS_H
#define YL_SCENE_PARTS_H

#include "core/rng.h"
#include "scene/pen.h"

/* Name as KITTI's labels have it, mean height, width and length in metres, how much they vary. */
#define YL_ACTORS(X)                                                                                                   \
    X(Car, 1.52, 1.66, 4.1, 0.10)                                                                                      \
    X(Van, 2.15, 1.90, 4.9, 0.08)                                                                                      \
    X(Truck, 3.25, 2.50, 8.2, 0.12)                                                                                    \
    X(Pedestrian, 1.74, 0.64, 0.78, 0.08)                                                                              \
    X(Cyclist, 1.74, 0.60, 1.76, 0.05)                                                                                 \
    X(Tram, 3.50, 2.45, 15.0, 0.12)

typedef enum yl_actor_kind {
#define X(name, h, w, l, vary) YL_ACTOR_##name,
    YL_ACTORS(X)
#undef X
        YL_ACTOR_KINDS
} yl_actor_kind;

typedef enum yl_prop_kind { YL_PROP_HOUSE, YL_PROP_TREE, YL_PROP_POST, YL_PROP_FENCE } yl_prop_kind;

typedef struct yl_thing {
    bool labelled;
    int kind;                /* yl_actor_kind or yl_prop_kind */
    double h, w, l;          /* metres */
    double x, z, rotation_y; /* of the bottom's centre */
    double phase;            /* of a walk or a wheel, 0..1 */
    yl_rgb paint, second;
    uint32_t seed; /* of details */
} yl_thing;

/* A day: light, weather, and the colours of one style. */
typedef struct yl_day {
    yl_scene_style style;
    yl_rgb sky_top, sky_low, ground, road, kerb, leaf;
    double clouds, gain, grain, blur, vignette, tint[3];
    double bend; /* of the road: metres aside at z are bend * z^2 */
} yl_day;

const char *yl__actor_name(int kind);
void yl__actor_dress(yl_thing *thing, const yl_day *day, yl_rng *rng); /* sizes and colours of a new actor */
void yl__actor_draw(yl_pen *pen, const yl_thing *thing);
void yl__actor_shadow(yl_pen *pen, const yl_thing *thing);

void yl__day_make(yl_scene_style style, yl_rng *rng, yl_day *day, yl_pen *pen);
void yl__world_draw(yl_pen *pen, const yl_day *day, const yl_scene_options *options,
                    yl_rng *rng); /* sky, ground, road */
void yl__prop_draw(yl_pen *pen, const yl_thing *thing, const yl_day *day);
void yl__finish(yl_image *image, const yl_day *day, yl_rng *rng); /* the camera's own faults */

#endif
