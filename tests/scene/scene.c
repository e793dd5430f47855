/* Synthetic street scenes: boxes against the pixels that they are of, against the camera, occlusion against what is
 * seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/memory.h"
#include "scene/scene.h"

#include <math.h>
#include <string.h>

enum { FRAMES = 12, W = 416, H = 128 };

static yl_scene_options options_of(uint32_t index, yl_scene_style style)
{
    return (yl_scene_options){.width = W, .height = H, .seed = 3, .index = index, .style = style};
}

static void with_each(void (*check)(const yl_scene *, const yl_scene_options *))
{
    for (int style = 0; style < 2; style++)
        for (uint32_t i = 0; i < FRAMES; i++) {
            yl_scene scene;
            yl_scene_options o = options_of(i, (yl_scene_style)style);
            assert_int_equal(yl_scene_render(&o, &scene), YL_OK);
            check(&scene, &o);
            yl_scene_free(&scene);
        }
}

/* The extent of the pixels that bear a number; their count. */
static int64_t extent(const yl_scene *s, int id, yl_box *out)
{
    int64_t n = 0;
    *out = (yl_box){1e9, 1e9, -1e9, -1e9};
    for (int64_t y = 0; y < H; y++)
        for (int64_t x = 0; x < W; x++) {
            if (s->ids[y * W + x] != id) continue;
            out->x1 = fmin(out->x1, (double)x), out->x2 = fmax(out->x2, (double)x + 1);
            out->y1 = fmin(out->y1, (double)y), out->y2 = fmax(out->y2, (double)y + 1);
            n++;
        }
    return n;
}

static int whole; /* objects that the checks held against something */

static void check_boxes(const yl_scene *s, const yl_scene_options *o)
{
    (void)o;
    for (int64_t i = 0; i < s->count; i++) {
        const yl_label *row = &s->objects[i];
        yl_box seen;
        int64_t n = extent(s, (int)i + 1, &seen);
        assert_true(row->box.x1 >= 0 && row->box.y1 >= 0 && row->box.x2 <= W && row->box.y2 <= H);
        assert_true(n > 0);
        assert_true(seen.x1 >= row->box.x1 - 1 && seen.y1 >= row->box.y1 - 1 && seen.x2 <= row->box.x2 + 1 &&
                    seen.y2 <= row->box.y2 + 1);
        if (s->visible[i] < 1 || row->truncated > 0 || yl_box_height(row->box) < (row->class_index == 4 ? 28 : 12))
            continue;
        assert_true(fabs(seen.x1 - row->box.x1) <= 1.7 &&
                    fabs(seen.x2 - row->box.x2) <= 1.7); /* nothing covers it; tips are thin */
        assert_true(fabs(seen.y1 - row->box.y1) <= 1.7 && fabs(seen.y2 - row->box.y2) <= 1.7);
        whole++;
    }
}

static void boxes_are_what_is_drawn(void **state)
{
    (void)state;
    whole = 0;
    with_each(check_boxes);
    assert_true(whole > 15);
}

/* The eight corners of the labelled 3D box, projected; false where one is behind the camera. */
static int project(const yl_label *row, const yl_scene_options *o, yl_box *out)
{
    yl_scene_camera k = yl_scene_camera_of(o);
    double c = cos(row->rotation_y), s = sin(row->rotation_y);
    *out = (yl_box){1e9, 1e9, -1e9, -1e9};
    for (int i = 0; i < 8; i++) {
        double f = (i & 1 ? .5 : -.5) * row->dims[2], r = (i & 2 ? .5 : -.5) * row->dims[1],
               up = i & 4 ? row->dims[0] : 0;
        double x = row->location[0] + c * f + s * r, y = row->location[1] - up, z = row->location[2] - s * f + c * r;
        if (z < 1) return 0;
        out->x1 = fmin(out->x1, k.f * x / z + k.cx), out->x2 = fmax(out->x2, k.f * x / z + k.cx);
        out->y1 = fmin(out->y1, k.f * y / z + k.cy), out->y2 = fmax(out->y2, k.f * y / z + k.cy);
    }
    return 1;
}

static void check_geometry(const yl_scene *s, const yl_scene_options *o)
{
    for (int64_t i = 0; i < s->count; i++) {
        const yl_label *row = &s->objects[i];
        yl_box solid, inside;
        if (row->ignore || !project(row, o, &solid)) continue;
        inside = (yl_box){fmax(0, solid.x1), fmax(0, solid.y1), fmin(W, solid.x2), fmin(H, solid.y2)};
        assert_true(row->box.x1 >= inside.x1 - 4 && row->box.x2 <= inside.x2 + 4);
        assert_true(row->box.y1 >= inside.y1 - 4 && row->box.y2 <= inside.y2 + 4);
        assert_true(yl_box_iou(row->box, inside) > .3); /* people are thinner than the block around them */
        if (row->class_index == 0) assert_true(yl_box_iou(row->box, inside) > .75);
        double alpha = row->rotation_y - atan2(row->location[0], row->location[2]);
        assert_true(fabs(sin((row->alpha - alpha) / 2)) < 1e-9);
        if (solid.x1 > 0 && solid.x2 < W && solid.y1 > 0 && solid.y2 < H) assert_true(row->truncated == 0);
        if (row->class_index == 0 && solid.x1 < -.4 * yl_box_width(solid)) assert_true(row->truncated > .15);
        whole++;
    }
}

static void labels_agree_with_the_camera(void **state)
{
    (void)state;
    whole = 0;
    with_each(check_geometry);
    assert_true(whole > 100);
}

static int degrees[3], regions;

static void check_occlusion(const yl_scene *s, const yl_scene_options *o)
{
    (void)o;
    for (int64_t i = 0; i < s->count; i++) {
        const yl_label *row = &s->objects[i];
        assert_true(s->visible[i] >= .08 && s->visible[i] <= 1);
        regions += row->ignore;
        if (row->ignore) continue;
        assert_true(row->occluded == (s->visible[i] > .9 ? 0 : s->visible[i] > .5 ? 1 : 2));
        assert_true(row->truncated >= 0 && row->truncated <= .9);
        degrees[(int)row->occluded]++;
    }
}

static void occlusion_is_what_is_covered(void **state)
{
    (void)state;
    with_each(check_occlusion);
    for (int i = 0; i < 3; i++) assert_true(degrees[i] > 5);
    assert_true(regions > 1);
}

static int kinds[6];

static void count_kinds(const yl_scene *s, const yl_scene_options *o)
{
    (void)o;
    for (int64_t i = 0; i < s->count; i++)
        if (!s->objects[i].ignore) kinds[s->objects[i].class_index]++;
}

static void every_class_occurs(void **state)
{
    (void)state;
    with_each(count_kinds);
    for (int i = 0; i < 6; i++) assert_true(kinds[i] > 0);
}

/* Same options, same bytes; another seed, frame or style, others. */
static void options_decide_the_bytes(void **state)
{
    (void)state;
    yl_scene_options o = options_of(5, YL_SCENE_SOURCE), others[3] = {o, o, o};
    others[0].seed = 4, others[1].index = 6, others[2].style = YL_SCENE_TARGET;
    yl_scene first, again;
    assert_int_equal(yl_scene_render(&o, &first), YL_OK);
    assert_int_equal(yl_scene_render(&o, &again), YL_OK);
    assert_memory_equal(first.image.data, again.image.data, W * H * 3);
    assert_memory_equal(first.ids, again.ids, W * H);
    assert_memory_equal(first.objects, again.objects, sizeof first.objects);
    yl_scene_free(&again);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(yl_scene_render(&others[i], &again), YL_OK);
        assert_true(memcmp(first.image.data, again.image.data, W * H * 3) != 0);
        yl_scene_free(&again);
    }
    yl_scene_free(&first);
}

static void wrong_sizes_and_failing_memory_are_told(void **state)
{
    (void)state;
    yl_scene scene;
    yl_scene_options o = options_of(0, YL_SCENE_SOURCE);
    o.height = 5;
    assert_int_equal(yl_scene_render(&o, &scene), YL_INVALID);
    assert_string_equal(yl_error(), "scene: expected sides of 32 to 4096 pixels, got 416x5");
    yl_scene_free(&scene);
    o.height = H;
    for (int n = 1; n <= 3; n++) {
        yl__alloc_fail_at(n);
        assert_int_equal(yl_scene_render(&o, &scene), YL_MEMORY);
        yl_scene_free(&scene);
    }
    yl__alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_what_is_drawn),      cmocka_unit_test(labels_agree_with_the_camera),
        cmocka_unit_test(occlusion_is_what_is_covered), cmocka_unit_test(every_class_occurs),
        cmocka_unit_test(options_decide_the_bytes),     cmocka_unit_test(wrong_sizes_and_failing_memory_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
