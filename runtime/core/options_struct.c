/* Options in their structs: defaults, values in and out, and their text. core/options.c converts and checks the values. */
#include "core/options.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

/* An integer of up to 8 bytes, the low ones first. */
static int64_t get_integer(const yl_field *f, const void *at)
{
    int64_t value = 0;
    int above = 64 - 8 * (int)f->bytes;
    memcpy(&value, at, f->bytes);
    return f->min < 0 ? (int64_t)((uint64_t)value << above) >> above : value; /* the sign */
}

static yl_status put_integer(const yl_field *f, const char *where, int64_t value, void *at)
{
    memcpy(at, &value, f->bytes);
    if (get_integer(f, at) == value) return YL_OK;
    return yl__fail(YL_INVALID, "%s%soption '%s': %lld does not fit into %zu bits", where ? where : "",
                    where ? ": " : "", f->key, (long long)value, 8 * f->bytes);
}

/* A member that is a pointer, or an array of so many bytes. */
static bool borrows(const yl_field *f)
{
    return f->type == YL_OPTION_STRING && f->bytes == sizeof(char *);
}

static yl_status put_text(const yl_field *f, const char *where, const char *text, void *at)
{
    if (borrows(f)) return memcpy(at, &text, sizeof text), YL_OK;
    if (strlen(text) >= f->bytes)
        return yl__fail(YL_INVALID, "%s%soption '%s': expected a string of at most %zu bytes, got %zu",
                        where ? where : "", where ? ": " : "", f->key, f->bytes - 1, strlen(text));
    strcpy(at, text);
    return YL_OK;
}

static yl_status store(const yl_field *f, const char *where, const yl_value *v, char *options)
{
    void *at = options + f->offset;
    switch (f->type) {
    case YL_OPTION_BOOL:
        memcpy(at, &v->boolean, sizeof v->boolean);
        break;
    case YL_OPTION_INT:
    case YL_OPTION_ENUM:
    case YL_OPTION_FLAGS:
        return put_integer(f, where, v->integer, at);
    case YL_OPTION_NUMBER:
        memcpy(at, &v->number, sizeof v->number);
        break;
    case YL_OPTION_NUMBERS:
    case YL_OPTION_SIZE:
        memcpy(at, &v->numbers, sizeof v->numbers);
        break;
    case YL_OPTION_STRING:
        return put_text(f, where, v->string, at);
    }
    return YL_OK;
}

yl_status yl_options_set(const yl_field_table *table, void *options, const char *where, const char *key,
                         const yl_value *value)
{
    yl_value made;
    const yl_field *field = yl_option_find(table, key, NULL);
    if (!field) return yl_option_unknown(table, where, key);
    YL_TRY(yl_option_check(field, where, value, &made));
    return store(field, where, &made, options);
}

size_t yl_option_size(yl_option_type type)
{
    static const size_t sizes[] = {sizeof(bool),    sizeof(int64_t),    sizeof(double),     YL_OPTION_TEXT,
                                   sizeof(int64_t), sizeof(yl_numbers), sizeof(yl_numbers), sizeof(int64_t)};
    return sizes[type];
}

bool yl_option_required(const yl_field *field)
{
    return !field->fallback && !borrows(field);
}

yl_status yl_options_defaults(const yl_field_table *table, void *options)
{
    for (int64_t i = 0; i < table->count; i++) {
        const yl_field *field = &table->fields[i];
        memset((char *)options + field->offset, 0, field->bytes);
        yl_value text = {.kind = YL_VALUE_STRING, .string = field->fallback};
        if (field->fallback) YL_TRY(yl_options_set(table, options, table->owner, field->key, &text));
    }
    return YL_OK;
}

void yl_options_get(const yl_field *f, const void *options, yl_value *v)
{
    const char *at = (const char *)options + f->offset;
    *v = (yl_value){0};
    switch (f->type) {
    case YL_OPTION_BOOL:
        v->kind = YL_VALUE_BOOL, memcpy(&v->boolean, at, sizeof v->boolean);
        break;
    case YL_OPTION_INT:
    case YL_OPTION_ENUM:
    case YL_OPTION_FLAGS:
        v->kind = YL_VALUE_INT, v->integer = get_integer(f, at);
        break;
    case YL_OPTION_NUMBER:
        v->kind = YL_VALUE_NUMBER, memcpy(&v->number, at, sizeof v->number);
        break;
    case YL_OPTION_NUMBERS:
    case YL_OPTION_SIZE:
        v->kind = YL_VALUE_NUMBERS, memcpy(&v->numbers, at, sizeof v->numbers);
        break;
    case YL_OPTION_STRING:
        v->kind = YL_VALUE_STRING, v->string = at;
        if (borrows(f)) memcpy(&v->string, at, sizeof v->string);
        break;
    }
}

/* The choices whose bits are set, with commas between them; "none" where no bit is. */
static void flags_text(const yl_field *f, int64_t bits, char *out, size_t size)
{
    char choice[YL_OPTION_TEXT];
    size_t used = 0;
    snprintf(out, size, "none");
    for (int64_t i = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice) return;
        if (bits >> i & 1 && used < size)
            used += (size_t)snprintf(out + used, size - used, used ? ",%s" : "%s", choice);
    }
}

void yl_options_text(const yl_field *f, const void *options, char *out, size_t size)
{
    yl_value v;
    char choice[YL_OPTION_TEXT];
    yl_options_get(f, options, &v);
    if (f->type == YL_OPTION_STRING) {
        snprintf(out, size, "%s", v.string ? v.string : "");
    } else if (f->type == YL_OPTION_ENUM) {
        yl_option_choice(f, v.integer, choice);
        snprintf(out, size, "%s", choice);
    } else if (f->type == YL_OPTION_FLAGS) {
        flags_text(f, v.integer, out, size);
    } else {
        yl__option_print(&v, out, size);
    }
}
