/* A network out of a checkpoint alone: its structure is the note "structure" (JSON), which says for each layer its kind, name, inputs and
 * options (lua/yolua/model/structure.lua). */
#include "formats/checkpoint.h"
#include "formats/calibration.h"
#include "core/finite.h"
#include "core/memory.h"
#include "formats/json.h"

#include <inttypes.h>
#include <string.h>

static yl_status wrong(const char *path, const char *what)
{
    return yl__fail(YL_FORMAT, "%s: its structure cannot be built: expected %s", path, what);
}

/* What the network refuses, a sentence that cannot know the file, is the file's fault. */
static yl_status of_file(const char *path, yl_status status)
{
    return status == YL_OK ? YL_OK : yl__fail_in(status == YL_INVALID ? YL_FORMAT : status, "%s", path);
}

/* A member that is a text, or a whole number. */
static const char *text_of(const yl_tree *map, const char *key)
{
    const yl_tree *t = yl__tree_find(map, key);
    return t && t->kind == YL_TREE_STRING ? t->text : NULL;
}

static int64_t number_of(const yl_tree *map, const char *key, int64_t otherwise)
{
    const yl_tree *t = yl__tree_find(map, key);
    return t && t->kind == YL_TREE_INTEGER ? t->integer : otherwise;
}

static yl_status read_inputs(const yl_net *net, const char *path, const yl_tree *list, int inputs[YL_MAX_INPUTS],
                             int *n)
{
    *n = 0;
    if (!list || list->kind != YL_TREE_LIST || list->count > YL_MAX_INPUTS)
        return wrong(path, "a list of inputs for each layer");
    for (const yl_tree *t = list->first; t; t = t->next) {
        int from = t->kind == YL_TREE_INTEGER && t->integer == 0 ? -1
                   : t->kind == YL_TREE_STRING                   ? yl_net_find_layer(net, t->text)
                                                                 : -2;
        if (from < -1 || (from < 0 && t->kind == YL_TREE_STRING))
            return wrong(path, "each layer to name earlier layers as its inputs");
        inputs[(*n)++] = from;
    }
    return YL_OK;
}

static yl_status read_options(const char *path, const yl_layer_kind *kind, const yl_tree *map, void *options)
{
    if (!kind->fields) return YL_OK;
    YL_TRY(yl_options_defaults(kind->fields, options));
    if (!map || (map->kind != YL_TREE_MAP && map->count)) return wrong(path, "a map of options for each layer");
    for (const yl_tree *t = map->first; t; t = t->next) {
        if (t->kind != YL_TREE_STRING) return wrong(path, "options that are texts");
        YL_TRY(yl_options_set(kind->fields, options, path, t->key, &(yl_value){YL_VALUE_STRING, .string = t->text}));
    }
    return YL_OK;
}

static yl_status add_layer(yl_net *net, const char *path, const yl_tree *t)
{
    const char *name = text_of(t, "kind"), *own = text_of(t, "name");
    const yl_layer_kind *kind = name ? yl_layer_find(name) : NULL;
    int inputs[YL_MAX_INPUTS], count, index;
    void *options;
    if (!name || !own) return wrong(path, "a kind and a name for each layer");
    if (!kind)
        return yl__fail(YL_UNSUPPORTED, "%s: it uses the layer '%.60s', which this program does not know", path, name);
    YL_TRY(read_inputs(net, path, yl__tree_find(t, "inputs"), inputs, &count));
    YL_TRY(yl__calloc(1, kind->options_size + 1, &options));
    yl_status status = read_options(path, kind, yl__tree_find(t, "options"), options);
    if (status == YL_OK) status = of_file(path, yl_net_add(net, kind, own, options, count, inputs, &index));
    if (status == YL_OK) net->layers[index].section = (int)number_of(t, "section", -1);
    yl__free(options);
    return status;
}

static yl_status build(yl_device *device, const char *path, const yl_tree *s, yl_net **out)
{
    const yl_tree *layers = yl__tree_find(s, "layers");
    if (!layers || layers->kind != YL_TREE_LIST) return wrong(path, "width, height, channels and a list of layers");
    int64_t h = number_of(s, "h", 0), w = number_of(s, "w", 0), c = number_of(s, "c", 0);
    YL_TRY(of_file(path, yl_net_create(device, h, w, c, out)));
    yl_status status = YL_OK;
    for (const yl_tree *t = layers->first; t && status == YL_OK; t = t->next) status = add_layer(*out, path, t);
    const char *header = text_of(s, "header");
    if (status == YL_OK && header) status = yl__strdup(header, &(*out)->header);
    return status == YL_OK ? of_file(path, yl_net_finish(*out)) : status;
}

/* The weights that were evaluated are the average, where the checkpoint keeps one. */
static yl_status take_average(yl_net *net)
{
    yl_slab *ema = yl_net_has_slab(net, "ema");
    for (int r = 0; ema && r < net->n_ranges; r++) {
        yl_range *range = &net->ranges[r];
        yl_slab *values = &net->slabs[YL_SLAB_value];
        YL_TRY(net->device->copy(net->device, yl_net_at(values, range), yl_net_at(ema, range),
                                 (size_t)range->count * sizeof(float)));
        YL_TRY(yl__net_changed(net, values, range));
    }
    return yl_net_drop_training(net);
}

static yl_status decode(yl_safetensors *file, const char *path, const char *key, yl_document *out)
{
    const char *text = yl_safetensors_note_of(file, key);
    if (!text) return yl__fail(YL_FORMAT, "%s: not a checkpoint of yolua: its metadata has no '%s'", path, key);
    return yl__json_decode(text, (int64_t)strlen(text), path, out);
}

yl_status yl_checkpoint_finite(const yl_net *net, const char *path)
{
    float *values;
    YL_TRY(yl__alloc(net->n_values, sizeof *values, &values));
    yl_status status = net->device->from_device(net->device, values, net->slabs[YL_SLAB_value].data,
                                                (size_t)net->n_values * sizeof *values);
    for (int r = 0; status == YL_OK && r < net->n_ranges; r++) {
        const yl_range *range = &net->ranges[r];
        int64_t at = yl__not_finite(values + range->offset, range->count);
        if (at >= 0)
            status = yl__fail(YL_NUMERIC, "%s: %s: number %lld is not finite", path, range->name, (long long)at + 1);
    }
    yl__free(values);
    return status;
}

/* What a head finds is called by its place in the class names: there are as many of them as the head has classes. */
static yl_status check_names(const yl_net *net, const char *path, int64_t count)
{
    yl_shape *shapes;
    YL_TRY(yl__alloc(net->n_layers + 1, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    for (int i = 0; status == YL_OK && i < net->n_layers; i++) {
        const yl_layer *l = &net->layers[i];
        int classes = l->kind->head ? l->kind->head->geometry(l, shapes[i], YL_F32).classes : (int)count;
        if (classes != count)
            status = yl__fail(YL_FORMAT, "%s: its 'names': expected %d class names, as %s has classes, got %" PRId64,
                              path, classes, l->name, count);
    }
    yl__free(shapes);
    return status;
}

static yl_status count_names(const yl_net *net, yl_safetensors *file, const char *path)
{
    yl_document document = {0};
    if (!yl_safetensors_note_of(file, "names")) return YL_OK;
    yl_status status = decode(file, path, "names", &document);
    if (status == YL_OK && document.root->kind == YL_TREE_LIST) status = check_names(net, path, document.root->count);
    yl__document_free(&document);
    return status;
}

yl_status yl_checkpoint_load(yl_device *device, const char *path, yl_net **out)
{
    yl_safetensors *file;
    yl_document document = {0};
    char *calibration = NULL;
    *out = NULL;
    YL_TRY(yl_safetensors_open(path, &file));
    const char *note = yl_safetensors_note_of(file, "averaged");
    bool averaged = note && strcmp(note, "true") == 0;
    yl_status status = decode(file, path, "structure", &document);
    if (status == YL_OK) status = yl_checkpoint_format(path, yl_safetensors_note_of(file, "format"));
    if (status == YL_OK) status = build(device, path, document.root, out);
    yl__document_free(&document);
    if (status == YL_OK) status = count_names(*out, file, path);
    const char *text = yl_safetensors_note_of(file, "int8");
    if (status == YL_OK && text) status = yl__strdup(text, &calibration);
    yl_safetensors_close(file);
    if (status == YL_OK) status = yl_checkpoint_restore(*out, path, averaged);
    if (status == YL_OK && averaged) status = take_average(*out);
    if (status == YL_OK) status = yl_checkpoint_finite(*out, path);
    if (status == YL_OK && calibration) status = yl_calibration_decode(*out, calibration, path);
    yl__free(calibration);
    if (status == YL_OK) return YL_OK;
    yl_net_free(*out);
    *out = NULL;
    return status;
}

/* The texts lie behind the list of pointers, in one block. */
static yl_status copy_names(const char *path, const yl_tree *list, char ***out, int64_t *count)
{
    size_t bytes = 0;
    if (list->kind != YL_TREE_LIST) return yl__fail(YL_FORMAT, "%s: its 'names': expected a list of class names", path);
    for (const yl_tree *t = list->first; t; t = t->next) {
        if (t->kind != YL_TREE_STRING)
            return yl__fail(YL_FORMAT, "%s: its 'names': expected a list of class names", path);
        bytes += (size_t)t->length + 1;
    }
    YL_TRY(yl__alloc((int64_t)(bytes + (size_t)list->count * sizeof **out), 1, out));
    char *at = (char *)(*out + list->count);
    for (const yl_tree *t = list->first; t; t = t->next, (*count)++) {
        (*out)[*count] = at;
        memcpy(at, t->text, (size_t)t->length + 1);
        at += t->length + 1;
    }
    return YL_OK;
}

yl_status yl_checkpoint_names(const char *path, char ***names, int64_t *count)
{
    yl_safetensors *file;
    yl_document document = {0};
    *names = NULL, *count = 0;
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = decode(file, path, "names", &document);
    if (status == YL_OK) status = copy_names(path, document.root, names, count);
    yl__document_free(&document);
    yl_safetensors_close(file);
    return status;
}
