/* ncnn's files: ncnn_graph.h says what. */
#include "formats/ncnn_graph.h"
#include "core/file_group.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

enum { MAGIC = 7767517, MADE = 64 };

yl_status yl__ncnn_add(yl__ncnn *g, const yl__ncnn_layer *layer, const char **out)
{
    char *name;
    if (!*out) {
        YL_TRY(yl__export_keep(g->e, MADE, 1, &name));
        snprintf(name, MADE, "%s_%lld", layer->type, (long long)++g->made);
        *out = name;
    }
    YL_TRY(yl__reserve(g->n_layers + 1, &g->layer_capacity, sizeof *g->layers, &g->layers));
    g->layers[g->n_layers] = *layer;
    g->layers[g->n_layers++].out = *out;
    return YL_OK;
}

yl_status yl__ncnn_put(yl__ncnn *g, const float *numbers, int64_t count, bool tagged)
{
    YL_TRY(yl__reserve(g->n_numbers + 1, &g->number_capacity, sizeof *g->numbers, &g->numbers));
    g->numbers[g->n_numbers++] = (yl__ncnn_numbers){.at = numbers, .count = count, .tagged = tagged};
    return YL_OK;
}

yl_status yl__ncnn_put_bytes(yl__ncnn *g, const int8_t *bytes, int64_t count)
{
    enum { BYTES = 0x000D4B38 };
    YL_TRY(yl__ncnn_put(g, (const float *)(const void *)bytes, (count + 3) / 4, true));
    g->numbers[g->n_numbers - 1].tag = BYTES;
    return YL_OK;
}

/* A name without blanks, which separate the words of a line. */
static yl_status put_name(yl_text *text, const char *name)
{
    for (const char *p = name; *p; p++) {
        char c = (char)(*p > ' ' && *p < 127 ? *p : '_');
        YL_TRY(yl__text_append(text, &c, 1));
    }
    return YL_OK;
}

/* How many layers read the blob, and how many places outside. */
static int readers(const yl__ncnn *g, const char *blob, const char *const *outputs, int n_outputs)
{
    int count = 0;
    for (int64_t i = 0; i < g->n_layers; i++)
        for (int k = 0; k < YL_MAX_INPUTS && g->layers[i].in[k]; k++) count += strcmp(g->layers[i].in[k], blob) == 0;
    for (int i = 0; i < n_outputs; i++) count += strcmp(outputs[i], blob) == 0;
    return count;
}

static bool is_output(const char *blob, const char *const *outputs, int n_outputs)
{
    for (int i = 0; i < n_outputs; i++)
        if (strcmp(outputs[i], blob) == 0) return true;
    return false;
}

/* The k-th copy (0-based) of a blob that several read; the last one of an output keeps the blob's name. */
static yl_status put_copy(yl_text *text, const char *blob, int k)
{
    YL_TRY(yl__text_add(text, " "));
    YL_TRY(put_name(text, blob));
    return yl__text_add(text, "_copy%d", k);
}

static yl_status put_params(yl_text *text, const yl__ncnn_param *params)
{
    for (int i = 0; i < YL__NCNN_PARAMS && params[i].given; i++) {
        char value[32];
        if (params[i].whole)
            snprintf(value, sizeof value, "%lld", (long long)params[i].value);
        else
            yl__format_number(params[i].value, value);
        if (!params[i].whole && !strpbrk(value, ".e"))
            strcat(value, ".0"); /* how its reader tells it from a whole number */
        YL_TRY(yl__text_add(text, " %d=%s", params[i].id, value));
    }
    return YL_OK;
}

/* What is known of the blobs while lines are written. */
typedef struct blobs {
    const yl__ncnn *g;
    const char *const *outputs;
    int n_outputs;
    int *read;   /* by layer: how many read its output */
    int *handed; /* by layer: how many copies were handed out */
    int64_t lines, count;
} blobs;

static int64_t layer_of(const blobs *b, const char *blob)
{
    for (int64_t i = 0; i < b->g->n_layers; i++)
        if (strcmp(b->g->layers[i].out, blob) == 0) return i;
    return -1;
}

static yl_status put_inputs(blobs *b, yl_text *text, const yl__ncnn_layer *l)
{
    for (int k = 0; k < YL_MAX_INPUTS && l->in[k]; k++) {
        int64_t from = layer_of(b, l->in[k]);
        if (from >= 0 && b->read[from] > 1) {
            YL_TRY(put_copy(text, l->in[k], b->handed[from]++));
            continue;
        }
        YL_TRY(yl__text_add(text, " "));
        YL_TRY(put_name(text, l->in[k]));
    }
    return YL_OK;
}

/* The blob that a layer writes: where it is split, the input alone keeps its name, by which it is fed. */
static yl_status put_written(const blobs *b, yl_text *text, int64_t i)
{
    YL_TRY(yl__text_add(text, " "));
    YL_TRY(put_name(text, b->g->layers[i].out));
    return b->read[i] > 1 && b->g->layers[i].in[0] ? yl__text_add(text, "_whole") : YL_OK;
}

/* The layer's output under a name of its own, and a Split of it into as many blobs as are read. */
static yl_status put_split(blobs *b, yl_text *text, int64_t i)
{
    const char *blob = b->g->layers[i].out;
    bool output = is_output(blob, b->outputs, b->n_outputs);
    YL_TRY(yl__text_add(text, "Split "));
    YL_TRY(put_name(text, blob));
    YL_TRY(yl__text_add(text, "_split 1 %d", b->read[i]));
    YL_TRY(put_written(b, text, i));
    for (int k = 0; k < b->read[i] - output; k++) YL_TRY(put_copy(text, blob, k));
    if (output) {
        YL_TRY(yl__text_add(text, " "));
        YL_TRY(put_name(text, blob));
    }
    b->lines++, b->count += b->read[i];
    return yl__text_add(text, "\n");
}

static yl_status put_line(blobs *b, yl_text *text, int64_t i)
{
    const yl__ncnn_layer *l = &b->g->layers[i];
    int inputs = 0;
    while (inputs < YL_MAX_INPUTS && l->in[inputs]) inputs++;
    YL_TRY(yl__text_add(text, "%s ", l->type));
    YL_TRY(put_name(text, l->out));
    YL_TRY(yl__text_add(text, " %d 1", inputs));
    YL_TRY(put_inputs(b, text, l));
    YL_TRY(put_written(b, text, i));
    YL_TRY(put_params(text, l->params));
    YL_TRY(yl__text_add(text, "\n"));
    b->lines++, b->count++;
    return b->read[i] > 1 ? put_split(b, text, i) : YL_OK;
}

static yl_status param_text(const yl__ncnn *g, const char *const *outputs, int n_outputs, yl_text *text)
{
    blobs b = {.g = g, .outputs = outputs, .n_outputs = n_outputs};
    yl_text lines = {0};
    YL_TRY(yl__export_keep(g->e, g->n_layers + 1, sizeof *b.read, &b.read));
    YL_TRY(yl__export_keep(g->e, g->n_layers + 1, sizeof *b.handed, &b.handed));
    yl_status status = YL_OK;
    for (int64_t i = 0; i < g->n_layers; i++) b.read[i] = readers(g, g->layers[i].out, outputs, n_outputs);
    for (int64_t i = 0; i < g->n_layers && status == YL_OK; i++) status = put_line(&b, &lines, i);
    if (status == YL_OK) status = yl__text_add(text, "%d\n%lld %lld\n", MAGIC, (long long)b.lines, (long long)b.count);
    if (status == YL_OK) status = yl__text_append(text, lines.data, lines.length);
    yl__text_free(&lines);
    return status;
}

static yl_status write_numbers(const yl__ncnn *g, const char *path)
{
    yl_file_writer file;
    YL_TRY(yl__file_begin(path, &file));
    yl_status status = YL_OK;
    for (int64_t i = 0; i < g->n_numbers && status == YL_OK; i++) {
        const yl__ncnn_numbers *n = &g->numbers[i];
        if (n->tagged) status = yl__file_put(&file, &n->tag, sizeof n->tag);
        if (status == YL_OK) status = yl__file_put(&file, n->at, n->count * (int64_t)sizeof *n->at);
    }
    if (status == YL_OK) return yl__file_commit(&file);
    yl__file_discard(&file);
    return status;
}

yl_status yl__ncnn_write(yl__ncnn *g, const char *path, const char *const *outputs, int n_outputs)
{
    char *numbers;
    int stem = (int)(strlen(path) - strlen(".param"));
    yl_text text = {0};
    YL_TRY(yl__export_keep(g->e, (int64_t)stem + 5, 1, &numbers));
    snprintf(numbers, (size_t)stem + 5, "%.*s.bin", stem, path);
    yl_status status = param_text(g, outputs, n_outputs, &text);
    int64_t group = yl__file_group_begin();
    if (status == YL_OK) status = write_numbers(g, numbers);
    if (status == YL_OK) status = yl__file_write(path, text.data, text.length);
    yl__text_free(&text);
    return yl__file_group_end(group, status);
}
