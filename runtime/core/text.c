/* Text buffer and number parsing. The "C" locale is made once and used through the *_l functions, so that a program which
 * embeds libyolua and sets its own locale still reads 0.5 as one half. */
#define _GNU_SOURCE
#include "core/text.h"
#include "core/memory.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t the_c_locale(void)
{
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale;
}

yl_status yl__text_append(yl_text *text, const void *bytes, int64_t length)
{
    YL_TRY(yl__reserve(text->length + length + 1, &text->capacity, 1, &text->data));
    memcpy(text->data + text->length, bytes, (size_t)length);
    text->length += length;
    text->data[text->length] = '\0';
    return YL_OK;
}

yl_status yl__text_add(yl_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    yl_status status = yl__reserve(text->length + length + 1, &text->capacity, 1, &text->data);
    if (status == YL_OK) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += length;
    }
    va_end(again);
    return status;
}

void yl__text_free(yl_text *text)
{
    yl__free(text->data);
    *text = (yl_text){0};
}

/* First character after blanks, or NULL where the text cannot be a plain decimal number. */
static const char *plain_number(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    const char *p = text;
    if (*p == '+' || *p == '-') p++;
    if (!isdigit((unsigned char)*p) && *p != '.') return NULL;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) return NULL;
    return text;
}

static bool only_blanks(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    return *text == '\0';
}

bool yl__parse_number(const char *text, double *out)
{
    const char *start = plain_number(text);
    if (!start) return false;
    char *end;
    double value = strtod_l(start, &end, the_c_locale());
    if (end == start || !only_blanks(end) || !isfinite(value)) return false;
    *out = value;
    return true;
}

bool yl__parse_integer(const char *text, int64_t *out)
{
    const char *start = plain_number(text);
    if (!start) return false;
    char *end;
    errno = 0;
    long long value = strtoll(start, &end, 10);
    if (errno || end == start || !only_blanks(end)) return false;
    *out = value;
    return true;
}

void yl__format_number(double value, char out[32])
{
    if (!isfinite(value)) {
        memcpy(out, "null", 5);
        return;
    }
    locale_t old = uselocale(the_c_locale());
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod_l(out, NULL, the_c_locale()) == value) break;
    }
    uselocale(old);
}

const char *yl__shape_text(int n_dims, const int64_t *dims, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "{");
    for (int d = 0; d < n_dims && used < size; d++)
        used += (size_t)snprintf(out + used, size - used, d ? ", %lld" : "%lld", (long long)dims[d]);
    if (used < size) snprintf(out + used, size - used, "}");
    return out;
}

int yl__utf8_decode(const char *bytes, int64_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (left <= 0) return 0;
    unsigned char lead = (unsigned char)bytes[0];
    int n = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    uint32_t value = n == 1 ? lead : lead & (0x7fu >> n);
    for (int i = 1; i < n; i++) {
        if (((unsigned char)bytes[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
    }
    if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
    *code = value;
    return n;
}

int yl__utf8_encode(uint32_t code, char out[4])
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (int i = n - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[n] | code);
    return n;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool yl__same_word(const char *a, const char *b)
{
    for (; *a && lower(*a) == lower(*b); a++, b++) {}
    return lower(*a) == lower(*b);
}

static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

int yl__edit_distance(const char *a, const char *b)
{
    enum { CAP = 64 };
    int n = (int)strnlen(a, CAP), m = (int)strnlen(b, CAP), d[CAP + 1][CAP + 1];
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int change = d[i - 1][j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));
            int best = d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] + 1 : d[i][j - 1] + 1;
            if (change < best) best = change;
            bool swapped = i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]);
            if (swapped && d[i - 2][j - 2] + 1 < best) best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

yl_nearest yl__nearest_to(const char *word)
{
    while (*word == '-') word++;
    int length = (int)strlen(word), most = (length + 2) / 3;
    return (yl_nearest){.word = word, .best = most < length ? most + 1 : length};
}

bool yl__nearer(yl_nearest *nearest, const char *spelling, const char *meaning)
{
    int distance = yl__edit_distance(nearest->word, spelling);
    if (distance >= nearest->best) return false;
    nearest->best = distance;
    nearest->found = meaning;
    return true;
}

const char *yl__nearest(const char *word, const char *const *candidates, int64_t count)
{
    yl_nearest nearest = yl__nearest_to(word);
    for (int64_t i = 0; i < count; i++) yl__nearer(&nearest, candidates[i], candidates[i]);
    return nearest.found;
}
