/* The extra labels of an object that a detection head may predict beside its box and class, one line each:
 *
 *   A(name, kind, width, label, low, high, unknown)
 *     kind     ANGLE (a direction in radians, as its sine and cosine), CLASSES (0..width-1) or SHARE (0..1): how it is learned and decoded
 *              (kernels/attributes.formulas.h) and what flipping and cropping a picture do to it (below)
 *     width    numbers per anchor of a head
 *     label    the member of yl_label, and its name wherever labels and detections are shown
 *     low, high  of the values that are known; anything else is unknown and teaches nothing
 *     unknown  how KITTI writes that
 *
 * Truth rows and detections hold one value per line, in this order. */
#ifndef YL_CORE_ATTRIBUTES_H
#define YL_CORE_ATTRIBUTES_H

#include "core/both.h"
#include "core/status.h"

#include <math.h>

#define YL_TURN 6.28318530717958647692

#define YL_ATTRIBUTE_TABLE(A)                                                                                          \
    A(orientation, ANGLE, 2, alpha, -YL_TURN, YL_TURN, -10)                                                            \
    A(occlusion, CLASSES, 4, occluded, 0, 3, -1)                                                                       \
    A(truncation, SHARE, 1, truncated, 0, 1, -1)

enum {
#define A(name, ...) YL_ATTRIBUTE_##name,
    YL_ATTRIBUTE_TABLE(A)
#undef A
        YL_ATTRIBUTES
};

typedef enum yl_attribute_kind { YL_ATTRIBUTE_ANGLE, YL_ATTRIBUTE_CLASSES, YL_ATTRIBUTE_SHARE } yl_attribute_kind;

typedef struct yl_attribute {
    const char *name, *label;
    yl_attribute_kind kind;
    int32_t width;
    double low, high, unknown;
} yl_attribute;

/* Of line `attribute` (from 0) of the table. */
YL_BOTH static inline yl_attribute yl_attribute_at(int attribute)
{
    switch (attribute) {
#define A(name, kind, width, label, low, high, unknown)                                                                \
    case YL_ATTRIBUTE_##name: {                                                                                        \
        yl_attribute a = {#name, #label, YL_ATTRIBUTE_##kind, width, low, high, unknown};                              \
        return a;                                                                                                      \
    }
        YL_ATTRIBUTE_TABLE(A)
#undef A
    default: {
        yl_attribute none = {"", "", YL_ATTRIBUTE_SHARE, 0, 0, 0, 0};
        return none;
    }
    }
}

/* The names as the choices of an option: orientation|occlusion|truncation. */
#define YL__ATTRIBUTE_CHOICE(name, ...) "|" #name
#define YL_ATTRIBUTE_CHOICES (&YL_ATTRIBUTE_TABLE(YL__ATTRIBUTE_CHOICE)[1])

/* Numbers per anchor for a set of attributes (bit i: line i). */
YL_BOTH static inline int32_t yl_attributes_width(uint32_t set)
{
    int32_t width = 0;
    for (int i = 0; i < YL_ATTRIBUTES; i++)
        if (set >> i & 1) width += yl_attribute_at(i).width;
    return width;
}

YL_BOTH static inline bool yl_attribute_known(const yl_attribute *a, double value)
{
    bool whole = a->kind != YL_ATTRIBUTE_CLASSES || value == floor(value);
    return value >= a->low && value <= a->high && whole;
}

/* What becomes of a value where the picture is mirrored: an object that heads for the left now heads for the right (alpha becomes pi - alpha, in
 * -pi..pi). */
static inline double yl_attribute_flipped(const yl_attribute *a, double value)
{
    if (a->kind != YL_ATTRIBUTE_ANGLE || !yl_attribute_known(a, value)) return value;
    return remainder(YL_TURN / 2 - value, YL_TURN);
}

/* And where only the share `seen` of the object's box is left in the picture: so much more of it is cut off. */
static inline double yl_attribute_cropped(const yl_attribute *a, double value, double seen)
{
    if (a->kind != YL_ATTRIBUTE_SHARE || !yl_attribute_known(a, value)) return value;
    return 1 - (1 - value) * seen;
}

#endif
