/* Darknet cfg to network: one function per kind of section that is more than a layer with options. */
#include "formats/darknet.h"
#include "core/log.h"
#include "core/memory.h"
#include "formats/darknet_cfg.h"
#include "formats/darknet_keys.h"
#include "formats/darknet_sections.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SECTIONS = 4096, PLACE = 512, NAMED = 8 };

/* Keys that have no effect: the first few by name, how often each, all counted. */
typedef struct idle_keys {
    int total, n;
    struct {
        const char *key;
        int64_t line;
        int count;
    } at[NAMED];
} idle_keys;

typedef struct importer {
    const yl_cfg *cfg;
    const yl_cfg_section *section;
    int index;   /* of the section, [net] not counted */
    int *output; /* the last layer of each section */
    yl_net *net;
    yl_text unknown; /* "'key' (line 3), ..." */
    int n_unknown;
    idle_keys idle;
} importer;

static void place(const importer *m, int64_t line, char out[PLACE])
{
    snprintf(out, PLACE, "%s:%lld", m->cfg->path, (long long)line);
}

static int previous(const importer *m)
{
    return m->index > 0 ? m->output[m->index - 1] : -1;
}

static yl_status note_unknown(importer *m, const yl_cfg_option *o)
{
    if (++m->n_unknown > NAMED) return YL_OK;
    return yl__text_add(&m->unknown, "%s'%.40s' (line %lld)", m->n_unknown > 1 ? ", " : "", o->key, (long long)o->line);
}

static void note_idle(importer *m, const yl_cfg_option *o)
{
    idle_keys *idle = &m->idle;
    int i = 0;
    idle->total++;
    while (i < idle->n && strcmp(idle->at[i].key, o->key) != 0) i++;
    if (i == NAMED) return;
    if (i == idle->n) idle->at[idle->n++].key = o->key, idle->at[i].line = o->line;
    idle->at[i].count++;
}

/* Nobody else has a dialect of the section of a registered kind: a key that it lacks is a slip. */
static yl_status refuse_unknown(const importer *m, const yl_layer_kind *kind, const yl_cfg_option *o)
{
    char where[PLACE];
    place(m, o->line, where);
    return yl_option_unknown(kind->fields, where, o->key);
}

/* One option into a layer's options, or an error with its line. */
static yl_status set_text(const importer *m, const yl_layer_kind *kind, void *options, const char *key,
                          const char *text, int64_t line)
{
    char where[PLACE];
    yl_value value = {.kind = YL_VALUE_STRING, .string = text};
    place(m, line, where);
    return yl_options_set(kind->fields, options, where, key, &value);
}

/* Defaults, then every option of the section that is the layer's own; those in `elsewhere` are read by others. */
static yl_status fill_options(importer *m, const yl_layer_kind *kind, const char *elsewhere, void *options)
{
    if (kind->fields) YL_TRY(yl_options_defaults(kind->fields, options));
    for (int64_t i = 0; i < m->section->n_options; i++) {
        const yl_cfg_option *o = yl__cfg_at(m->cfg, m->section, i);
        yl__key_class class = YL__KEY_OTHER;
        if (!kind->context) YL_TRY(yl__key_check(m->cfg->path, m->section->kind, o, &class));
        if (class == YL__KEY_NO_EFFECT) note_idle(m, o);
        if (class != YL__KEY_OTHER || yl__listed(elsewhere, o->key)) continue;
        if (!kind->fields || !yl_option_find(kind->fields, o->key, NULL))
            YL_TRY(kind->context ? refuse_unknown(m, kind, o) : note_unknown(m, o));
        else
            YL_TRY(set_text(m, kind, options, o->key, o->value, o->line));
    }
    return YL_OK;
}

static yl_status add(importer *m, const yl_layer_kind *kind, const char *name, const void *options, int n_inputs,
                     const int *inputs)
{
    int layer;
    yl_status status = yl_net_add(m->net, kind, name, options, n_inputs, inputs, &layer);
    if (status != YL_OK)
        return yl__fail_in(status, "%s:%lld: [%s]", m->cfg->path, (long long)m->section->line, m->section->kind);
    m->net->layers[layer].section = m->index;
    m->output[m->index] = layer;
    return YL_OK;
}

static yl_status integer_option(const importer *m, const char *key, int64_t low, int64_t high, int64_t *out)
{
    const yl_cfg_option *o = yl__cfg_find(m->cfg, m->section, key);
    if (!o) return YL_OK;
    if (yl__parse_integer(o->value, out) && *out >= low && *out <= high) return YL_OK;
    return yl__fail(YL_INVALID, "%s:%lld: option '%s': expected an integer in %lld..%lld, got '%.60s'", m->cfg->path,
                    (long long)o->line, key, (long long)low, (long long)high, o->value);
}

/* Appends NAME.suffix behind the section's layer, with the option `o` if there is one. */
static yl_status add_behind(importer *m, const char *kind_name, const char *stem, const char *suffix, const char *key,
                            const yl_cfg_option *o)
{
    char name[YL_NAME + 8];
    const yl_layer_kind *kind = yl_layer_find(kind_name);
    void *options;
    if (!kind) return yl__fail(YL_UNSUPPORTED, "%s: this build has no layer '%s'", m->cfg->path, kind_name);
    YL_TRY(yl__calloc(1, kind->options_size, &options));
    snprintf(name, sizeof name, "%s.%s", stem, suffix);
    yl_status status = kind->fields ? yl_options_defaults(kind->fields, options) : YL_OK;
    if (status == YL_OK && key) status = set_text(m, kind, options, key, o->value, o->line);
    if (status == YL_OK) status = add(m, kind, name, options, 1, &m->output[m->index]);
    yl__free(options);
    return status;
}

/* batch_normalize and activation, as layers of their own behind the section's first. */
static yl_status add_companions(importer *m, bool batch_normalize, const char *default_activation)
{
    char stem[YL_NAME];
    yl_cfg_option fallback = {"activation", default_activation, m->section->line};
    const yl_cfg_option *o = yl__cfg_find(m->cfg, m->section, "activation");
    snprintf(stem, sizeof stem, "%s", m->net->layers[m->output[m->index]].name);
    if (batch_normalize) YL_TRY(add_behind(m, "batchnorm", stem, "bn", NULL, NULL));
    if (!o) o = &fallback;
    if (strcmp(o->value, "linear") == 0) return YL_OK;
    return add_behind(m, "activation", stem, "act", "activation", o);
}

/* [convolutional] and [connected]. */
static yl_status import_weighted(importer *m, const yl__section_kind *s, const yl_layer_kind *kind, void *options)
{
    int64_t batch_normalize = 0;
    int input = previous(m);
    YL_TRY(fill_options(m, kind, s->elsewhere, options));
    YL_TRY(integer_option(m, "batch_normalize", 0, 1, &batch_normalize));
    if (batch_normalize) YL_TRY(set_text(m, kind, options, "bias", "false", m->section->line));
    YL_TRY(add(m, kind, NULL, options, 1, &input));
    return add_companions(m, batch_normalize, "logistic");
}

/* A window without a size is as large as its step; to the layer it would be the whole image. */
static yl_status side_of_window(const importer *m, const yl_layer_kind *kind, void *options)
{
    const yl_cfg_option *stride = yl__cfg_find(m->cfg, m->section, "stride");
    if (yl__cfg_find(m->cfg, m->section, "size")) return YL_OK;
    return set_text(m, kind, options, "size", stride ? stride->value : "1", m->section->line);
}

static yl_status import_plain(importer *m, const yl__section_kind *s, const yl_layer_kind *kind, void *options)
{
    int input = previous(m);
    YL_TRY(fill_options(m, kind, s->elsewhere, options));
    if (yl__listed("local_avgpool local_avg", s->name)) YL_TRY(side_of_window(m, kind, options));
    return add(m, kind, NULL, options, 1, &input);
}

/* The layer that a section number means: relative where negative. */
static yl_status resolve(const importer *m, const yl_cfg_option *o, double number, int *out)
{
    double section = number < 0 ? m->index + number : number;
    if (section != (double)(int64_t)section || section < 0 || section >= m->index)
        return yl__fail(YL_INVALID,
                        "%s:%lld: option '%s': expected sections before this one (0..%d, or -1..%d), got %g",
                        m->cfg->path, (long long)o->line, o->key, m->index - 1, -m->index, number);
    *out = m->output[(int)section];
    return YL_OK;
}

static yl_status refuse_count(const char *where, const char *key, int64_t least, int64_t most, int64_t got)
{
    if (least == most)
        return yl__fail(YL_INVALID, "%s: option '%s': expected %lld section%s, got %lld", where, key, (long long)most,
                        most > 1 ? "s" : "", (long long)got);
    return yl__fail(YL_INVALID, "%s: option '%s': expected %lld to %lld sections, got %lld", where, key,
                    (long long)least, (long long)most, (long long)got);
}

/* The layers that `key` lists, appended to inputs. */
static yl_status read_sections(const importer *m, const char *key, int64_t least, int64_t most, int *n_inputs,
                               int *inputs)
{
    static const yl_field field = {.type = YL_OPTION_NUMBERS, .unit = ""};
    yl_field named = field;
    char where[PLACE];
    const yl_cfg_option *o = yl__cfg_find(m->cfg, m->section, key);
    place(m, o ? o->line : m->section->line, where);
    if (!o) return yl__fail(YL_INVALID, "%s: [%s] needs the option '%s'", where, m->section->kind, key);
    yl_value list, value = {.kind = YL_VALUE_STRING, .string = o->value};
    named.key = key;
    YL_TRY(yl_option_check(&named, where, &value, &list));
    if (list.numbers.count < least || list.numbers.count > most)
        return refuse_count(where, key, least, most, list.numbers.count);
    for (int64_t i = 0; i < list.numbers.count; i++) YL_TRY(resolve(m, o, list.numbers.at[i], &inputs[(*n_inputs)++]));
    return YL_OK;
}

static yl_status import_route(importer *m, const yl__section_kind *s, const yl_layer_kind *kind, void *options)
{
    int inputs[YL_MAX_INPUTS], n = 0;
    YL_TRY(fill_options(m, kind, s->elsewhere, options));
    YL_TRY(read_sections(m, "layers", 1, YL_MAX_INPUTS, &n, inputs));
    return add(m, kind, NULL, options, n, inputs);
}

/* The section before and the one in `from`, as Darknet has it; or both in `layers`, as the section of a layer of your own with
 * two inputs has them. */
static yl_status two_sections(const importer *m, int *inputs)
{
    int n = 0;
    const yl_cfg_option *both = yl__cfg_find(m->cfg, m->section, "layers");
    if (both && yl__cfg_find(m->cfg, m->section, "from"))
        return yl__fail(YL_INVALID, "%s:%lld: [%s] has 'from' and 'layers': expected one of them", m->cfg->path,
                        (long long)both->line, m->section->kind);
    if (both) return read_sections(m, "layers", 2, 2, &n, inputs);
    inputs[n++] = previous(m);
    return read_sections(m, "from", 1, 1, &n, inputs);
}

static yl_status import_shortcut(importer *m, const yl__section_kind *s, const yl_layer_kind *kind, void *options)
{
    int inputs[2], n = 2;
    YL_TRY(fill_options(m, kind, s->elsewhere, options));
    YL_TRY(two_sections(m, inputs));
    YL_TRY(add(m, kind, NULL, options, n, inputs));
    return add_companions(m, false, "linear");
}

/* A section that is not a layer: the one before it continues. A [cost] may only follow a loss. */
static yl_status import_nothing(importer *m)
{
    static const yl_layer_kind none = {.name = ""};
    int input = previous(m);
    m->output[m->index] = input;
    if (strcmp(m->section->kind, "cost") == 0 && (input < 0 || !m->net->layers[input].kind->loss_parts))
        return yl__fail(YL_UNSUPPORTED, "%s:%lld: [cost] is supported only after [softmax]", m->cfg->path,
                        (long long)m->section->line);
    return fill_options(m, &none, "", NULL);
}

static yl_status import_section(importer *m)
{
    static yl_status (*const importers[])(importer *, const yl__section_kind *, const yl_layer_kind *, void *) = {
        [YL__PLAIN] = import_plain,       [YL__WEIGHTED] = import_weighted, [YL__ROUTE] = import_route,
        [YL__SHORTCUT] = import_shortcut, [YL__SCALED] = import_shortcut,
    };
    const yl__section_kind *s = yl__section_find(m->section->kind);
    const yl_layer_kind *kind = s ? yl_layer_find(s->layer) : NULL;
    void *options;
    if (!s) return yl__section_unknown(m->cfg->path, m->section->line, m->section->kind);
    if (s->form == YL__NOTHING) return import_nothing(m);
    if (!kind)
        return yl__fail(YL_UNSUPPORTED, "%s:%lld: [%s]: this build has no layer '%s'", m->cfg->path,
                        (long long)m->section->line, m->section->kind, s->layer);
    YL_TRY(yl__calloc(1, kind->options_size, &options));
    yl_status status = importers[s->form](m, s, kind, options);
    yl__free(options);
    return status;
}

/* ---- [net] and the whole ---- */

static bool is_input_size(const char *key)
{
    return strcmp(key, "width") == 0 || strcmp(key, "height") == 0 || strcmp(key, "channels") == 0;
}

static yl_status read_net(importer *m, yl_device *device)
{
    int64_t width = 0, height = 0, channels = 3, letter_box = 0;
    yl_text header = {0};
    YL_TRY(integer_option(m, "width", 1, YL__MAX_SIDE, &width));
    YL_TRY(integer_option(m, "height", 1, YL__MAX_SIDE, &height));
    YL_TRY(integer_option(m, "channels", 1, YL__MAX_SIDE, &channels));
    YL_TRY(integer_option(m, "letter_box", 0, 1, &letter_box)); /* its text stays in the header */
    if (!width || !height)
        return yl__fail(YL_INVALID, "%s:%lld: [%s] needs the options 'width' and 'height'", m->cfg->path,
                        (long long)m->section->line, m->section->kind);
    YL_TRY(yl_net_create(device, height, width, channels, &m->net));
    yl_status status = yl__text_append(&header, "", 0);
    for (int64_t i = 0; i < m->section->n_options && status == YL_OK; i++) {
        const yl_cfg_option *o = yl__cfg_at(m->cfg, m->section, i);
        yl__key_class class;
        status = yl__key_check(m->cfg->path, m->section->kind, o, &class);
        if (status == YL_OK && class == YL__KEY_OTHER) status = note_unknown(m, o);
        if (status == YL_OK && !is_input_size(o->key)) status = yl__text_add(&header, "%s=%s\n", o->key, o->value);
    }
    if (status == YL_OK) status = yl__strdup(header.data, &m->net->header);
    yl__text_free(&header);
    return status;
}

static yl_status check_head(const yl_cfg *cfg)
{
    const yl_cfg_section *head = &cfg->sections[0];
    if (!yl__listed("net network", head->kind))
        return yl__fail(YL_FORMAT, "%s:%lld: expected [net] as the first section, got [%.60s]", cfg->path,
                        (long long)head->line, head->kind);
    if (cfg->n_sections < 2) return yl__fail(YL_FORMAT, "%s: expected layers after [net], got none", cfg->path);
    if (cfg->n_sections <= MAX_SECTIONS) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: %lld sections, at most %d are accepted", cfg->path, (long long)cfg->n_sections,
                    MAX_SECTIONS);
}

/* The two warnings: of keys that nobody knows, and of keys that have no effect here. */
static yl_status tell(const importer *m)
{
    const idle_keys *idle = &m->idle;
    yl_text list = {0};
    yl_status status = YL_OK;
    if (m->n_unknown > 0)
        yl__warn("%s: %d unknown option%s ignored: %s%s", m->cfg->path, m->n_unknown,
                 m->n_unknown > 1 ? "s were" : " was", m->unknown.data, m->n_unknown > NAMED ? ", ..." : "");
    int named = 0;
    for (int i = 0; i < idle->n && status == YL_OK; i++) {
        named += idle->at[i].count;
        status = yl__text_add(&list, "%s'%.40s' (%sline %lld%s)", i > 0 ? ", " : "", idle->at[i].key,
                              idle->at[i].count > 1 ? "first in " : "", (long long)idle->at[i].line,
                              idle->at[i].count > 1 ? ", and more" : "");
    }
    if (idle->total > 0 && status == YL_OK)
        yl__warn("%s: %d option%s of Darknet %s no effect here: %s%s", m->cfg->path, idle->total,
                 idle->total > 1 ? "s" : "", idle->total > 1 ? "have" : "has", list.data,
                 idle->total > named ? ", ..." : "");
    yl__text_free(&list);
    return status;
}

static yl_status import_all(importer *m, yl_device *device)
{
    m->section = &m->cfg->sections[0];
    YL_TRY(read_net(m, device));
    YL_TRY(yl__alloc(m->cfg->n_sections, sizeof *m->output, &m->output));
    for (m->index = 0; m->index + 1 < m->cfg->n_sections; m->index++) {
        m->section = &m->cfg->sections[m->index + 1];
        YL_TRY(import_section(m));
    }
    yl_status status = yl_net_finish(m->net);
    if (status != YL_OK) return yl__fail_in(status, "%s", m->cfg->path);
    return tell(m);
}

static yl_status import_cfg(yl_device *device, const yl_cfg *cfg, yl_net **out)
{
    importer m = {.cfg = cfg};
    yl_status status = check_head(cfg);
    if (status == YL_OK) status = import_all(&m, device);
    yl__free(m.output);
    yl__text_free(&m.unknown);
    if (status != YL_OK)
        yl_net_free(m.net);
    else
        *out = m.net;
    return status;
}

yl_status yl_darknet_parse_cfg(yl_device *device, const char *text, int64_t size, const char *path, yl_net **out)
{
    yl_cfg cfg;
    *out = NULL;
    YL_TRY(yl__cfg_parse(text, size, path, &cfg));
    yl_status status = import_cfg(device, &cfg, out);
    yl__cfg_free(&cfg);
    return status;
}

yl_status yl_darknet_load_cfg(yl_device *device, const char *path, yl_net **out)
{
    yl_cfg cfg;
    *out = NULL;
    YL_TRY(yl__cfg_read(path, &cfg));
    yl_status status = import_cfg(device, &cfg, out);
    yl__cfg_free(&cfg);
    return status;
}
