/* Options, described once: one field table per layer, augmentation, optimizer, verb or recipe, read by one parser.
 *
 * A table gives key, type, default, unit and help; from it come parsing, range checks, "did you mean", the help pages and
 * the editor annotations. C tables store into a struct by offset; Lua's tables are checked through yl_option_check. */
#ifndef YL_CORE_OPTIONS_H
#define YL_CORE_OPTIONS_H

#include "core/status.h"

/* What each type is in a struct. */
typedef enum yl_option_type {
    YL_OPTION_BOOL,    /* bool */
    YL_OPTION_INT,     /* an integer of any width */
    YL_OPTION_NUMBER,  /* double */
    YL_OPTION_STRING,  /* char[N], or const char * that borrows the text */
    YL_OPTION_ENUM,    /* an integer, enum or bool: the index into choices */
    YL_OPTION_NUMBERS, /* yl_numbers */
    YL_OPTION_SIZE,    /* yl_numbers: width, height (whole numbers); one number means a square */
    YL_OPTION_FLAGS,   /* an integer: bit i is set where choice i is listed ("a,c"); "none": no bit */
} yl_option_type;

enum { YL_OPTION_TEXT = 128, YL_OPTION_LIST = 64 };

typedef struct yl_numbers {
    int64_t count;
    double at[YL_OPTION_LIST];
} yl_numbers;

typedef struct yl_field {
    const char *key;
    yl_option_type type;
    const char
        *fallback;       /* default, as text ("0.9", "leaky", "true", "1,2"); NULL: required; of a const char *: NULL */
    const char *unit;    /* "" where there is none */
    const char *help;    /* one line */
    double min, max;     /* inclusive, for INT, NUMBER and each of NUMBERS and SIZE; min == max == 0: unbounded;
                             INFINITY leaves one side open */
    const char *choices; /* "a|b|c" for ENUM and FLAGS */
    const char *aliases; /* other tools' spellings, blank-separated: suggested, never accepted */
    size_t offset, bytes; /* of the member in the options struct: YL_MEMBER(yl_conv2d_options, filters) */
} yl_field;

#define YL_MEMBER(struct_, member) offsetof(struct_, member), sizeof(((struct_ *)NULL)->member)

typedef struct yl_field_table {
    const char *owner; /* what has these options, for sentences: "conv2d" */
    const yl_field *fields;
    int64_t count;
} yl_field_table;

/* The table of an array: static const yl_field_table t = YL_FIELD_TABLE("conv2d", fields); */
#define YL_FIELD_TABLE(owner_, fields_)                                                                                \
    {                                                                                                                  \
        owner_, fields_, (int64_t)(sizeof(fields_) / sizeof *(fields_))                                                \
    }

/* A value on its way in, from cfg, YAML, Lua or the command line. */
typedef struct yl_value {
    enum { YL_VALUE_BOOL, YL_VALUE_INT, YL_VALUE_NUMBER, YL_VALUE_STRING, YL_VALUE_NUMBERS, YL_VALUE_WORDS } kind;
    bool boolean;
    int64_t integer;
    double number;
    const char *string; /* borrowed; WORDS: a list of texts, joined by commas */
    yl_numbers numbers;
} yl_value;

/* The field of that key, or NULL; with `suggestion` the nearest known key (or the one that lists `key` as an alias). */
const yl_field *yl_option_find(const yl_field_table *table, const char *key, const char **suggestion);

/* Checks `in` against the field and converts it to the field's type (text is parsed: "3", "true", "[1,2]", "416x128").
 * An ENUM becomes the INT of its choice, FLAGS the INT of their bits; a STRING stays borrowed from `in`, of any length; SIZE becomes two NUMBERS.
 * `where` ("x.cfg:12", "command line"; NULL: the field's key alone) begins the sentence. `in` and `out` may be the same.
 * Errors: INVALID: what, where, expected, got. */
yl_status yl_option_check(const yl_field *field, const char *where, const yl_value *in, yl_value *out);

/* Sets the sentence for a key that the table lacks, with the suggestion where there is one; returns INVALID. */
yl_status yl_option_unknown(const yl_field_table *table, const char *where, const char *key);

/* Bytes of the widest member that holds a value of that type; a text is an array then. */
size_t yl_option_size(yl_option_type type);
/* Whether the options are incomplete without this one. */
bool yl_option_required(const yl_field *field);

/* Fills the struct with defaults; required fields are left zero. */
yl_status yl_options_defaults(const yl_field_table *table, void *options);
/* Stores one value. Errors: INVALID for an unknown key (with a suggestion), a wrong type or range, or a text that is too long for
 * its array. */
yl_status yl_options_set(const yl_field_table *table, void *options, const char *where, const char *key,
                         const yl_value *value);
/* The value in the struct; a STRING is borrowed from it. */
void yl_options_get(const yl_field *field, const void *options, yl_value *out);
/* The value in the struct as text that reads back as the same value (checkpoints and cfg files print it). YL_OPTION_TEXT*8
 * bytes are enough for every field. */
void yl_options_text(const yl_field *field, const void *options, char *out, size_t size);
/* A value as sentences show it. */
void yl__option_print(const yl_value *value, char *out, size_t size);
/* The i-th (0-based) name of an ENUM's choices, copied into out; "" if there is none. */
void yl_option_choice(const yl_field *field, int64_t index, char out[YL_OPTION_TEXT]);

#endif
