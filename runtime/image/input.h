/* Bytes as they come from a descriptor, a window of them at a time. */
#ifndef YL_IMAGE_INPUT_H
#define YL_IMAGE_INPUT_H

#include "core/status.h"

typedef struct yl_input {
    int descriptor;
    const char *name; /* borrowed, for sentences */
    uint8_t *data;
    int64_t start, end, capacity; /* data[start..end) was read and is not taken yet */
    int64_t taken;                /* bytes before start, since the input was opened */
    bool closed;                  /* no more will come */
} yl_input;

/* Sees to it that n bytes lie in the window; *there is false where the input ends before. It waits for no more than it needs.
 * Memory grows with what has come, not with n. Errors: IO, MEMORY, INTERRUPTED (the user asked to stop). */
yl_status yl__input_need(yl_input *in, int64_t n, bool *there);
void yl__input_take(yl_input *in, int64_t n); /* at most what lies in the window */
void yl__input_free(yl_input *in);            /* the descriptor stays open */

static inline const uint8_t *yl__input_at(const yl_input *in, int64_t offset)
{
    return in->data + in->start + offset;
}
static inline int64_t yl__input_have(const yl_input *in)
{
    return in->end - in->start;
}

#endif
