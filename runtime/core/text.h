/* A growing text buffer, locale-free number parsing, and the distance behind "did you mean". */
#ifndef YL_CORE_TEXT_H
#define YL_CORE_TEXT_H

#include "core/status.h"

/* Zero-initialise; release with yl__text_free. `data` is NUL-terminated once anything was added. */
typedef struct yl_text {
    char *data;
    int64_t length, capacity;
} yl_text;

yl_status yl__text_add(yl_text *text, const char *format, ...) YL__PRINTF(2, 3);
yl_status yl__text_append(yl_text *text, const void *bytes, int64_t length);
void yl__text_free(yl_text *text);

/* The number that `text` holds, whole and nothing else (surrounding blanks allowed), '.' as the decimal point whatever the
 * locale. "nan", "inf", hexadecimal and empty text are refused: returns false and leaves *out alone. */
bool yl__parse_number(const char *text, double *out);
bool yl__parse_integer(const char *text, int64_t *out);

/* Shortest decimal text (at most 17 significant digits) that reads back as the same double; "null" where not finite. */
void yl__format_number(double value, char out[32]);

/* Writes sizes as sentences tell them, "{16, 3, 3, 3}", as many characters as `out` takes; returns `out`. */
const char *yl__shape_text(int n_dims, const int64_t *dims, char *out, size_t size);

/* Bytes (1..4) of the UTF-8 sequence at `bytes`, of which `left` are there, and its code point; 0 if there is none: a
 * stray or missing continuation, an overlong form, a surrogate, or a code above 10FFFF (RFC 3629). */
int yl__utf8_decode(const char *bytes, int64_t left, uint32_t *code);
/* Writes the code point's UTF-8 sequence and returns its length. */
int yl__utf8_encode(uint32_t code, char out[4]);

/* Equal but for the case of ASCII letters, whatever the locale. */
bool yl__same_word(const char *a, const char *b);

/* Damerau-Levenshtein distance (optimal string alignment), case-insensitive; '-' and '_' count as equal. */
int yl__edit_distance(const char *a, const char *b);

/* "Did you mean": what the word could have meant is offered spelling by spelling; `found` is the meaning of the nearest so far,
 * the first of equals, or NULL when none is near enough to be a misspelling: at most one edit for every three letters that were
 * begun, and fewer than there are letters. '-' before the word do not count. */
typedef struct yl_nearest {
    const char *word, *found;
    int best;
} yl_nearest;

yl_nearest yl__nearest_to(const char *word);
/* Returns whether this one is the nearest now. Borrows `meaning`. */
bool yl__nearer(yl_nearest *nearest, const char *spelling, const char *meaning);
/* All that in one call. */
const char *yl__nearest(const char *word, const char *const *candidates, int64_t count);

#endif
