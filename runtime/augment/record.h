/* A record says how a picture becomes a network's input; it holds no pixels. Resizing and every augmentation only edit it;
 * kernels/warp.c|.cu carries it out. Boxes follow the same numbers, so they cannot drift from the pixels.
 *
 * The view, a rectangle of the source in pixels (it may reach outside), fills the pane, a rectangle of the output; what lies
 * outside the pane or the source gets the fill value. */
#ifndef YL_AUGMENT_RECORD_H
#define YL_AUGMENT_RECORD_H

#include "core/box.h"
#include "core/options.h"
#include "core/rng.h"
#include "kernels/warp.h"

typedef struct yl_augment_options {
#define OPTION(type, key, ...) type key;
#include "augment/augment.def"
#undef OPTION
} yl_augment_options;

extern const yl_field_table yl_augment_fields;
extern const yl_augment_options yl_augment_off; /* changes nothing */

typedef struct yl_record {
    yl_warp_geom warp;
} yl_record;

/* The whole source on the whole output, width and height scaled apart. */
void yl_record_stretch(yl_record *r, int64_t source_w, int64_t source_h, int64_t w, int64_t h);
/* The whole source, its aspect kept, centred on grey 0.5; integer sizes as Darknet rounds them. */
void yl_record_letterbox(yl_record *r, int64_t source_w, int64_t source_h, int64_t w, int64_t h);
/* One of the two. */
void yl_record_fit(yl_record *r, bool letterbox, int64_t source_w, int64_t source_h, int64_t w, int64_t h);

/* augment.def: A(name), one line per file; each edits the record with numbers from `rng`, always drawing the same count. */
#define A(name) void yl_augment_##name(const yl_augment_options *options, yl_rng *rng, yl_record *record);
#include "augment/augment.def"
#undef A
/* All of them in the order of augment.def. */
void yl_augment_all(const yl_augment_options *options, yl_rng *rng, yl_record *record);

/* Confines the record to a rectangle of the output, whose pixels show what they showed before. */
void yl_record_confine(yl_record *r, int64_t x1, int64_t y1, int64_t x2, int64_t y2);

/* A box in pixels of the source as fractions of the output (not clipped). */
yl_box yl_record_forward(const yl_record *r, yl_box source);
/* The inverse as x = m[0] u + m[1], y = m[2] v + m[3], from fractions to pixels. */
void yl_record_inverse(const yl_record *r, double m[4]);
/* The pane in fractions of the output: what of it shows the source's view. */
yl_box yl_record_pane(const yl_record *r);

#endif
