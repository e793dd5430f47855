/* The metric of the poster whose experiments the recipes repeat: precision and recall at one working point, which it
 * calls mAP and recall. It is kept with its quirks, since its numbers can be compared with nothing else: every
 * prediction is matched to the truth of largest overlap, of any class, and marks it as found even where it fails. */
#ifndef YL_EVAL_POSTER_H
#define YL_EVAL_POSTER_H

#include "core/options.h"
#include "eval/classes.h"
#include "eval/resample.h"

typedef enum yl_poster_variant {
    YL_POSTER_CLEAN,     /* clamped IoU, doubles */
    YL_POSTER_UNCLAMPED, /* its own IoU: boxes apart on both axes overlap, boxes apart on one do so negatively */
    YL_POSTER_LITERAL,   /* and truths stored as float32 fractions, then cut to whole pixels; float32 predictions */
} yl_poster_variant;

typedef struct yl_poster_options {
    yl_poster_variant variant;
    double score;         /* predictions below it are dropped */
    bool reduce;          /* first keep the best class of each box, then suppress at IoU 0.5 whatever the class */
    double width, height; /* of the images, for `literal` */
} yl_poster_options;

extern const yl_field_table yl_poster_fields;

typedef struct yl_poster_row {
    int64_t tp, fp, fn;
    double precision, recall, f1; /* with the poster's 1e-9 in the denominators of the first two */
} yl_poster_row;

/* One row per class; *map is the mean precision over the classes with truth (NaN without any).
 * Errors: MEMORY; INVALID from the class list. */
yl_status yl_eval_poster(const yl_eval_set *set, const yl_eval_classes *classes, const yl_poster_options *options,
                         yl_poster_row *rows, double *map);

/* For resamples of the frames: each class's precision (NaN without truth), then their mean. Free *out with yl_resampler_free. Errors as
 * above. */
yl_status yl_poster_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_poster_options *options,
                              yl_resampler **out);

#endif
