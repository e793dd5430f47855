/* The checksum of a guarded safetensors file, over every byte of it: lengths, header, notes and tensors. Its first note holds it, so it
 * always stands at the same place:
 *
 *   0   8 bytes  length of the header, as in every such file
 *   8  44        {"__metadata__":{"yolua.guard":"yolua:xxh64:
 *  52  16        XXH64 in hexadecimal digits: of the whole file, with zeros ('0') in place of these digits, seed 0
 *  68   .        "... the rest of the header; then the tensors */
#ifndef YL_FORMATS_SAFETENSORS_GUARD_H
#define YL_FORMATS_SAFETENSORS_GUARD_H

#include "core/status.h"

#define YL__GUARD_KEY "yolua.guard"
#define YL__GUARD_SCHEME "yolua:xxh64:"
enum { YL__GUARD_DIGITS = 16, YL__GUARD_AT = 52, YL__GUARD_TEXT = sizeof YL__GUARD_SCHEME + YL__GUARD_DIGITS };

/* Whether a note is the guard. Key or text is enough, so that damage to one of them does not unguard the file. */
bool yl__guard_is(const char *key, const char *text);

typedef struct yl__guard {
    void *sum;
    int64_t at; /* bytes added so far */
} yl__guard;

/* Begin, add all bytes of the file in order (what stands at the digits' place does not count), end: the note's text. `end` also releases
 * the guard. Errors: MEMORY. */
yl_status yl__guard_begin(yl__guard *guard);
void yl__guard_add(yl__guard *guard, const void *data, int64_t bytes);
void yl__guard_end(yl__guard *guard, char text[YL__GUARD_TEXT]);

#endif
