/* The list of layer kinds. */
#include "layers/layer.h"

#include <string.h>

const yl_layer_kind *const yl_layer_kinds[] = {
#define L(name) &yl_layer_##name,
#include "layers/layers.def"
#undef L
    NULL,
};

const yl_layer_kind *yl_layer_find(const char *name)
{
    for (int i = 0; yl_layer_kinds[i]; i++)
        if (strcmp(yl_layer_kinds[i]->name, name) == 0) return yl_layer_kinds[i];
    return NULL;
}
