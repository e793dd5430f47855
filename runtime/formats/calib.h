/* KITTI's calibration of a frame (calib/NNNNNN.txt), and where a labelled 3D box lies in the picture.
 *
 * Format: the object development kit's readme. A line is `NAME: numbers`, row by row: P0..P3 (3 x 4, from rectified camera
 * coordinates to pixels of the four cameras; P2 is the left colour camera's, whose pictures lie in image_2), R0_rect (3 x 3),
 * Tr_velo_to_cam and Tr_imu_to_velo (3 x 4). */
#ifndef YL_FORMATS_CALIB_H
#define YL_FORMATS_CALIB_H

#include "core/label.h"

#define YL_CALIB_LINES(X)                                                                                              \
    X(P0, 12)                                                                                                          \
    X(P1, 12)                                                                                                          \
    X(P2, 12)                                                                                                          \
    X(P3, 12)                                                                                                          \
    X(R0_rect, 9)                                                                                                      \
    X(Tr_velo_to_cam, 12)                                                                                              \
    X(Tr_imu_to_velo, 12)

typedef struct yl_calib {
#define X(name, count) double name[count];
    YL_CALIB_LINES(X)
#undef X
    uint32_t lines; /* bit i: the i-th of YL_CALIB_LINES is there; P2 always is */
} yl_calib;

/* Errors: IO; FORMAT with "path:line", what was expected and what was found: an unknown or repeated name, a wrong count, a
 * an invalid number, no P2. */
yl_status yl_calib_read(const char *path, yl_calib *out);
/* The same from `size` bytes of `text`, NUL-terminated, which is cut up on the way. */
yl_status yl_calib_parse(const char *path, char *text, int64_t size, yl_calib *out);

/* The rectangle around the label's 3D box as a camera with the 3 x 4 matrix p sees it, in pixels and not clipped; what lies
 * behind the camera is cut off. False where the label has no 3D box (sizes not above zero) or all of it is behind. */
bool yl_calib_project(const double p[12], const yl_label *label, yl_box *out);

#endif
