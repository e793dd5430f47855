/* A set of names, each with its number in order of arrival: class names (any case) and frame ids (exact). */
#ifndef YL_EVAL_NAMES_H
#define YL_EVAL_NAMES_H

#include "core/status.h"

/* Zero-initialise (and set any_case); release with yl__names_free. */
typedef struct yl_names {
    bool any_case; /* ASCII letters compare whatever their case; the first spelling is kept */
    char **at;
    int64_t count, capacity;
    int32_t *slots; /* open addressing: number + 1, 0 where free; a power of two, at most half full */
    int64_t slot_count;
} yl_names;

/* The number of `name`, or -1. */
int32_t yl__names_find(const yl_names *names, const char *name);
/* The number of `name`, which is added where it is new. */
yl_status yl__names_add(yl_names *names, const char *name, int32_t *out);
void yl__names_free(yl_names *names);

#endif
