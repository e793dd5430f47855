/* The pen: projection, clipping at the near plane, light, haze; bodies made of flat faces. */
#include "scene/pen.h"

#include <math.h>

#define NEAR 0.6 /* metres: what is nearer is cut off */
#define PI 3.14159265358979323846

yl_pose yl__pose(double x, double ground, double z, double rotation_y)
{
    return (yl_pose){{x, ground, z}, cos(rotation_y), sin(rotation_y)};
}

yl_vec yl__pose_point(const yl_pose *p, double forward, double up, double right)
{
    return (yl_vec){p->at.x + p->c * forward + p->s * right, p->at.y - up, p->at.z - p->s * forward + p->c * right};
}

void yl__pen_begin(yl_pen *pen, int id)
{
    pen->id = id;
    pen->bounds = (yl_box){1e9, 1e9, -1e9, -1e9};
}

yl_rgb yl__mix(yl_rgb a, yl_rgb b, double t)
{
    return (yl_rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

yl_rgb yl__scale(yl_rgb a, double by)
{
    return (yl_rgb){fmin(1, a.r * by), fmin(1, a.g * by), fmin(1, a.b * by)};
}

static yl_rgb hazy(const yl_pen *pen, yl_rgb colour, double z)
{
    return yl__mix(colour, pen->haze, 1 - exp(-z / pen->haze_range));
}

/* ---- polygons in pixels ---------------------------------------------------------------------------------------------
 */

static void trace(cairo_t *to, const double (*points)[2], int count)
{
    cairo_move_to(to, points[0][0], points[0][1]);
    for (int i = 1; i < count; i++) cairo_line_to(to, points[i][0], points[i][1]);
    cairo_close_path(to);
}

static void extend(yl_box *b, const double (*points)[2], int count)
{
    for (int i = 0; i < count; i++) {
        b->x1 = fmin(b->x1, points[i][0]);
        b->y1 = fmin(b->y1, points[i][1]);
        b->x2 = fmax(b->x2, points[i][0]);
        b->y2 = fmax(b->y2, points[i][1]);
    }
}

/* Fills the present paths of both pictures. */
static void fill(yl_pen *pen, yl_rgb colour, double alpha, bool counts)
{
    cairo_set_source_rgba(pen->picture, colour.r, colour.g, colour.b, alpha);
    cairo_fill(pen->picture);
    if (!counts) return;
    cairo_set_source_rgba(pen->ids, 0, 0, 0, pen->id / 255.0);
    cairo_fill(pen->ids);
}

static void polygon(yl_pen *pen, const double (*points)[2], int count, yl_rgb colour, double alpha)
{
    bool counts = !pen->detail && alpha >= 1;
    trace(pen->picture, points, count);
    if (counts) {
        trace(pen->ids, points, count);
        extend(&pen->bounds, points, count);
    }
    fill(pen, colour, alpha, counts);
}

/* ---- polygons in space ------------------------------------------------------------------------------------------- */

static yl_vec between(yl_vec a, yl_vec b, double t)
{
    return (yl_vec){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t, a.z + (b.z - a.z) * t};
}

/* Sutherland and Hodgman's clipping against z = NEAR; out holds up to count + 1 points. */
static int clip(const yl_vec *in, int count, yl_vec *out)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        yl_vec a = in[i], b = in[(i + 1) % count];
        if (a.z >= NEAR) out[n++] = a;
        if ((a.z >= NEAR) != (b.z >= NEAR)) out[n++] = between(a, b, (NEAR - a.z) / (b.z - a.z));
    }
    return n;
}

static void project(const yl_scene_camera *k, yl_vec v, double out[2])
{
    out[0] = k->f * v.x / v.z + k->cx;
    out[1] = k->f * v.y / v.z + k->cy;
}

void yl__pen_flat(yl_pen *pen, const yl_vec *points, int count, yl_rgb colour, double alpha)
{
    yl_vec kept[2 * YL_PEN_POINTS];
    double flat[2 * YL_PEN_POINTS][2], z = 0;
    int n = clip(points, count, kept);
    if (n < 3) return;
    for (int i = 0; i < n; i++) {
        project(&pen->camera, kept[i], flat[i]);
        z += kept[i].z / n;
    }
    polygon(pen, (const double(*)[2])flat, n, hazy(pen, colour, z), alpha);
}

static double dot(yl_vec a, yl_vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

/* Newell's normal of a polygon, of length 1. */
static yl_vec normal(const yl_vec *p, int count)
{
    yl_vec n = {0, 0, 0};
    for (int i = 0; i < count; i++) {
        yl_vec a = p[i], b = p[(i + 1) % count];
        n.x += (a.y - b.y) * (a.z + b.z);
        n.y += (a.z - b.z) * (a.x + b.x);
        n.z += (a.x - b.x) * (a.y + b.y);
    }
    double length = sqrt(dot(n, n));
    if (length > 0) n = (yl_vec){n.x / length, n.y / length, n.z / length};
    return n;
}

void yl__pen_face(yl_pen *pen, const yl_vec *points, int count, yl_vec centre, yl_rgb colour)
{
    yl_vec n = normal(points, count), p = points[0];
    yl_vec out = {p.x - centre.x, p.y - centre.y, p.z - centre.z};
    if (dot(n, out) < 0) n = (yl_vec){-n.x, -n.y, -n.z};
    if (dot(n, p) >= 0) return; /* looks away from the camera */
    yl__pen_flat(pen, points, count, yl__scale(colour, pen->ambient + pen->diffuse * fmax(0, dot(n, pen->sun))), 1);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static yl_vec middle_of(const yl_pose *pose, const double (*profile)[2], int n)
{
    double f = 0, u = 0;
    for (int i = 0; i < n; i++) {
        f += profile[i][0] / n;
        u += profile[i][1] / n;
    }
    return yl__pose_point(pose, f, u, 0);
}

void yl__pen_prism(yl_pen *pen, const yl_pose *pose, const double (*profile)[2], const double *half, int n,
                   const yl_rgb *colours)
{
    yl_vec sides[2][YL_PEN_POINTS], centre = middle_of(pose, profile, n);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < n; i++)
            sides[s][i] = yl__pose_point(pose, profile[i][0], profile[i][1], s ? half[i] : -half[i]);
    for (int i = 0; i < n; i++) {
        int j = (i + 1) % n;
        yl_vec strip[4] = {sides[0][i], sides[0][j], sides[1][j], sides[1][i]};
        yl__pen_face(pen, strip, 4, centre, colours[i]);
    }
    for (int s = 0; s < 2; s++) yl__pen_face(pen, sides[s], n, centre, colours[n]);
}

void yl__pen_block(yl_pen *pen, const yl_pose *pose, const double f[2], const double u[2], const double r[2],
                   yl_rgb colour)
{
    yl_pose moved = *pose;
    double half = (r[1] - r[0]) / 2, widths[4] = {half, half, half, half};
    double profile[4][2] = {{f[0], u[0]}, {f[1], u[0]}, {f[1], u[1]}, {f[0], u[1]}};
    yl_rgb colours[5] = {colour, colour, colour, colour, colour};
    moved.at = yl__pose_point(pose, 0, 0, (r[0] + r[1]) / 2);
    yl__pen_prism(pen, &moved, (const double(*)[2])profile, widths, 4, colours);
}

static void patch(yl_pen *pen, const yl_vec *points, int count, yl_vec centre, yl_rgb colour)
{
    pen->detail = true;
    yl__pen_face(pen, points, count, centre, colour);
    pen->detail = false;
}

void yl__pen_on_side(yl_pen *pen, const yl_pose *pose, double right, const double f[2], const double u[2],
                     yl_rgb colour)
{
    yl_vec p[4] = {yl__pose_point(pose, f[0], u[0], right), yl__pose_point(pose, f[1], u[0], right),
                   yl__pose_point(pose, f[1], u[1], right), yl__pose_point(pose, f[0], u[1], right)};
    patch(pen, p, 4, yl__pose_point(pose, 0, u[0], 0), colour);
}

void yl__pen_on_end(yl_pen *pen, const yl_pose *pose, double forward, const double r[2], const double u[2],
                    yl_rgb colour)
{
    yl_vec p[4] = {yl__pose_point(pose, forward, u[0], r[0]), yl__pose_point(pose, forward, u[0], r[1]),
                   yl__pose_point(pose, forward, u[1], r[1]), yl__pose_point(pose, forward, u[1], r[0])};
    patch(pen, p, 4, yl__pose_point(pose, 0, u[0], 0), colour);
}

enum { WHEEL = 16 };

void yl__pen_wheel(yl_pen *pen, const yl_pose *pose, double forward, double up, double right, double radius,
                   double hole, yl_rgb colour)
{
    yl_vec rim[2 * WHEEL + 2];
    for (int i = 0; i < WHEEL; i++) {
        double a = 2 * PI * i / WHEEL;
        rim[i] = yl__pose_point(pose, forward + radius * cos(a), up + radius * sin(a), right);
    }
    if (hole <= 0) {
        yl__pen_face(pen, rim, WHEEL, yl__pose_point(pose, forward, up, 0), colour);
        return;
    }
    rim[WHEEL] = rim[0]; /* out along the rim, back along the hole */
    for (int i = 0; i <= WHEEL; i++) {
        double a = -2 * PI * i / WHEEL;
        rim[WHEEL + 1 + i] = yl__pose_point(pose, forward + hole * cos(a), up + hole * sin(a), right);
    }
    yl__pen_flat(pen, rim, 2 * WHEEL + 2, colour, 1);
}

void yl__pen_limb(yl_pen *pen, yl_vec a, yl_vec b, double ra, double rb, yl_rgb colour)
{
    enum { ARC = 8 };
    double pa[2], pb[2], points[2 * ARC + 2][2];
    if (a.z < NEAR || b.z < NEAR) return;
    project(&pen->camera, a, pa);
    project(&pen->camera, b, pb);
    double angle = atan2(pb[1] - pa[1], pb[0] - pa[0]), f = pen->camera.f;
    for (int i = 0; i <= ARC; i++) { /* half a circle around each end, away from the other */
        double t = angle - PI / 2 + PI * i / ARC, sa = ra * f / a.z, sb = rb * f / b.z;
        points[i][0] = pb[0] + sb * cos(t);
        points[i][1] = pb[1] + sb * sin(t);
        points[ARC + 1 + i][0] = pa[0] - sa * cos(t);
        points[ARC + 1 + i][1] = pa[1] - sa * sin(t);
    }
    double light = pen->ambient + 0.6 * pen->diffuse;
    polygon(pen, (const double(*)[2])points, 2 * ARC + 2, hazy(pen, yl__scale(colour, light), (a.z + b.z) / 2), 1);
}
