/* Document trees: block allocation, lookup, sorted members, quoting. */
#include "formats/tree.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 14, GRAIN = 16 };

typedef struct yl_tree_block {
    struct yl_tree_block *next;
    int64_t used, capacity;
    _Alignas(GRAIN) char bytes[];
} block;

static yl_status take(yl_document *document, int64_t size, void **out)
{
    block *b = document->blocks;
    size = (size + GRAIN - 1) / GRAIN * GRAIN;
    if (!b || b->capacity - b->used < size) {
        int64_t capacity = size > BLOCK ? size : BLOCK;
        YL_TRY(yl__alloc((int64_t)sizeof *b + capacity, 1, &b));
        *b = (block){.next = document->blocks, .capacity = capacity};
        document->blocks = b;
    }
    *out = b->bytes + b->used;
    b->used += size;
    return YL_OK;
}

void yl__document_free(yl_document *document)
{
    for (block *b = document->blocks, *next; b; b = next) {
        next = b->next;
        yl__free(b);
    }
    *document = (yl_document){0};
}

yl_status yl__tree_new(yl_document *document, yl_tree_kind kind, yl_tree **out)
{
    void *memory;
    YL_TRY(take(document, sizeof(yl_tree), &memory));
    *out = memory;
    **out = (yl_tree){.kind = kind};
    return YL_OK;
}

yl_status yl__tree_copy(yl_document *document, const char *bytes, int64_t length, const char **out)
{
    void *memory;
    YL_TRY(take(document, length + 1, &memory));
    if (length > 0) memcpy(memory, bytes, (size_t)length);
    ((char *)memory)[length] = '\0';
    *out = memory;
    return YL_OK;
}

void yl__tree_add(yl_tree *parent, yl_tree *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

const yl_tree *yl__tree_find(const yl_tree *map, const char *key)
{
    if (!map || map->kind != YL_TREE_MAP) return NULL;
    int64_t length = (int64_t)strlen(key);
    for (const yl_tree *child = map->first; child; child = child->next)
        if (child->key_length == length && memcmp(child->key, key, (size_t)length) == 0) return child;
    return NULL;
}

const char *yl__tree_kind_name(yl_tree_kind kind)
{
    static const char *const names[] = {"null", "a boolean", "a number", "a number", "a string", "a list", "a map"};
    return names[kind];
}

static int by_key(const void *left, const void *right)
{
    const yl_tree *a = *(const yl_tree *const *)left, *b = *(const yl_tree *const *)right;
    int64_t common = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, (size_t)common);
    return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

yl_status yl__tree_sorted(const yl_tree *map, const yl_tree ***out)
{
    const yl_tree **members;
    YL_TRY(yl__alloc(map->count, sizeof *members, &members));
    int64_t n = 0;
    for (const yl_tree *child = map->first; child; child = child->next) members[n++] = child;
    qsort(members, (size_t)n, sizeof *members, by_key);
    *out = members;
    return YL_OK;
}

yl_status yl__tree_duplicate(const yl_tree *map, const yl_tree **out)
{
    *out = NULL;
    if (map->count < 2) return YL_OK;
    const yl_tree **members;
    YL_TRY(yl__tree_sorted(map, &members));
    for (int64_t i = 1; i < map->count && !*out; i++)
        if (by_key(&members[i - 1], &members[i]) == 0)
            *out = members[i - 1]->line > members[i]->line ? members[i - 1] : members[i];
    yl__free(members);
    return YL_OK;
}

/* What YAML's reader refuses raw, although JSON's would take it: C1 controls, byte order marks, noncharacters, and the
 * two line separators. All of them have two or three bytes. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

static yl_status quote_code(yl_text *text, uint32_t code, const char *bytes, int length)
{
    if (code == '"' || code == '\\') return yl__text_add(text, "\\%c", (char)code);
    if (code == '\n') return yl__text_append(text, "\\n", 2);
    if (code == '\t') return yl__text_append(text, "\\t", 2);
    if (needs_escape(code)) return yl__text_add(text, "\\u%04x", (unsigned)code);
    return yl__text_append(text, bytes, length);
}

yl_status yl__tree_quote(yl_text *text, const char *bytes, int64_t length)
{
    YL_TRY(yl__text_append(text, "\"", 1));
    for (int64_t i = 0; i < length;) {
        uint32_t code;
        int n = yl__utf8_decode(bytes + i, length - i, &code);
        if (n)
            YL_TRY(quote_code(text, code, bytes + i, n));
        else
            YL_TRY(yl__text_append(text, "\\ufffd", 6));
        i += n ? n : 1;
    }
    return yl__text_append(text, "\"", 1);
}
