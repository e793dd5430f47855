/* Reads through poll, so that a wait for a camera or a pipe ends when the user asks to stop. */
#define _GNU_SOURCE
#include "image/input.h"
#include "core/memory.h"
#include "core/threads.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 16, LOOK_MS = 50 };

/* Room for at least one more piece. */
static yl_status make_room(yl_input *in)
{
    if (in->capacity - in->end >= PIECE) return YL_OK;
    if (in->start > 0) {
        memmove(in->data, in->data + in->start, (size_t)yl__input_have(in));
        in->end -= in->start;
        in->start = 0;
    }
    if (in->capacity - in->end >= PIECE) return YL_OK;
    int64_t capacity = in->capacity ? 2 * in->capacity : 4 * (int64_t)PIECE;
    uint8_t *bigger;
    YL_TRY(yl__alloc(capacity, 1, &bigger));
    if (in->end) memcpy(bigger, in->data, (size_t)in->end);
    yl__free(in->data);
    in->data = bigger;
    in->capacity = capacity;
    return YL_OK;
}

static yl_status wait_for_bytes(const yl_input *in)
{
    for (;;) {
        struct pollfd p = {.fd = in->descriptor, .events = POLLIN};
        if (yl_interrupted()) return yl__fail(YL_INTERRUPTED, "stopped by the user");
        int ready = poll(&p, 1, LOOK_MS);
        if (ready > 0) return YL_OK;
        if (ready < 0 && errno != EINTR) return yl__fail(YL_IO, "cannot read %s: %s", in->name, strerror(errno));
    }
}

static yl_status read_piece(yl_input *in)
{
    YL_TRY(make_room(in));
    YL_TRY(wait_for_bytes(in));
    ssize_t got = read(in->descriptor, in->data + in->end, (size_t)(in->capacity - in->end));
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return yl__fail(YL_IO, "cannot read %s: %s", in->name, strerror(errno));
    if (got > 0) in->end += got;
    if (got == 0) in->closed = true;
    return YL_OK;
}

yl_status yl__input_need(yl_input *in, int64_t n, bool *there)
{
    while (yl__input_have(in) < n && !in->closed) YL_TRY(read_piece(in));
    *there = yl__input_have(in) >= n;
    return YL_OK;
}

void yl__input_take(yl_input *in, int64_t n)
{
    in->start += n;
    in->taken += n;
}

void yl__input_free(yl_input *in)
{
    yl__free(in->data);
    *in = (yl_input){0};
}
