/* The checksum of a guarded safetensors file. */
#include "formats/safetensors_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

static const char ZEROS[YL__GUARD_DIGITS + 1] = "0000000000000000";

bool yl__guard_is(const char *key, const char *text)
{
    return strcmp(key, YL__GUARD_KEY) == 0 || strncmp(text, YL__GUARD_SCHEME, sizeof YL__GUARD_SCHEME - 1) == 0;
}

yl_status yl__guard_begin(yl__guard *guard)
{
    *guard = (yl__guard){.sum = XXH64_createState()};
    if (!guard->sum) return yl__fail(YL_MEMORY, "no memory for a checksum");
    XXH64_reset(guard->sum, 0);
    return YL_OK;
}

static int64_t within(int64_t place, int64_t bytes)
{
    return place < 0 ? 0 : place < bytes ? place : bytes;
}

void yl__guard_add(yl__guard *guard, const void *data, int64_t bytes)
{
    int64_t from = within(YL__GUARD_AT - guard->at, bytes),
            to = within(YL__GUARD_AT + YL__GUARD_DIGITS - guard->at, bytes);
    if (bytes == 0) return; /* data may be NULL */
    XXH64_update(guard->sum, data, (size_t)from);
    XXH64_update(guard->sum, ZEROS, (size_t)(to - from));
    XXH64_update(guard->sum, (const char *)data + to, (size_t)(bytes - to));
    guard->at += bytes;
}

void yl__guard_end(yl__guard *guard, char text[YL__GUARD_TEXT])
{
    snprintf(text, YL__GUARD_TEXT, YL__GUARD_SCHEME "%016" PRIx64, (uint64_t)XXH64_digest(guard->sum));
    XXH64_freeState(guard->sum);
    *guard = (yl__guard){0};
}
