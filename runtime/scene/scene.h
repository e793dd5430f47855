/* Street scenes drawn from nothing: a data set for who has none. Objects stand in the camera's frame as KITTI has it (x
 * right, y down, z forward, metres; the ground is flat), and labels are measured on what was drawn. The same options
 * give the same bytes. */
#ifndef YL_SCENE_SCENE_H
#define YL_SCENE_SCENE_H

#include "core/label.h"
#include "core/options.h"
#include "image/image.h"

/* Two looks of the same world: what a network is pretrained on, and what it then meets. */
typedef enum yl_scene_style { YL_SCENE_SOURCE, YL_SCENE_TARGET } yl_scene_style;

enum { YL_SCENE_OBJECTS = 48, YL_SCENE_MIN_SIDE = 32, YL_SCENE_MAX_SIDE = 4096 };

typedef struct yl_scene_options {
    int64_t width, height; /* of the picture, pixels */
    uint64_t seed;
    uint32_t index; /* of the frame in its data set */
    yl_scene_style style;
} yl_scene_options;

extern const yl_field_table yl_scene_fields;

/* The pinhole camera of a picture: u = f x / z + cx, v = f y / z + cy; it stands `height` metres above the ground. */
typedef struct yl_scene_camera {
    double f, cx, cy, height;
} yl_scene_camera;

typedef struct yl_scene {
    yl_image image;
    uint8_t *ids;                       /* h,w: 1 + row in `objects` of what is seen there; 0: no labelled object */
    yl_label objects[YL_SCENE_OBJECTS]; /* names are literals; what is too small to tell is DontCare */
    double visible[YL_SCENE_OBJECTS];   /* share of the object's pixels inside the picture that nothing covers */
    int64_t count;
} yl_scene;

yl_scene_camera yl_scene_camera_of(const yl_scene_options *options);

/* Draws one frame; release with yl_scene_free, also after a failure. Errors: INVALID for sizes outside
 * YL_SCENE_MIN_SIDE..YL_SCENE_MAX_SIDE, MEMORY. */
yl_status yl_scene_render(const yl_scene_options *options, yl_scene *out);
void yl_scene_free(yl_scene *scene);

#endif
