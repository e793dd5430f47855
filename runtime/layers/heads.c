/* What the two detection heads share. */
#include "layers/heads.h"

#define A(name, ...) #name,
const char *const yl__head_parts[YL_PARTS + 1] = {
    "box", "object", "noobject", "class", YL_ATTRIBUTE_TABLE(A) NULL,
};
#undef A

bool yl__head_has_part(const yl_layer *layer, int part)
{
    yl_head_geom g = layer->kind->head->geometry(layer, (yl_shape){0}, YL_F32);
    return part < YL_PART_ATTRIBUTES || g.attributes >> (part - YL_PART_ATTRIBUTES) & 1;
}

void yl__head_predicts(yl_head_geom *g, const yl_head_attributes *attributes)
{
    g->attributes = (uint32_t)attributes->set;
    g->attribute_width = yl_attributes_width(g->attributes);
    for (int i = 0; i < YL_ATTRIBUTES; i++) g->attribute_weight[i] = (float)attributes->weight[i];
}

yl_status yl__check_channels(const yl_layer *layer, const yl_shape *in, const yl_head_geom *g, const char *anchors)
{
    int64_t expected = g->anchors * yl_head_size(g);
    if (in->c == expected) return YL_OK;
    return yl__fail(YL_INVALID, "%s: expected %lld input channels (%s * (5 + classes%s)), got %lld", layer->name,
                    (long long)expected, anchors, g->attributes ? " + numbers of the attributes" : "",
                    (long long)in->c);
}

yl_status yl__head_prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)prepared;
    yl_head_geom g = layer->kind->head->geometry(layer, setting->out, setting->dtype);
    needs->scratch = (size_t)yl_head_sums(&g) * sizeof(double);
    if (g.dtype != YL_F32) needs->scratch += (size_t)yl_head_count(&g) * sizeof(float);
    return YL_OK;
}

yl_status yl__check_anchors(const yl_layer *layer, const yl_numbers *anchors, int64_t num)
{
    if (anchors->count != 2 * num)
        return yl__fail(YL_INVALID, "%s: expected %lld anchors (two numbers each, num = %lld), got %lld numbers",
                        layer->name, (long long)num, (long long)num, (long long)anchors->count);
    for (int i = 0; i < anchors->count; i++)
        if (!(anchors->at[i] > 0))
            return yl__fail(YL_INVALID, "%s: expected anchors above 0, got %g", layer->name, anchors->at[i]);
    return YL_OK;
}
