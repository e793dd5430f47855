/* Drawing in three dimensions with cairo: polygons in the camera's frame, lit by a sun, dimmed by haze, far ones first.
 * Whatever is drawn for an object is drawn a second time, flat, into a picture of numbers that says what is seen where.
 */
#ifndef YL_SCENE_PEN_H
#define YL_SCENE_PEN_H

#include "core/box.h"
#include "scene/scene.h"

#include <cairo.h>

enum { YL_PEN_POINTS = 40 };

typedef struct yl_rgb {
    double r, g, b; /* 0..1 */
} yl_rgb;

typedef struct yl_vec {
    double x, y, z; /* metres, the camera's frame; or forward, up, right of an object */
} yl_vec;

typedef struct yl_pen {
    cairo_t *picture, *ids; /* ids: alpha holds the number */
    yl_scene_camera camera;
    yl_rgb haze;
    double haze_range; /* metres over which 63 % of a colour is lost */
    yl_vec sun;        /* unit vector towards it */
    double ambient, diffuse;
    int id;        /* of what is being drawn; 0: scenery */
    bool detail;   /* lies on a face that is drawn already: leaves ids and bounds alone */
    yl_box bounds; /* of what was drawn since yl__pen_begin, pixels, not clipped */
} yl_pen;

/* Where an object stands: the centre of its bottom, and its turn around the vertical as KITTI's rotation_y. */
typedef struct yl_pose {
    yl_vec at;
    double c, s;
} yl_pose;

yl_pose yl__pose(double x, double ground, double z, double rotation_y);
/* From (forward, up, right) to the camera's frame. */
yl_vec yl__pose_point(const yl_pose *pose, double forward, double up, double right);

void yl__pen_begin(yl_pen *pen, int id);
yl_rgb yl__mix(yl_rgb a, yl_rgb b, double share_of_b);
yl_rgb yl__scale(yl_rgb a, double by);

/* A polygon as it is: hazy, not lit. `alpha` below 1 leaves ids alone. */
void yl__pen_flat(yl_pen *pen, const yl_vec *points, int count, yl_rgb colour, double alpha);
/* A face of a convex body around `centre`: lit; not drawn when it looks away. */
void yl__pen_face(yl_pen *pen, const yl_vec *points, int count, yl_vec centre, yl_rgb colour);
/* A body with the side view `profile` ({forward, up}, convex, n points) and half widths `half`; colours: one for each
 * edge i..i+1, then the sides'. */
void yl__pen_prism(yl_pen *pen, const yl_pose *pose, const double (*profile)[2], const double *half, int n,
                   const yl_rgb *colours);
/* An upright block: forward f0..f1, up u0..u1, right r0..r1. */
void yl__pen_block(yl_pen *pen, const yl_pose *pose, const double f[2], const double u[2], const double r[2],
                   yl_rgb colour);
/* A quadrangle on a side of a body (at `right`, forward f0..f1, up u0..u1), and on an end (at `forward`). */
void yl__pen_on_side(yl_pen *pen, const yl_pose *pose, double right, const double f[2], const double u[2],
                     yl_rgb colour);
void yl__pen_on_end(yl_pen *pen, const yl_pose *pose, double forward, const double r[2], const double u[2],
                    yl_rgb colour);
/* A wheel's disc on the side at `right`; with `hole` > 0 a ring that is seen from both sides. */
void yl__pen_wheel(yl_pen *pen, const yl_pose *pose, double forward, double up, double right, double radius,
                   double hole, yl_rgb colour);
/* A limb from a to b with round ends: radii ra and rb, metres. a = b: a ball. */
void yl__pen_limb(yl_pen *pen, yl_vec a, yl_vec b, double ra, double rb, yl_rgb colour);

#endif
