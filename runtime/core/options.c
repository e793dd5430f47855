/* The one parser of options: cfg files, YAML, Lua tables and the command line all end here, so that they accept the same
 * spellings and fail with the same sentences. */
#include "core/options.h"
#include "core/foreign.h"
#include "core/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PHRASE = 512 };

static const yl_field *find(const yl_field_table *table, const char *key)
{
    for (int64_t i = 0; i < table->count; i++)
        if (strcmp(table->fields[i].key, key) == 0) return &table->fields[i];
    return NULL;
}

static void offer_aliases(yl_nearest *nearest, const yl_field *field)
{
    char alias[64];
    int length, at = 0;
    while (field->aliases && sscanf(field->aliases + at, " %63s%n", alias, &length) == 1) {
        at += length;
        yl__nearer(nearest, alias, field->key);
    }
}

static const char *suggest(const yl_field_table *table, const char *key)
{
    yl_nearest nearest = yl__nearest_to(key);
    for (int64_t i = 0; i < table->count; i++) yl__nearer(&nearest, table->fields[i].key, table->fields[i].key);
    for (int64_t i = 0; i < table->count; i++) offer_aliases(&nearest, &table->fields[i]);
    return nearest.found;
}

const yl_field *yl_option_find(const yl_field_table *table, const char *key, const char **suggestion)
{
    const yl_field *field = find(table, key);
    if (suggestion) *suggestion = field ? NULL : suggest(table, key);
    return field;
}

yl_status yl_option_unknown(const yl_field_table *table, const char *where, const char *key)
{
    const char *nearest = suggest(table, key);
    if (where && strcmp(where, table->owner) == 0) where = NULL; /* a layer's options in Lua: nowhere else */
    return yl__fail(YL_INVALID, "%s%s%s: unknown option '%s'%s%s%s", where ? where : "", where ? ": " : "",
                    table->owner, key, nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* ---- sentences --------------------------------------------------------------------------------------------------- */

static void describe_range(const yl_field *f, char out[PHRASE])
{
    char low[32], high[32];
    yl__format_number(f->min, low);
    yl__format_number(f->max, high);
    out[0] = '\0';
    if (f->min == 0 && f->max == 0) return;
    if (isinf(f->min) && isinf(f->max)) return;
    if (isinf(f->max))
        snprintf(out, PHRASE, " of at least %s", low);
    else if (isinf(f->min))
        snprintf(out, PHRASE, " of at most %s", high);
    else
        snprintf(out, PHRASE, " in %s..%s", low, high);
}

static void describe_expected(const yl_field *f, char out[PHRASE])
{
    static const char *const nouns[] = {
        "true or false",
        "an integer",
        "a number",
        "a text",
        "",
        "numbers (1,2,3), each",
        "a size in pixels (416x416, [width,height] or one number), each",
    };
    char range[PHRASE];
    describe_range(f, range);
    if (f->type == YL_OPTION_ENUM)
        snprintf(out, PHRASE, "one of %s", f->choices);
    else if (f->type == YL_OPTION_FLAGS)
        snprintf(out, PHRASE, "none, or some of %s (a,b)", f->choices);
    else if (f->type == YL_OPTION_BOOL || f->type == YL_OPTION_STRING)
        snprintf(out, PHRASE, "%s", nouns[f->type]);
    else if (!*range && f->type >= YL_OPTION_NUMBERS)
        snprintf(out, PHRASE, "%.*s", (int)strlen(nouns[f->type]) - 6, nouns[f->type]); /* without ", each" */
    else
        snprintf(out, PHRASE, "%s%s", nouns[f->type], range);
    if (*f->unit && f->type != YL_OPTION_SIZE) snprintf(out + strlen(out), PHRASE - strlen(out), " (%s)", f->unit);
}

static void print_numbers(const yl_numbers *v, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < v->count && used < size; i++) {
        char number[32];
        yl__format_number(v->at[i], number);
        int n = snprintf(out + used, size - used, i ? ",%s" : "%s", number);
        used += (size_t)n;
    }
}

void yl__option_print(const yl_value *v, char *out, size_t size)
{
    char number[32];
    switch (v->kind) {
    case YL_VALUE_BOOL:
        snprintf(out, size, "%s", v->boolean ? "true" : "false");
        break;
    case YL_VALUE_INT:
        snprintf(out, size, "%lld", (long long)v->integer);
        break;
    case YL_VALUE_NUMBER:
        yl__format_number(v->number, number);
        snprintf(out, size, "%s", isnan(v->number) ? "nan" : isinf(v->number) ? "infinity" : number);
        break;
    case YL_VALUE_STRING:
    case YL_VALUE_WORDS:
        snprintf(out, size, "'%.100s'", v->string);
        break;
    case YL_VALUE_NUMBERS:
        print_numbers(&v->numbers, out, size);
        break;
    }
}

/* ", did you mean 'leaky'?" */
void yl_option_choice(const yl_field *field, int64_t index, char out[YL_OPTION_TEXT])
{
    const char *p = field->choices;
    out[0] = '\0';
    for (; p && index > 0; index--) {
        p = strchr(p, '|');
        if (p) p++;
    }
    if (!p || index < 0) return;
    size_t length = strcspn(p, "|");
    if (length >= YL_OPTION_TEXT) length = YL_OPTION_TEXT - 1;
    memcpy(out, p, length);
    out[length] = '\0';
}

static bool is_choice(const yl_field *f, const char *word)
{
    char choice[YL_OPTION_TEXT];
    for (int64_t i = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice || strcmp(choice, word) == 0) return *choice;
    }
}

static void suggest_choice(const yl_field *f, const char *word, char out[PHRASE])
{
    char choice[YL_OPTION_TEXT];
    const char *dot = strrchr(f->key, '.'), *key = dot ? dot + 1 : f->key;
    const yl_foreign *known = yl__foreign_find(key, word);
    bool ours = known && (!known->ours || is_choice(f, known->ours)); /* not every table has all that the key may be */
    if (ours && yl__foreign(key, word, out)) return;
    out[0] = '\0';
    yl_nearest nearest = yl__nearest_to(word);
    for (int64_t i = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice) break;
        if (yl__nearer(&nearest, choice, "")) snprintf(out, PHRASE, ", did you mean '%s'?", choice);
    }
}

/* ---- from a value to the field's type ------------------------------------------------------------------------------ */

static bool in_range(const yl_field *f, double v)
{
    return !isnan(v) && ((f->min == 0 && f->max == 0) || (v >= f->min && v <= f->max));
}

static bool whole(double v, int64_t *out)
{
    if (!(fabs(v) <= 0x1p53) || v != floor(v)) return false;
    *out = (int64_t)v;
    return true;
}

static bool to_bool(const yl_value *in, yl_value *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    out->kind = YL_VALUE_BOOL;
    if (in->kind == YL_VALUE_BOOL)
        out->boolean = in->boolean;
    else if (in->kind == YL_VALUE_INT && (in->integer == 0 || in->integer == 1))
        out->boolean = in->integer;
    else if (in->kind == YL_VALUE_STRING) {
        for (int i = 0; i < 8; i++)
            if (strcasecmp(words[i], in->string) == 0) {
                out->boolean = i % 2;
                return true;
            }
        return false;
    } else
        return false;
    return true;
}

static bool to_number(const yl_value *in, yl_value *out)
{
    out->kind = YL_VALUE_NUMBER;
    switch (in->kind) {
    case YL_VALUE_INT:
        out->number = (double)in->integer;
        return true;
    case YL_VALUE_NUMBER:
        out->number = in->number;
        return isfinite(in->number);
    case YL_VALUE_STRING:
        return yl__parse_number(in->string, &out->number);
    case YL_VALUE_NUMBERS:
        out->number = in->numbers.at[0];
        return in->numbers.count == 1;
    case YL_VALUE_BOOL:
    case YL_VALUE_WORDS:
        break;
    }
    return false;
}

static bool to_integer(const yl_value *in, yl_value *out)
{
    yl_value number = {0};
    out->kind = YL_VALUE_INT;
    if (in->kind == YL_VALUE_INT) {
        out->integer = in->integer;
        return true;
    }
    if (in->kind == YL_VALUE_STRING && yl__parse_integer(in->string, &out->integer)) return true;
    return to_number(in, &number) && whole(number.number, &out->integer);
}

/* One number of a list: the text up to the next separator. Returns what follows it, or NULL. */
static const char *read_item(const char *p, const char *separators, double *out)
{
    char item[64];
    size_t length = strcspn(p, separators);
    if (length >= sizeof item) return NULL;
    memcpy(item, p, length);
    item[length] = '\0';
    return yl__parse_number(item, out) ? p + length : NULL;
}

/* "1,2", "[1, 2]", "{1 2}", and with a size's separators "416x128". */
static bool read_numbers(const char *text, bool size, yl_numbers *out)
{
    const char *separators = size ? ",xX ]}" : ", \t\n]}", *p = text + strspn(text, " \t");
    char closing = (char)(*p == '[' ? ']' : *p == '{' ? '}' : '\0');
    if (closing) p++;
    out->count = 0;
    for (;;) {
        p += strspn(p, " \t\n");
        if (*p == closing || *p == '\0') break;
        if (out->count == YL_OPTION_LIST || !(p = read_item(p, separators, &out->at[out->count++]))) return false;
        p += strspn(p, " \t\n");
        bool separated = *p == ',' || (size && (*p == 'x' || *p == 'X'));
        if (separated && (*++p == closing || *p == '\0')) return false; /* nothing follows */
    }
    if (closing && *p++ != closing) return false;
    return p[strspn(p, " \t\n")] == '\0';
}

static bool to_numbers(const yl_value *in, bool size, yl_value *out)
{
    yl_value number = {0};
    if (in->kind == YL_VALUE_NUMBERS)
        out->numbers = in->numbers;
    else if (in->kind == YL_VALUE_STRING) {
        if (!read_numbers(in->string, size, &out->numbers)) return false;
    } else if (to_number(in, &number)) {
        out->numbers = (yl_numbers){.count = 1, .at = {number.number}};
    } else
        return false;
    out->kind = YL_VALUE_NUMBERS;
    return true;
}

static bool to_size(const yl_value *in, yl_value *out)
{
    int64_t ignored;
    if (!to_numbers(in, true, out)) return false;
    yl_numbers *n = &out->numbers;
    if (n->count == 1) {
        n->at[1] = n->at[0];
        n->count = 2;
    }
    return n->count == 2 && whole(n->at[0], &ignored) && whole(n->at[1], &ignored);
}

/* Walks "a|b|c"; the place of the name, or -1. */
static int64_t choice_of(const yl_field *f, const char *name)
{
    char choice[YL_OPTION_TEXT];
    for (int64_t i = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice) return -1;
        if (strcmp(choice, name) == 0) return i;
    }
}

static bool to_choice(const yl_field *f, const yl_value *in, yl_value *out)
{
    char text[64];
    if (in->kind == YL_VALUE_NUMBERS || in->kind == YL_VALUE_WORDS) return false;
    if (in->kind == YL_VALUE_STRING) {
        out->integer = choice_of(f, in->string);
    } else {
        yl__option_print(in, text, sizeof text);
        out->integer = choice_of(f, text);
    }
    out->kind = YL_VALUE_INT;
    return out->integer >= 0;
}

/* "a,c", "[a, c]", "none". A word that is no choice is left in `bad`. */
static bool to_flags(const yl_field *f, const yl_value *in, yl_value *out, char bad[YL_OPTION_TEXT])
{
    static const char blanks[] = ", \t[]{}";
    *out = (yl_value){.kind = YL_VALUE_INT};
    bool empty = in->kind == YL_VALUE_NUMBERS && in->numbers.count == 0; /* an empty list */
    if (in->kind != YL_VALUE_STRING && in->kind != YL_VALUE_WORDS) return empty;
    if (strcmp(in->string, "none") == 0) return true;
    for (const char *p = in->string + strspn(in->string, blanks); *p; p += strspn(p, blanks)) {
        size_t length = strcspn(p, blanks);
        snprintf(bad, YL_OPTION_TEXT, "%.*s", (int)length, p);
        int64_t choice = choice_of(f, bad);
        if (choice < 0) return false;
        out->integer |= (int64_t)1 << choice;
        p += length;
    }
    return true;
}

static bool numbers_in_range(const yl_field *f, const yl_numbers *v)
{
    for (int64_t i = 0; i < v->count; i++)
        if (!in_range(f, v->at[i])) return false;
    return true;
}

static bool convert(const yl_field *f, const yl_value *in, yl_value *out)
{
    switch (f->type) {
    case YL_OPTION_BOOL:
        return to_bool(in, out);
    case YL_OPTION_INT:
        return to_integer(in, out) && in_range(f, (double)out->integer);
    case YL_OPTION_NUMBER:
        return to_number(in, out) && in_range(f, out->number);
    case YL_OPTION_ENUM:
        return to_choice(f, in, out);
    case YL_OPTION_NUMBERS:
        return to_numbers(in, false, out) && numbers_in_range(f, &out->numbers);
    case YL_OPTION_SIZE:
        return to_size(in, out) && numbers_in_range(f, &out->numbers);
    case YL_OPTION_FLAGS: {
        char bad[YL_OPTION_TEXT];
        return to_flags(f, in, out, bad);
    }
    case YL_OPTION_STRING:
        break;
    }
    *out = *in;
    return in->kind == YL_VALUE_STRING;
}

/* The first word of the list that is no choice, and the one that is meant. */
static void suggest_flag(const yl_field *f, const yl_value *got, char out[PHRASE])
{
    char bad[YL_OPTION_TEXT] = "", meant[PHRASE] = "";
    yl_value made;
    to_flags(f, got, &made, bad);
    if (!*bad) return;
    suggest_choice(f, bad, meant);
    bool alone = got->kind == YL_VALUE_STRING && strcmp(bad, got->string) == 0;
    if (alone)
        snprintf(out, PHRASE, "%s", meant);
    else
        snprintf(out, PHRASE, ": there is no '%s'%.200s", bad, meant);
}

static yl_status refuse(const yl_field *f, const char *where, const yl_value *got)
{
    char expected[PHRASE], found[PHRASE], meant[PHRASE] = "";
    describe_expected(f, expected);
    yl__option_print(got, found, sizeof found);
    if (got->kind == YL_VALUE_STRING) { /* a number in a text is shown as the number that it is */
        double number;
        if (yl__parse_number(got->string, &number)) snprintf(found, sizeof found, "%.100s", got->string);
    }
    if (f->type == YL_OPTION_ENUM && got->kind == YL_VALUE_STRING) suggest_choice(f, got->string, meant);
    if (f->type == YL_OPTION_FLAGS) suggest_flag(f, got, meant);
    return yl__fail(YL_INVALID, "%s%soption '%s': expected %s, got %s%s", where ? where : "", where ? ": " : "", f->key,
                    expected, found, meant);
}

yl_status yl_option_check(const yl_field *field, const char *where, const yl_value *in, yl_value *out)
{
    yl_value made = {0};
    if (!convert(field, in, &made)) return refuse(field, where, in);
    *out = made;
    return YL_OK;
}
