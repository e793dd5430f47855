/* What the two detection heads share. */
#include "layers/heads.h"

const char *const yl__head_parts[YL_HEAD_PARTS + 1] = {"box", "object", "noobject", "class", NULL};

yl_status yl__head_prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)layer, (void)prepared;
    needs->scratch = (size_t)(setting->out.n * setting->out.h) * YL_HEAD_PARTS * sizeof(double);
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
