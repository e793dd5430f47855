/* Reading a calibration; calibration.h says what it holds. */
#include "formats/calibration.h"
#include "core/memory.h"
#include "formats/json.h"
#include "net/calibration.h"

#include <string.h>

static yl_status wrong(const char *where, const char *what)
{
    return yl__fail(YL_FORMAT, "%s: its calibration: expected %s", where, what);
}

static bool number_of(const yl_tree *t, double *out)
{
    if (!t || (t->kind != YL_TREE_INTEGER && t->kind != YL_TREE_NUMBER)) return false;
    *out = t->kind == YL_TREE_INTEGER ? (double)t->integer : t->number;
    return true;
}

static yl_status read_range(yl_net *net, const char *where, int layer, const yl_tree *t)
{
    double low, high;
    bool two = t && t->kind == YL_TREE_LIST && t->count == 2;
    if (!two || !number_of(t->first, &low) || !number_of(t->last, &high))
        return wrong(where, "the range of each layer as a list of two numbers");
    return yl_calibration_set(net, layer, low, high);
}

static yl_status find_layer(const yl_net *net, const char *where, const char *name, int *layer)
{
    *layer = yl_net_find_layer(net, name);
    if (*layer >= 0) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: its calibration is of another network: it names the layer '%.60s'", where, name);
}

static yl_status read_all(yl_net *net, const yl_tree *root, const char *where)
{
    const yl_tree *layers = yl__tree_find(root, "layers"), *f32 = yl__tree_find(root, "f32");
    int layer;
    if (!layers || layers->kind != YL_TREE_MAP) return wrong(where, "a map of layers");
    YL_TRY(read_range(net, where, -1, yl__tree_find(root, "input")));
    for (const yl_tree *t = layers->first; t; t = t->next) {
        YL_TRY(find_layer(net, where, t->key, &layer));
        YL_TRY(read_range(net, where, layer, t));
    }
    if (!f32 || (f32->kind != YL_TREE_LIST && f32->count)) return wrong(where, "a list of layers as 'f32'");
    for (const yl_tree *t = f32->first; t; t = t->next) {
        if (t->kind != YL_TREE_STRING) return wrong(where, "names of layers in 'f32'");
        YL_TRY(find_layer(net, where, t->text, &layer));
        yl_calibration_keep_f32(net, layer);
    }
    return YL_OK;
}

yl_status yl_calibration_decode(yl_net *net, const char *text, const char *where)
{
    yl_document document = {0};
    yl_calibration *had = net->calibration;
    YL_TRY(yl__json_decode(text, (int64_t)strlen(text), where, &document));
    net->calibration = NULL;
    yl_status status = yl_calibration_begin(net);
    if (status == YL_OK) status = read_all(net, document.root, where);
    yl__document_free(&document);
    yl__free(status == YL_OK ? had : net->calibration);
    if (status != YL_OK) net->calibration = had;
    return status == YL_INVALID ? yl__fail_in(YL_FORMAT, "%s", where) : status;
}
