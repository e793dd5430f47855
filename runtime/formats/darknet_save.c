/* Network to Darknet cfg. */
#include "formats/darknet.h"
#include "core/file.h"
#include "core/memory.h"
#include "formats/darknet_sections.h"

#include <stdio.h>
#include <string.h>

enum { VALUE = YL_OPTION_TEXT * 16 };

typedef struct exporter {
    const yl_net *net;
    const yl__sections *sections;
    yl_text *out;
    int *number;      /* of each section in the cfg: routes are written between them */
    int written;      /* sections so far */
    yl_shape *shapes; /* of the layers' outputs */
} exporter;

/* A field's value as other readers of cfgs take it: truth is 1. */
static void field_text(const yl_field *field, const void *options, char out[VALUE])
{
    yl_options_text(field, options, out, VALUE);
    if (field->type == YL_OPTION_BOOL) snprintf(out, VALUE, "%d", strcmp(out, "true") == 0);
}

/* Options that differ from their defaults, and those in `always`, but not the ones in `hidden`. */
static yl_status put_options(exporter *e, int layer, const char *hidden, const char *always)
{
    const yl_layer *l = &e->net->layers[layer];
    const yl_field_table *table = l->kind->fields;
    char *defaults;
    yl_status status = YL_OK;
    YL_TRY(yl__calloc(1, l->kind->options_size, &defaults));
    if (table) status = yl_options_defaults(table, defaults);
    for (int64_t i = 0; table && i < table->count && status == YL_OK; i++) {
        const yl_field *field = &table->fields[i];
        char value[VALUE], usual[VALUE];
        field_text(field, l->options, value);
        field_text(field, defaults, usual);
        bool silent = field->fallback && strcmp(value, usual) == 0 && !yl__listed(always, field->key);
        if (!silent && *value && !yl__listed(hidden, field->key))
            status = yl__text_add(e->out, "%s=%s\n", field->key, value);
    }
    yl__free(defaults);
    return status;
}

/* Options of a batch-norm or activation have no keys in a section: anything unusual cannot be written. */
static yl_status check_options(exporter *e, int layer, const char *hidden)
{
    int64_t before = e->out->length;
    YL_TRY(put_options(e, layer, hidden, ""));
    if (e->out->length == before) return YL_OK;
    e->out->data[e->out->length - 1] = '\0'; /* the line break */
    return yl__fail(YL_UNSUPPORTED, "%s: a Darknet cfg cannot express %s", e->net->layers[layer].name,
                    e->out->data + before);
}

/* The section whose output layer `input` is, as seen from layer `reader`. */
static yl_status section_read(const exporter *e, int reader, int input, int *out)
{
    const yl_layer *l = &e->net->layers[reader];
    if (input < 0) {
        *out = -1;
        return YL_OK;
    }
    *out = e->sections->of_layer[input];
    if (e->sections->at[*out].last == input) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s reads %s, which lies inside a Darknet section", l->name,
                    e->net->layers[input].name);
}

/* All but [route] read the section before them: where that is another one, a route to the right one is written. */
static yl_status put_previous(exporter *e, int section, int read)
{
    const yl_layer *l = &e->net->layers[e->sections->at[section].head];
    if (read < 0 ? e->written == 0 : e->number[read] == e->written - 1) return YL_OK;
    if (read < 0)
        return yl__fail(YL_UNSUPPORTED,
                        "%s reads the network's input, which in a Darknet cfg only the first section does", l->name);
    e->written++;
    return yl__text_add(e->out, "\n[route]\nlayers=%d\n", e->number[read]);
}

static yl_status put_head(exporter *e, int section)
{
    e->number[section] = e->written++;
    return yl__text_add(e->out, "\n[%s]\n", e->sections->at[section].kind->name);
}

static yl_status put_route(exporter *e, int section)
{
    const yl_layer *l = &e->net->layers[e->sections->at[section].head];
    YL_TRY(put_head(e, section));
    YL_TRY(yl__text_add(e->out, "layers="));
    for (int i = 0; i < l->n_inputs; i++) {
        int read;
        YL_TRY(section_read(e, e->sections->at[section].head, l->inputs[i], &read));
        if (read < 0) return yl__fail(YL_UNSUPPORTED, "%s: a Darknet route cannot read the network's input", l->name);
        bool previous = e->number[read] == e->number[section] - 1;
        YL_TRY(yl__text_add(e->out, "%s%d", i > 0 ? "," : "", previous ? -1 : e->number[read]));
    }
    return yl__text_append(e->out, "\n", 1);
}

static bool same_shape(yl_shape a, yl_shape b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

/* A sum has the first layer's size: the two change places only where they are alike. */
static yl_status put_shortcut(exporter *e, int section)
{
    int read[2], head = e->sections->at[section].head;
    const yl_layer *l = &e->net->layers[head];
    for (int i = 0; i < 2; i++) YL_TRY(section_read(e, head, l->inputs[i], &read[i]));
    bool equal = read[1] >= 0 && same_shape(e->shapes[l->inputs[1]], e->shapes[head]);
    bool swapped = equal && e->number[read[1]] == e->written - 1 && e->sections->at[section].kind->form == YL__SHORTCUT;
    if (read[!swapped] < 0)
        return yl__fail(YL_UNSUPPORTED, "%s: a Darknet section cannot read the network's input by number", l->name);
    YL_TRY(put_previous(e, section, read[swapped]));
    YL_TRY(put_head(e, section));
    return yl__text_add(e->out, "from=%d\n", e->number[read[!swapped]] - e->number[section]);
}

static yl_status put_plain(exporter *e, int section)
{
    const yl__section *s = &e->sections->at[section];
    int read;
    YL_TRY(section_read(e, s->head, e->net->layers[s->head].inputs[0], &read));
    YL_TRY(put_previous(e, section, read));
    YL_TRY(put_head(e, section));
    if (s->bn < 0) return YL_OK;
    YL_TRY(yl__text_add(e->out, "batch_normalize=1\n"));
    return check_options(e, s->bn, "");
}

static yl_status put_activation(exporter *e, const yl__section *s)
{
    if (s->kind->form == YL__PLAIN || s->kind->form == YL__ROUTE) return YL_OK;
    if (s->act < 0) return yl__text_add(e->out, "activation=linear\n");
    const yl_layer *l = &e->net->layers[s->act];
    char name[VALUE];
    yl_options_text(yl_option_find(l->kind->fields, "activation", NULL), l->options, name, sizeof name);
    YL_TRY(yl__text_add(e->out, "activation=%s\n", name));
    return check_options(e, s->act, "activation");
}

static yl_status put_section(exporter *e, int section)
{
    const yl__section *s = &e->sections->at[section];
    if (s->kind->form == YL__ROUTE)
        YL_TRY(put_route(e, section));
    else if (s->kind->form == YL__SHORTCUT || s->kind->form == YL__SCALED)
        YL_TRY(put_shortcut(e, section));
    else
        YL_TRY(put_plain(e, section));
    YL_TRY(put_options(e, s->head, s->bn >= 0 ? "bias" : "", s->kind->always));
    return put_activation(e, s);
}

yl_status yl_darknet_cfg_text(const yl_net *net, yl_text *out)
{
    yl__sections sections;
    YL_TRY(yl__sections_of(net, &sections));
    exporter e = {.net = net, .sections = &sections, .out = out};
    yl_status status = yl__calloc(net->n_layers, sizeof *e.number, &e.number);
    if (status == YL_OK) status = yl__alloc(net->n_layers, sizeof *e.shapes, &e.shapes);
    if (status == YL_OK) status = yl_net_shapes(net, 1, net->h, net->w, e.shapes);
    if (status == YL_OK)
        status = yl__text_add(out, "[net]\nwidth=%lld\nheight=%lld\nchannels=%lld\n%s", (long long)net->w,
                              (long long)net->h, (long long)net->c, net->header ? net->header : "");
    for (int i = 0; i < sections.count && status == YL_OK; i++) status = put_section(&e, i);
    yl__free(e.number);
    yl__free(e.shapes);
    yl__sections_free(&sections);
    return status;
}

yl_status yl_darknet_save_cfg(const yl_net *net, const char *path)
{
    yl_text text = {0};
    YL_TRY(yl__file_ending(path, ".cfg", "a Darknet cfg"));
    YL_TRY(yl__sections_all_darknet(net));
    yl_status status = yl_darknet_cfg_text(net, &text);
    if (status == YL_OK) status = yl__file_write(path, text.data, text.length);
    yl__text_free(&text);
    return status;
}
