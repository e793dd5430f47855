/* One object of an image as a label or detection file states it: KITTI's fifteen fields and the score. */
#ifndef YL_CORE_LABEL_H
#define YL_CORE_LABEL_H

#include "core/box.h"

typedef struct yl_label {
    const char *name;    /* class as written; borrowed from the list that holds the label, or from the caller */
    int32_t class_index; /* 0-based, into the caller's names; -1 if there are none */
    int32_t line;        /* 1-based, in the file; 0 if there is none */
    bool ignore;         /* a region that is neither truth nor background */
    double truncated;    /* 0..1; -1 unknown */
    double occluded;     /* 0 visible, 1 partly, 2 largely, 3 unknown; -1 unknown */
    double alpha;        /* observation angle, radians; -10 unknown */
    yl_box box;          /* pixels, or fractions of the image where its size is unknown to a reader of YOLO files */
    double dims[3];      /* height, width, length, metres */
    double location[3];  /* x, y, z in the camera's frame, metres */
    double rotation_y;   /* around the camera's y axis, radians */
    double score;        /* of a detection; 1 for a label */
} yl_label;

#endif
