/* JSON by recursive descent, and its writer. Written here because common libraries print numbers with too few digits,
 * drop bytes after a NUL in strings, and name no position in their errors. */
#include "formats/json.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    const char *start, *at, *end, *where;
    yl_document *document;
    int depth;
} reader;

static int64_t line_of(const reader *r)
{
    int64_t line = 1;
    for (const char *p = r->start; p < r->at; p++) line += *p == '\n';
    return line;
}

static yl_status refuse(const reader *r, const char *expected)
{
    char got[32] = "the end";
    if (r->at < r->end) {
        unsigned char c = (unsigned char)*r->at;
        snprintf(got, sizeof got, c >= 0x20 && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
    }
    return yl__fail(YL_FORMAT, "%s: line %lld, byte %lld: expected %s, got %s", r->where, (long long)line_of(r),
                    (long long)(r->at - r->start), expected, got);
}

static void blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool accept(reader *r, char c)
{
    if (r->at >= r->end || *r->at != c) return false;
    r->at++;
    return true;
}

static bool digits(reader *r)
{
    const char *first = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return r->at > first;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static yl_status scan_number(reader *r, bool *whole)
{
    *whole = true;
    accept(r, '-');
    if (!accept(r, '0') && !digits(r)) return refuse(r, "a digit");
    if (accept(r, '.')) {
        *whole = false;
        if (!digits(r)) return refuse(r, "a digit after the point");
    }
    if (accept(r, 'e') || accept(r, 'E')) {
        *whole = false;
        if (!accept(r, '+')) accept(r, '-');
        if (!digits(r)) return refuse(r, "a digit in the exponent");
    }
    return YL_OK;
}

static yl_status number(reader *r, yl_tree **out)
{
    char text[512];
    bool whole;
    const char *first = r->at;
    YL_TRY(scan_number(r, &whole));
    size_t length = (size_t)(r->at - first);
    const char *after = r->at;
    r->at = first; /* errors below name the number's first byte */
    if (length >= sizeof text) return refuse(r, "a number of less than 512 characters");
    memcpy(text, first, length);
    text[length] = '\0';
    YL_TRY(yl__tree_new(r->document, YL_TREE_NUMBER, out));
    whole = whole && strcmp(text, "-0") != 0; /* an integer has no sign at zero */
    if (whole && yl__parse_integer(text, &(*out)->integer))
        (*out)->kind = YL_TREE_INTEGER;
    else if (!yl__parse_number(text, &(*out)->number))
        return refuse(r, "a number that fits a double");
    r->at = after;
    return YL_OK;
}

static yl_status hex4(reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = (char)(r->at < r->end ? *r->at : 0);
        bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
        if (!digit && !lower && !upper) return refuse(r, "four hexadecimal digits");
        *out = *out << 4 | (uint32_t)(digit ? c - '0' : lower ? c - 'a' + 10 : c - 'A' + 10);
    }
    return YL_OK;
}

static yl_status unicode_escape(reader *r, yl_text *text)
{
    uint32_t code, low;
    YL_TRY(hex4(r, &code));
    if (code >= 0xdc00 && code < 0xe000) return refuse(r, "a high surrogate before a low one");
    if (code >= 0xd800 && code < 0xdc00) {
        if (!accept(r, '\\') || !accept(r, 'u')) return refuse(r, "a low surrogate");
        YL_TRY(hex4(r, &low));
        if (low < 0xdc00 || low >= 0xe000) return refuse(r, "a low surrogate");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    char bytes[4];
    return yl__text_append(text, bytes, yl__utf8_encode(code, bytes));
}

static yl_status escape(reader *r, yl_text *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (accept(r, 'u')) return unicode_escape(r, text);
    const char *found = r->at < r->end && *r->at ? strchr(from, *r->at) : NULL;
    if (!found) return refuse(r, "an escape (one of \"\\/bfnrtu)");
    r->at++;
    return yl__text_append(text, &to[found - from], 1);
}

static yl_status string_body(reader *r, yl_text *text)
{
    while (!accept(r, '"')) {
        if (r->at >= r->end) return refuse(r, "'\"'");
        if (accept(r, '\\')) {
            YL_TRY(escape(r, text));
            continue;
        }
        uint32_t code;
        int n = yl__utf8_decode(r->at, r->end - r->at, &code);
        if (n == 0) return refuse(r, "UTF-8");
        if (code < 0x20) return refuse(r, "no raw control character in a string");
        YL_TRY(yl__text_append(text, r->at, n));
        r->at += n;
    }
    return YL_OK;
}

static yl_status string(reader *r, const char **out, int64_t *length)
{
    yl_text text = {0};
    yl_status status = string_body(r, &text);
    if (status == YL_OK) status = yl__tree_copy(r->document, text.data, text.length, out);
    *length = text.length;
    yl__text_free(&text);
    return status;
}

static yl_status value(reader *r, yl_tree **out);

static yl_status list(reader *r, yl_tree **out)
{
    YL_TRY(yl__tree_new(r->document, YL_TREE_LIST, out));
    blanks(r);
    if (accept(r, ']')) return YL_OK;
    do {
        yl_tree *child = NULL;
        YL_TRY(value(r, &child));
        yl__tree_add(*out, child);
        blanks(r);
    } while (accept(r, ','));
    return accept(r, ']') ? YL_OK : refuse(r, "',' or ']'");
}

static yl_status member(reader *r, yl_tree *map)
{
    const char *key;
    int64_t length;
    blanks(r);
    if (!accept(r, '"')) return refuse(r, "a key in double quotes");
    YL_TRY(string(r, &key, &length));
    blanks(r);
    if (!accept(r, ':')) return refuse(r, "':'");
    yl_tree *child;
    YL_TRY(value(r, &child));
    child->key = key;
    child->key_length = length;
    yl__tree_add(map, child);
    return YL_OK;
}

static yl_status map(reader *r, yl_tree **out)
{
    const yl_tree *twice;
    YL_TRY(yl__tree_new(r->document, YL_TREE_MAP, out));
    blanks(r);
    if (accept(r, '}')) return YL_OK;
    do {
        YL_TRY(member(r, *out));
        blanks(r);
    } while (accept(r, ','));
    if (!accept(r, '}')) return refuse(r, "',' or '}'");
    YL_TRY(yl__tree_duplicate(*out, &twice));
    if (!twice) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: line %lld, byte %lld: key '%.100s' occurs twice in the object that ends here",
                    r->where, (long long)line_of(r), (long long)(r->at - r->start), twice->key);
}

static yl_status word(reader *r, const char *text, yl_tree_kind kind, bool boolean, yl_tree **out)
{
    int64_t length = (int64_t)strlen(text);
    if (r->end - r->at < length || memcmp(r->at, text, (size_t)length) != 0) return refuse(r, "a value");
    r->at += length;
    YL_TRY(yl__tree_new(r->document, kind, out));
    (*out)->boolean = boolean;
    return YL_OK;
}

static yl_status nested(reader *r, yl_tree **out)
{
    if (r->depth == YL_TREE_DEPTH) return refuse(r, "at most 64 levels of nesting");
    r->depth++;
    yl_status status = *r->at++ == '{' ? map(r, out) : list(r, out);
    r->depth--;
    return status;
}

static yl_status value(reader *r, yl_tree **out)
{
    blanks(r);
    char c = (char)(r->at < r->end ? *r->at : 0);
    if (c == '{' || c == '[') return nested(r, out);
    if (c == '-' || (c >= '0' && c <= '9')) return number(r, out);
    if (c == 't') return word(r, "true", YL_TREE_BOOL, true, out);
    if (c == 'f') return word(r, "false", YL_TREE_BOOL, false, out);
    if (c == 'n') return word(r, "null", YL_TREE_NULL, false, out);
    if (!accept(r, '"')) return refuse(r, "a value");
    YL_TRY(yl__tree_new(r->document, YL_TREE_STRING, out));
    return string(r, &(*out)->text, &(*out)->length);
}

yl_status yl__json_decode(const char *bytes, int64_t size, const char *where, yl_document *out)
{
    *out = (yl_document){0};
    reader r = {.start = bytes, .at = bytes, .end = bytes + size, .where = where, .document = out};
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) r.at += 3; /* a byte-order mark */
    yl_status status = value(&r, &out->root);
    blanks(&r);
    if (status == YL_OK && r.at < r.end) status = refuse(&r, "nothing after the value");
    if (status != YL_OK) yl__document_free(out);
    return status;
}

/* ---- writing ---- */

static yl_status break_line(yl_text *out, bool pretty, int depth)
{
    return pretty ? yl__text_add(out, "\n%*s", 2 * depth, "") : YL_OK;
}

static yl_status put(const yl_tree *value, bool pretty, int depth, yl_text *out);

static yl_status put_member(const yl_tree *child, bool pretty, int depth, yl_text *out)
{
    YL_TRY(break_line(out, pretty, depth));
    if (child->key) {
        YL_TRY(yl__tree_quote(out, child->key, child->key_length));
        YL_TRY(yl__text_append(out, ": ", pretty ? 2 : 1));
    }
    return put(child, pretty, depth, out);
}

static yl_status put_list(const yl_tree *value, bool pretty, int depth, yl_text *out)
{
    for (const yl_tree *child = value->first; child; child = child->next) {
        YL_TRY(put_member(child, pretty, depth, out));
        if (child->next) YL_TRY(yl__text_append(out, ",", 1));
    }
    return YL_OK;
}

static yl_status put_map(const yl_tree *value, bool pretty, int depth, yl_text *out)
{
    const yl_tree **members;
    YL_TRY(yl__tree_sorted(value, &members));
    yl_status status = YL_OK;
    for (int64_t i = 0; i < value->count && status == YL_OK; i++) {
        if (i > 0) status = yl__text_append(out, ",", 1);
        if (status == YL_OK) status = put_member(members[i], pretty, depth, out);
    }
    yl__free(members);
    return status;
}

static bool only_scalars(const yl_tree *list)
{
    for (const yl_tree *child = list->first; child; child = child->next)
        if (child->kind >= YL_TREE_LIST) return false;
    return true;
}

static yl_status put_nested(const yl_tree *value, bool pretty, int depth, yl_text *out)
{
    bool is_map = value->kind == YL_TREE_MAP;
    if (depth >= YL_TREE_DEPTH) return yl__fail(YL_INVALID, "json: more than %d levels of nesting", YL_TREE_DEPTH);
    bool lines = pretty && value->count > 0 && (is_map || !only_scalars(value)); /* [1,2,3] stays on one line */
    YL_TRY(yl__text_append(out, is_map ? "{" : "[", 1));
    YL_TRY(is_map ? put_map(value, lines, depth + 1, out) : put_list(value, lines, depth + 1, out));
    YL_TRY(break_line(out, lines, depth));
    return yl__text_append(out, is_map ? "}" : "]", 1);
}

static yl_status put(const yl_tree *value, bool pretty, int depth, yl_text *out)
{
    char digits_of[32];
    switch (value->kind) {
    case YL_TREE_NULL:
        return yl__text_append(out, "null", 4);
    case YL_TREE_BOOL:
        return yl__text_add(out, "%s", value->boolean ? "true" : "false");
    case YL_TREE_INTEGER:
        return yl__text_add(out, "%lld", (long long)value->integer);
    case YL_TREE_STRING:
        return yl__tree_quote(out, value->text, value->length);
    case YL_TREE_NUMBER:
        yl__format_number(value->number, digits_of);
        return yl__text_add(out, "%s", digits_of);
    default:
        return put_nested(value, pretty, depth, out);
    }
}

yl_status yl__json_encode(const yl_tree *value, bool pretty, yl_text *out)
{
    return put(value, pretty, 0, out);
}
