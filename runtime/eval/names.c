/* A hash table of names (FNV-1a, linear probing). */
#include "eval/names.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

static uint64_t hash(const yl_names *names, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) {
        bool upper = names->any_case && *name >= 'A' && *name <= 'Z';
        h = (h ^ (unsigned char)(upper ? *name + 'a' - 'A' : *name)) * 0x100000001b3u;
    }
    return h;
}

static bool same(const yl_names *names, const char *a, const char *b)
{
    return names->any_case ? yl__same_word(a, b) : strcmp(a, b) == 0;
}

/* The slot that holds the name, or the free one where it belongs. */
static int64_t probe(const yl_names *names, const char *name)
{
    int64_t i = (int64_t)(hash(names, name) & (uint64_t)(names->slot_count - 1));
    while (names->slots[i] && !same(names, names->at[names->slots[i] - 1], name)) i = (i + 1) & (names->slot_count - 1);
    return i;
}

int32_t yl__names_find(const yl_names *names, const char *name)
{
    return names->slot_count ? names->slots[probe(names, name)] - 1 : -1;
}

static yl_status grow(yl_names *names)
{
    int64_t slots = names->slot_count ? 2 * names->slot_count : 32;
    int32_t *fresh;
    YL_TRY(yl__calloc(slots, sizeof *fresh, &fresh));
    yl__free(names->slots);
    names->slots = fresh;
    names->slot_count = slots;
    for (int64_t i = 0; i < names->count; i++) names->slots[probe(names, names->at[i])] = (int32_t)i + 1;
    return YL_OK;
}

yl_status yl__names_add(yl_names *names, const char *name, int32_t *out)
{
    *out = yl__names_find(names, name);
    if (*out >= 0) return YL_OK;
    if (2 * (names->count + 1) > names->slot_count) YL_TRY(grow(names));
    YL_TRY(yl__reserve(names->count + 1, &names->capacity, sizeof *names->at, &names->at));
    YL_TRY(yl__strdup(name, &names->at[names->count]));
    names->slots[probe(names, name)] = (int32_t)++names->count;
    *out = (int32_t)names->count - 1;
    return YL_OK;
}

void yl__names_free(yl_names *names)
{
    for (int64_t i = 0; i < names->count; i++) yl__free(names->at[i]);
    yl__free(names->at);
    yl__free(names->slots);
    *names = (yl_names){.any_case = names->any_case};
}
