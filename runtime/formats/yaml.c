/* YAML: libyaml's events into a tree, the core schema's types, and a writer. */
#include "formats/yaml.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    yaml_parser_t parser;
    const char *path;
    yl_document *document;
    int depth;
} reader;

static yl_status refuse(const reader *r, yaml_mark_t at, const char *what, const char *detail)
{
    return yl__fail(YL_FORMAT, "%s:%zu:%zu: %s%.200s", r->path, at.line + 1, at.column + 1, what, detail);
}

static yl_status next_event(reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return YL_OK;
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return yl__fail(YL_MEMORY, "%s: memory ran out in the YAML reader", r->path);
    yaml_mark_t at = p->error == YAML_READER_ERROR ? p->mark : p->problem_mark;
    return refuse(r, at, "this is not YAML: ", p->problem ? p->problem : "unreadable text");
}

/* ---- the core schema ---- */

static bool among(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return true;
    return false;
}

/* [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  */
static bool looks_numeric(const char *p)
{
    static const char digits[] = "0123456789";
    if (*p == '+' || *p == '-') p++;
    size_t before = strspn(p, digits), after = 0;
    p += before;
    if (*p == '.') {
        after = strspn(++p, digits);
        p += after;
    }
    if (before + after == 0) return false;
    if (*p != 'e' && *p != 'E') return *p == '\0';
    p++;
    if (*p == '+' || *p == '-') p++;
    size_t exponent = strspn(p, digits);
    return exponent > 0 && p[exponent] == '\0';
}

/* 0o17 and 0xff; the value must fit 63 bits, or else the text stays text. */
static bool other_base(const char *text, int64_t *out)
{
    int base = strncmp(text, "0o", 2) == 0 ? 8 : strncmp(text, "0x", 2) == 0 ? 16 : 0;
    const char *digits = base == 8 ? "01234567" : "0123456789abcdefABCDEF";
    size_t n = base ? strspn(text + 2, digits) : 0;
    if (n == 0 || text[2 + n] || n > (base == 8 ? 21 : 15)) return false;
    *out = strtoll(text + 2, NULL, base);
    return true;
}

static bool special_number(const char *text, double *out)
{
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL}, *const infinities[] = {".inf", ".Inf", ".INF",
                                                                                             NULL};
    bool sign = *text == '-' || *text == '+';
    if (among(text, nans))
        *out = (double)NAN;
    else if (among(text + sign, infinities))
        *out = *text == '-' ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

void yl__yaml_resolve(yl_tree *s)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL},
                             *const yes[] = {"true", "True", "TRUE", NULL},
                             *const no[] = {"false", "False", "FALSE", NULL};
    if ((int64_t)strlen(s->text) != s->length) return; /* a NUL within */
    bool numeric = looks_numeric(s->text);
    if (among(s->text, nulls))
        s->kind = YL_TREE_NULL;
    else if ((s->boolean = among(s->text, yes)) || among(s->text, no))
        s->kind = YL_TREE_BOOL;
    else if (other_base(s->text, &s->integer) || (numeric && yl__parse_integer(s->text, &s->integer)))
        s->kind = YL_TREE_INTEGER;
    else if (special_number(s->text, &s->number) || (numeric && yl__parse_number(s->text, &s->number)))
        s->kind = YL_TREE_NUMBER;
}

/* ---- events ---- */

static yl_status check_properties(const reader *r, const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        return refuse(r, e->start_mark, "aliases are not supported: *", (char *)e->data.alias.anchor);
    if (e->type == YAML_SCALAR_EVENT) anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
    if (e->type == YAML_MAPPING_START_EVENT) anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
    if (e->type == YAML_SEQUENCE_START_EVENT) anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
    if (anchor) return refuse(r, e->start_mark, "anchors are not supported: &", (const char *)anchor);
    if (tag) return refuse(r, e->start_mark, "tags are not supported: ", (const char *)tag);
    return YL_OK;
}

static yl_status read_node(reader *r, const yaml_event_t *event, yl_tree **out);

static yl_status read_scalar(reader *r, const yaml_event_t *e, yl_tree **out)
{
    YL_TRY(yl__tree_new(r->document, YL_TREE_STRING, out));
    (*out)->length = (int64_t)e->data.scalar.length;
    YL_TRY(yl__tree_copy(r->document, (const char *)e->data.scalar.value, (*out)->length, &(*out)->text));
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) yl__yaml_resolve(*out);
    return YL_OK;
}

static yl_status read_next(reader *r, yl_tree **out)
{
    yaml_event_t event;
    YL_TRY(next_event(r, &event));
    yl_status status = read_node(r, &event, out);
    yaml_event_delete(&event);
    return status;
}

/* The child takes the key's place: its name and line. */
static yl_status read_member(reader *r, const yaml_event_t *key, yl_tree *map)
{
    const char *name;
    yl_tree *child;
    YL_TRY(check_properties(r, key));
    if (key->type != YAML_SCALAR_EVENT) return refuse(r, key->start_mark, "a key must be text", "");
    int64_t length = (int64_t)key->data.scalar.length;
    YL_TRY(yl__tree_copy(r->document, (const char *)key->data.scalar.value, length, &name));
    YL_TRY(read_next(r, &child));
    child->key = name;
    child->key_length = length;
    child->line = (int64_t)key->start_mark.line + 1;
    yl__tree_add(map, child);
    return YL_OK;
}

static yl_status read_item(reader *r, const yaml_event_t *item, yl_tree *list)
{
    yl_tree *child;
    YL_TRY(read_node(r, item, &child));
    yl__tree_add(list, child);
    return YL_OK;
}

static yl_status read_children(reader *r, yl_tree *parent)
{
    yl_status status = YL_OK;
    for (bool end = false; !end && status == YL_OK;) {
        yaml_event_t event;
        YL_TRY(next_event(r, &event));
        end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) status = (parent->kind == YL_TREE_MAP ? read_member : read_item)(r, &event, parent);
        yaml_event_delete(&event);
    }
    return status;
}

static yl_status read_nested(reader *r, const yaml_event_t *event, yl_tree *parent)
{
    const yl_tree *twice = NULL;
    if (r->depth == YL_TREE_DEPTH) return refuse(r, event->start_mark, "more than 64 levels of nesting", "");
    r->depth++;
    YL_TRY(read_children(r, parent));
    r->depth--;
    if (parent->kind == YL_TREE_MAP) YL_TRY(yl__tree_duplicate(parent, &twice));
    if (!twice) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%lld:1: key '%.100s' occurs twice in its mapping", r->path, (long long)twice->line,
                    twice->key);
}

static yl_status read_node(reader *r, const yaml_event_t *event, yl_tree **out)
{
    YL_TRY(check_properties(r, event));
    if (event->type == YAML_SCALAR_EVENT) {
        YL_TRY(read_scalar(r, event, out));
    } else {
        YL_TRY(yl__tree_new(r->document, event->type == YAML_MAPPING_START_EVENT ? YL_TREE_MAP : YL_TREE_LIST, out));
        YL_TRY(read_nested(r, event, *out));
    }
    (*out)->line = (int64_t)event->start_mark.line + 1;
    return YL_OK;
}

static bool begins_node(const yaml_event_t *e)
{
    return e->type == YAML_SCALAR_EVENT || e->type == YAML_ALIAS_EVENT || e->type == YAML_SEQUENCE_START_EVENT ||
           e->type == YAML_MAPPING_START_EVENT;
}

static yl_status read_stream(reader *r)
{
    int documents = 0;
    yl_status status = YL_OK;
    for (bool end = false; !end && status == YL_OK;) {
        yaml_event_t event;
        YL_TRY(next_event(r, &event));
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            status = refuse(r, event.start_mark, "one document was expected, a second begins here", "");
        else if (begins_node(&event))
            status = read_node(r, &event, &r->document->root);
        yaml_event_delete(&event);
    }
    return status;
}

static yl_status ensure_root(yl_document *document)
{
    const yl_tree *root = document->root;
    bool empty = !root || (root->kind == YL_TREE_NULL && root->length == 0);
    return empty ? yl__tree_new(document, YL_TREE_MAP, &document->root) : YL_OK;
}

yl_status yl__yaml_decode(const char *bytes, int64_t size, const char *path, yl_document *out)
{
    *out = (yl_document){0};
    reader r = {.path = path, .document = out};
    if (!yaml_parser_initialize(&r.parser)) return yl__fail(YL_MEMORY, "%s: memory ran out in the YAML reader", path);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, (size_t)size);
    yl_status status = read_stream(&r);
    yaml_parser_delete(&r.parser);
    if (status == YL_OK) status = ensure_root(out);
    if (status != YL_OK) yl__document_free(out);
    return status;
}

/* ---- writing ---- */

static yl_status put(const yl_tree *value, int depth, bool inside_list, yl_text *out);

/* Text that needs no quotes: a letter or underscore, then letters, digits and _ . / - , and of no other type. */
static bool is_plain(const char *text, int64_t length)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789./-";
    yl_tree probe = {.kind = YL_TREE_STRING, .text = text, .length = length};
    if (length < 1 || length > 200 || !strchr(first, text[0]) || (int64_t)strspn(text, rest) != length) return false;
    yl__yaml_resolve(&probe);
    return probe.kind == YL_TREE_STRING;
}

static yl_status put_text(const char *text, int64_t length, yl_text *out)
{
    return is_plain(text, length) ? yl__text_append(out, text, length) : yl__tree_quote(out, text, length);
}

/* A number that stays one: 3 becomes 3.0, so that it does not come back as an integer. */
static yl_status put_number(double value, yl_text *out)
{
    char digits[32];
    if (isnan(value)) return yl__text_add(out, ".nan");
    if (isinf(value)) return yl__text_add(out, value > 0 ? ".inf" : "-.inf");
    yl__format_number(value, digits);
    return yl__text_add(out, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

static yl_status put_scalar(const yl_tree *value, yl_text *out)
{
    switch (value->kind) {
    case YL_TREE_NULL:
        return yl__text_append(out, "null", 4);
    case YL_TREE_BOOL:
        return yl__text_add(out, "%s", value->boolean ? "true" : "false");
    case YL_TREE_INTEGER:
        return yl__text_add(out, "%lld", (long long)value->integer);
    case YL_TREE_NUMBER:
        return put_number(value->number, out);
    default:
        return put_text(value->text, value->length, out);
    }
}

static bool fits_one_line(const yl_tree *value)
{
    if (value->count == 0) return true;
    if (value->kind == YL_TREE_MAP) return false;
    for (const yl_tree *child = value->first; child; child = child->next)
        if (child->kind >= YL_TREE_LIST) return false;
    return true;
}

static yl_status put_flow(const yl_tree *list, yl_text *out)
{
    YL_TRY(yl__text_append(out, "[", 1));
    for (const yl_tree *child = list->first; child; child = child->next) {
        YL_TRY(put_scalar(child, out));
        if (child->next) YL_TRY(yl__text_append(out, ", ", 2));
    }
    return yl__text_append(out, "]", 1);
}

static yl_status put_key(const yl_tree *child, yl_text *out)
{
    int64_t before = out->length;
    YL_TRY(put_text(child->key, child->key_length, out));
    if (out->length - before > 1000)
        return yl__fail(YL_INVALID, "yaml: a key of %lld bytes is too long for YAML (1000): '%.60s...'",
                        (long long)child->key_length, child->key);
    return yl__text_append(out, ":", 1);
}

/* Members at two blanks per level; the first one of a map within a list stands behind its dash. */
static yl_status put_map(const yl_tree *map, int depth, bool inside_list, yl_text *out)
{
    const yl_tree **members;
    YL_TRY(yl__tree_sorted(map, &members));
    yl_status status = YL_OK;
    for (int64_t i = 0; i < map->count && status == YL_OK; i++) {
        if (i > 0 || !inside_list) status = yl__text_add(out, "%*s", 2 * depth, "");
        if (status == YL_OK) status = put_key(members[i], out);
        if (status == YL_OK) status = put(members[i], depth + 1, false, out);
    }
    yl__free(members);
    return status;
}

static yl_status put_list(const yl_tree *list, int depth, bool inside_list, yl_text *out)
{
    for (const yl_tree *child = list->first; child; child = child->next) {
        bool behind_dash = inside_list && child == list->first;
        YL_TRY(yl__text_add(out, "%*s-", behind_dash ? 0 : 2 * depth, ""));
        YL_TRY(put(child, depth + 1, true, out));
    }
    return YL_OK;
}

/* What follows "key:" or "-". */
static yl_status put(const yl_tree *value, int depth, bool inside_list, yl_text *out)
{
    bool is_map = value->kind == YL_TREE_MAP, one_line = value->kind < YL_TREE_LIST || fits_one_line(value);
    if (depth > YL_TREE_DEPTH) return yl__fail(YL_INVALID, "yaml: more than %d levels of nesting", YL_TREE_DEPTH);
    YL_TRY(yl__text_append(out, one_line || inside_list ? " " : "\n", depth > 0));
    if (!one_line) return (is_map ? put_map : put_list)(value, depth, inside_list, out);
    if (is_map)
        YL_TRY(yl__text_append(out, "{}", 2));
    else
        YL_TRY(value->kind == YL_TREE_LIST ? put_flow(value, out) : put_scalar(value, out));
    return yl__text_append(out, "\n", 1);
}

yl_status yl__yaml_encode(const yl_tree *value, yl_text *out)
{
    return put(value, 0, false, out);
}
