/* The table of Darknet's sections, and the grouping of a network's layers into them. */
#include "formats/darknet_sections.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* Where a layer has several names the first is the one to write. */
static const yl__section_kind kinds[] = {
    {"convolutional", "conv2d", YL__WEIGHTED, "batch_normalize activation", "filters size stride"},
    {"conv", "conv2d", YL__WEIGHTED, "batch_normalize activation", ""},
    {"connected", "connected", YL__WEIGHTED, "batch_normalize activation", "output"},
    {"conn", "connected", YL__WEIGHTED, "batch_normalize activation", ""},
    {"maxpool", "maxpool", YL__PLAIN, "", "stride"},
    {"max", "maxpool", YL__PLAIN, "", ""},
    {"avgpool", "avgpool", YL__PLAIN, "", ""},
    {"avg", "avgpool", YL__PLAIN, "", ""},
    {"local_avgpool", "avgpool", YL__PLAIN, "", "stride"}, /* with `size`; [avgpool] takes the whole image */
    {"local_avg", "avgpool", YL__PLAIN, "", ""},
    {"reorg", "reorg", YL__PLAIN, "", "stride"},
    {"reorg3d", "reorg3d", YL__PLAIN, "", "stride"},
    {"route", "route", YL__ROUTE, "layers", ""},
    {"shortcut", "shortcut", YL__SHORTCUT, "from layers activation", ""},
    {"sam", "sam", YL__SHORTCUT, "from layers activation", ""},
    {"scale_channels", "scale_channels", YL__SCALED, "from layers activation", ""},
    {"upsample", "upsample", YL__PLAIN, "", "stride"},
    {"dropout", "dropout", YL__PLAIN, "", "probability"},
    {"softmax", "softmax", YL__PLAIN, "", ""},
    {"soft", "softmax", YL__PLAIN, "", ""},
    {"region", "region", YL__PLAIN, "", "anchors classes num softmax thresh"},
    {"yolo", "yolo", YL__PLAIN, "", "anchors classes num ignore_thresh iou_thresh scale_x_y"},
    {"activation", "activation", YL__PLAIN, "", "activation"},
    {"batchnorm", "batchnorm", YL__PLAIN, "", ""},
    {"empty", "", YL__NOTHING, "", ""},
    {"silence", "", YL__NOTHING, "", ""},
    {"cost", "", YL__NOTHING, "type scale ratio", ""}, /* behind [softmax], which brings its loss */
};
enum { KINDS = sizeof kinds / sizeof *kinds };

enum {
#define L(name) +1
    BUILT_IN = 0
#include "layers/layers.def"
#undef L
};

/* A kind of layer that the table above does not name has a section of its own name; with `layers` as in [route] if it can read
 * several. */
static const yl__section_kind *own_section(const char *name)
{
    static yl__section_kind made[BUILT_IN + YL_MAX_REGISTERED];
    const yl_layer_kind *kind;
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].layer, name) == 0) return NULL;
    for (int i = 0; (kind = yl_layer_at(i)); i++) {
        if (strcmp(kind->name, name) != 0) continue;
        bool several = kind->max_inputs > 1;
        made[i] =
            (yl__section_kind){kind->name, kind->name, several ? YL__ROUTE : YL__PLAIN, several ? "layers" : "", ""};
        return &made[i];
    }
    return NULL;
}

bool yl__section_is_own(const char *layer)
{
    return own_section(layer) != NULL;
}

const yl__section_kind *yl__section_find(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return own_section(name);
}

const yl__section_kind *yl__section_of_layer(const char *kind)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].layer, kind) == 0) return &kinds[i];
    return own_section(kind);
}

yl_status yl__section_unknown(const char *path, int64_t line, const char *name)
{
    const char *names[KINDS + BUILT_IN + YL_MAX_REGISTERED];
    const yl_layer_kind *kind;
    int count = 0;
    for (; count < KINDS; count++) names[count] = kinds[count].name;
    for (int i = 0; (kind = yl_layer_at(i)); i++)
        if (own_section(kind->name)) names[count++] = kind->name;
    const char *nearest = yl__nearest(name, names, count);
    if (yl__foreign_find("section", name))
        return yl__fail(YL_UNSUPPORTED, "%s:%lld: Darknet's section [%s] is not supported", path, (long long)line,
                        name);
    if (!nearest)
        return yl__fail(YL_FORMAT,
                        "%s:%lld: unknown section [%.60s]; a layer of your own needs its Lua file (require=FILE.lua)",
                        path, (long long)line, name);
    return yl__fail(YL_FORMAT, "%s:%lld: unknown section [%.60s], did you mean [%s]?", path, (long long)line, name,
                    nearest);
}

bool yl__listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (n == length && strncmp(p, word, n) == 0) return true;
        p += n + strspn(p + n, " ");
    }
    return false;
}

/* ---- a network's layers as sections ---- */

static bool takes_companions(const yl__section *s)
{
    return s->kind->form == YL__WEIGHTED || s->kind->form == YL__SHORTCUT || s->kind->form == YL__SCALED;
}

static bool option_is(const yl_layer *layer, const char *key, const char *text)
{
    char value[YL_OPTION_TEXT];
    const yl_field *field = yl_option_find(layer->kind->fields, key, NULL);
    if (!field) return false;
    yl_options_text(field, layer->options, value, sizeof value);
    return strcmp(value, text) == 0;
}

/* Whether layer i belongs to the section that it reads; then it joins. */
static bool join(const yl_net *net, yl__sections *s, int i)
{
    const yl_layer *l = &net->layers[i];
    int input = l->inputs[0];
    bool is_bn = strcmp(l->kind->name, "batchnorm") == 0, is_act = strcmp(l->kind->name, "activation") == 0;
    if ((!is_bn && !is_act) || input < 0 || yl_net_consumers(net, input) != 1) return false;
    yl__section *section = &s->at[s->of_layer[input]];
    if (!takes_companions(section) || section->last != input || section->act >= 0) return false;
    if (is_bn && (section->bn >= 0 || section->kind->form != YL__WEIGHTED)) return false;
    if (is_bn && option_is(&net->layers[section->head], "bias", "true")) return false; /* a section has one of them */
    *(is_bn ? &section->bn : &section->act) = i;
    section->last = i;
    s->of_layer[i] = s->of_layer[input];
    return true;
}

static yl_status group_layers(const yl_net *net, yl__sections *s)
{
    for (int i = 0; i < net->n_layers; i++) {
        if (join(net, s, i)) continue;
        const yl__section_kind *kind = yl__section_of_layer(net->layers[i].kind->name);
        if (!kind)
            return yl__fail(YL_UNSUPPORTED, "%s: no Darknet section holds a layer of kind %s at this place",
                            net->layers[i].name, net->layers[i].kind->name);
        if (strcmp(kind->name, "avgpool") == 0 && !option_is(&net->layers[i], "size", "0"))
            kind = yl__section_find("local_avgpool");
        s->of_layer[i] = s->count;
        s->at[s->count++] = (yl__section){kind, i, -1, -1, i};
    }
    return YL_OK;
}

yl_status yl__sections_of(const yl_net *net, yl__sections *out)
{
    *out = (yl__sections){0};
    yl_status status = yl__alloc(net->n_layers, sizeof *out->at, &out->at);
    if (status == YL_OK) status = yl__alloc(net->n_layers, sizeof *out->of_layer, &out->of_layer);
    if (status == YL_OK) status = group_layers(net, out);
    if (status != YL_OK) yl__sections_free(out);
    return status;
}

yl_status yl__sections_all_darknet(const yl_net *net)
{
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].kind->context)
            return yl__fail(YL_UNSUPPORTED, "%s: Darknet has no layer %s: a checkpoint (.safetensors) keeps it",
                            net->layers[i].name, net->layers[i].kind->name);
    return YL_OK;
}

void yl__sections_free(yl__sections *s)
{
    yl__free(s->at);
    yl__free(s->of_layer);
    *s = (yl__sections){0};
}
