/* The ONNX model around the graph, and its file. */
#include "formats/onnx.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/version.h"
#include "formats/onnx_heads.h"
#include "formats/onnx_layers.h"
#include "formats/onnx_quant.h"

#include <string.h>

/* An output whose value has another name already (two heads on one layer, the network's own input, a layer that is left out). */
static yl_status put_output(yl__onnx *g, int layer, const char *value)
{
    const char *name = g->e->net->layers[layer].name;
    yl_shape s = g->e->shapes[layer];
    if (strcmp(name, value) != 0) YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Identity", {value}, {{0}}}, &name));
    return yl__onnx_value(g, false, name, false, 4, (int64_t[]){s.n, s.c, s.h, s.w});
}

static yl_status put_outputs(yl__onnx *g, const char *const *entering)
{
    const yl_net *net = g->e->net;
    bool raw = g->e->options->heads == YL_EXPORT_RAW;
    for (int i = 0; i < net->n_layers; i++) {
        if (!yl__export_is_output(g->e, i) || (net->layers[i].kind->head && !raw)) continue;
        int from = yl__export_source(g->e, i);
        YL_TRY(put_output(g, i, entering[i] ? entering[i] : from < 0 ? "image" : g->value[from]));
    }
    return raw ? YL_OK : yl__onnx_decode(g, entering);
}

static yl_status put_graph(yl__onnx *g)
{
    const yl_net *net = g->e->net;
    const char **entering;
    onnx__graph_proto__init(&g->graph);
    g->graph.name = (char *)(uintptr_t) "yolua";
    YL_TRY(yl__export_keep(g->e, net->n_layers + 1, sizeof *g->value, &g->value));
    YL_TRY(yl__export_keep(g->e, net->n_layers + 1, sizeof *entering, &entering));
    YL_TRY(yl__export_names(g->e, g->e->options->heads == YL_EXPORT_RAW, g->value, entering));
    YL_TRY(yl__onnx_value(g, true, "image", false, 4, (int64_t[]){g->e->options->batch, net->c, net->h, net->w}));
    for (int i = 0; i < net->n_layers; i++) {
        if (g->e->left_out[i] || net->layers[i].kind->head) continue;
        YL_TRY(yl__onnx_layer(g, i));
        YL_TRY(yl__onnx_quantise_output(g, i));
    }
    return put_outputs(g, entering);
}

/* The schema's way to take bytes as they come: no copy of the whole model is made. */
typedef struct sink {
    ProtobufCBuffer base;
    yl_file_writer file;
    yl_status status;
} sink;

static void sink_append(ProtobufCBuffer *buffer, size_t count, const uint8_t *bytes)
{
    sink *s = (sink *)buffer;
    if (s->status == YL_OK) s->status = yl__file_put(&s->file, bytes, (int64_t)count);
}

static yl_status write(const Onnx__ModelProto *model, const char *path)
{
    sink s = {.base = {sink_append}};
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX)
        return yl__fail(YL_UNSUPPORTED, "%s: a file of %zu bytes is more than ONNX's format can hold (2 GiB)", path,
                        size);
    YL_TRY(yl__file_begin(path, &s.file));
    protobuf_c_message_pack_to_buffer(&model->base, &s.base);
    if (s.status == YL_OK) return yl__file_commit(&s.file);
    yl__file_discard(&s.file);
    return s.status;
}

static yl_status put_notes(yl__export *e, Onnx__ModelProto *m, const yl_safetensors_note *notes, int64_t count)
{
    Onnx__StringStringEntryProto *made;
    YL_TRY(yl__export_keep(e, count + 1, sizeof *made, &made));
    YL_TRY(yl__export_keep(e, count + 1, sizeof *m->metadata_props, &m->metadata_props));
    for (int64_t i = 0; i < count; i++) {
        onnx__string_string_entry_proto__init(&made[i]);
        made[i].key = (char *)(uintptr_t)notes[i].key;
        made[i].value = (char *)(uintptr_t)notes[i].value;
        m->metadata_props[m->n_metadata_props++] = &made[i];
    }
    return YL_OK;
}

static yl_status save(yl__onnx *g, const char *path, const yl_safetensors_note *notes, int64_t n_notes)
{
    Onnx__ModelProto model;
    Onnx__OperatorSetIdProto operators, *list[] = {&operators};
    YL_TRY(put_graph(g));
    onnx__model_proto__init(&model);
    onnx__operator_set_id_proto__init(&operators);
    operators.has_version = true, operators.version = g->e->options->opset;
    operators.domain = (char *)(uintptr_t) "";
    model.has_ir_version = true, model.ir_version = g->e->options->opset < 15 ? 7 : 8;
    model.producer_name = (char *)(uintptr_t) "yolua";
    model.producer_version = (char *)(uintptr_t)yl_version();
    model.n_opset_import = 1, model.opset_import = list;
    model.graph = &g->graph;
    YL_TRY(put_notes(g->e, &model, notes, n_notes));
    return write(&model, path);
}

yl_status yl_onnx_save(const yl_net *net, const char *path, const yl_export_options *options,
                       const yl_safetensors_note *notes, int64_t n_notes)
{
    yl__export e = {0};
    yl__onnx g = {.e = &e};
    YL_TRY(yl__file_ending(path, ".onnx", "an ONNX model"));
    yl_status status = yl__export_open(net, options, &e);
    if (status == YL_OK) status = save(&g, path, notes, n_notes);
    yl__free(g.graph.node), yl__free(g.graph.initializer), yl__free(g.graph.input), yl__free(g.graph.output);
    yl__export_close(&e);
    return status;
}

bool yl_onnx_available(void)
{
    return true;
}
