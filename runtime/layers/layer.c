/* The list of layer kinds: those that are compiled in, and those that were registered at run time. */
#include "layers/layer.h"

#include <string.h>

const yl_layer_kind *const yl_layer_kinds[] = {
#define L(name) &yl_layer_##name,
#include "layers/layers.def"
#undef L
    NULL,
};

enum { COMPILED = sizeof yl_layer_kinds / sizeof *yl_layer_kinds - 1 };

static const yl_layer_kind *registered[YL_MAX_REGISTERED];
static int n_registered;

const yl_layer_kind *yl_layer_registered(int i)
{
    return i < n_registered ? registered[i] : NULL;
}

const yl_layer_kind *yl_layer_at(int i)
{
    return i < COMPILED ? yl_layer_kinds[i] : yl_layer_registered(i - COMPILED);
}

static int place_of(const char *name)
{
    for (int i = 0; yl_layer_at(i); i++)
        if (strcmp(yl_layer_at(i)->name, name) == 0) return i;
    return -1;
}

const yl_layer_kind *yl_layer_find(const char *name)
{
    int place = place_of(name);
    return place < 0 ? NULL : yl_layer_at(place);
}

yl_status yl_layer_register(const yl_layer_kind *kind)
{
    int place = place_of(kind->name);
    if (place >= 0 && place < COMPILED)
        return yl__fail(YL_INVALID, "layer '%s': yolua has a layer of that name; choose another", kind->name);
    if (place < 0 && n_registered == YL_MAX_REGISTERED)
        return yl__fail(YL_INVALID, "layer '%s': at most %d kinds of layers can be registered", kind->name,
                        YL_MAX_REGISTERED);
    registered[place < 0 ? n_registered++ : place - COMPILED] = kind;
    return YL_OK;
}

void yl_layer_unregister(const yl_layer_kind *kind)
{
    for (int i = 0; i < n_registered; i++)
        if (registered[i] == kind) {
            memmove(&registered[i], &registered[i + 1], (size_t)(n_registered - i - 1) * sizeof *registered);
            n_registered--;
            return;
        }
}
