/* Messages of an ONNX graph: onnx_graph.h says what. */
#include "formats/onnx_graph.h"
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

yl_status yl__onnx_text(yl__onnx *g, const char **out, const char *format, ...)
{
    enum { MOST = YL_NAME + 64 };
    char *text;
    va_list list;
    YL_TRY(yl__export_keep(g->e, MOST, 1, &text));
    va_start(list, format);
    vsnprintf(text, MOST, format, list);
    va_end(list);
    *out = text;
    return YL_OK;
}

static yl_status copy_text(yl__onnx *g, const char *text, char **out)
{
    size_t size = strlen(text) + 1;
    YL_TRY(yl__export_keep(g->e, (int64_t)size, 1, out));
    memcpy(*out, text, size);
    return YL_OK;
}

/* Appends to one of the schema's lists, which the graph frees when it is done. */
static yl_status append(void *list, size_t *count, int64_t *capacity, void *message)
{
    void **at;
    memcpy(&at, list, sizeof at);
    YL_TRY(yl__reserve((int64_t)*count + 1, capacity, sizeof *at, &at));
    at[(*count)++] = message;
    memcpy(list, &at, sizeof at);
    return YL_OK;
}

static yl_status put_attribute(yl__onnx *g, const yl__onnx_attribute *from, Onnx__AttributeProto *to)
{
    static const Onnx__AttributeProto__AttributeType types[] = {
        ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
        ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS};
    onnx__attribute_proto__init(to);
    YL_TRY(copy_text(g, from->name, &to->name));
    to->has_type = true, to->type = types[from->type];
    if (from->type == YL__ONNX_INT) to->has_i = true, to->i = from->ints[0];
    if (from->type == YL__ONNX_FLOAT) to->has_f = true, to->f = (float)from->number;
    if (from->type == YL__ONNX_TEXT) {
        char *text;
        YL_TRY(copy_text(g, from->text, &text));
        to->has_s = true, to->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    }
    if (from->type == YL__ONNX_LIST) {
        YL_TRY(yl__export_keep(g->e, from->count, sizeof *to->ints, &to->ints));
        memcpy(to->ints, from->ints, (size_t)from->count * sizeof *to->ints);
        to->n_ints = (size_t)from->count;
    }
    return YL_OK;
}

static yl_status put_attributes(yl__onnx *g, const yl__onnx_attribute *list, Onnx__NodeProto *n)
{
    Onnx__AttributeProto *made;
    YL_TRY(yl__export_keep(g->e, YL__ONNX_ATTRIBUTES, sizeof *n->attribute, &n->attribute));
    YL_TRY(yl__export_keep(g->e, YL__ONNX_ATTRIBUTES, sizeof *made, &made));
    for (int i = 0; i < YL__ONNX_ATTRIBUTES && list[i].name; i++) {
        YL_TRY(put_attribute(g, &list[i], &made[i]));
        n->attribute[n->n_attribute++] = &made[i];
    }
    return YL_OK;
}

yl_status yl__onnx_add(yl__onnx *g, const yl__onnx_node *node, const char **out)
{
    Onnx__NodeProto *n;
    if (!*out) YL_TRY(yl__onnx_text(g, out, "%s_%lld", node->op, (long long)++g->made));
    YL_TRY(yl__export_keep(g->e, 1, sizeof *n, &n));
    onnx__node_proto__init(n);
    YL_TRY(copy_text(g, node->op, &n->op_type));
    YL_TRY(copy_text(g, *out, &n->name));
    YL_TRY(yl__export_keep(g->e, YL__ONNX_INPUTS, sizeof *n->input, &n->input));
    for (int i = 0; i < YL__ONNX_INPUTS && node->in[i]; i++) YL_TRY(copy_text(g, node->in[i], &n->input[n->n_input++]));
    YL_TRY(yl__export_keep(g->e, 1, sizeof *n->output, &n->output));
    n->n_output = 1, n->output[0] = n->name;
    YL_TRY(put_attributes(g, node->attributes, n));
    return append(&g->graph.node, &g->graph.n_node, &g->nodes, n);
}

static yl_status put_constant(yl__onnx *g, const char *name, int32_t type, int n_dims, const int64_t *dims,
                              const void *bytes, size_t each)
{
    Onnx__TensorProto *t;
    int64_t count = yl__product(n_dims, dims);
    YL_TRY(yl__export_keep(g->e, 1, sizeof *t, &t));
    onnx__tensor_proto__init(t);
    YL_TRY(copy_text(g, name, &t->name));
    YL_TRY(yl__export_keep(g->e, n_dims + 1, sizeof *t->dims, &t->dims));
    if (n_dims) memcpy(t->dims, dims, (size_t)n_dims * sizeof *dims);
    t->n_dims = (size_t)n_dims;
    t->has_data_type = true, t->data_type = type;
    t->has_raw_data = true, t->raw_data = (ProtobufCBinaryData){(size_t)count * each, (uint8_t *)(uintptr_t)bytes};
    return append(&g->graph.initializer, &g->graph.n_initializer, &g->constants, t);
}

yl_status yl__onnx_numbers(yl__onnx *g, const char *name, int n_dims, const int64_t *dims, const float *numbers)
{
    return put_constant(g, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, n_dims, dims, numbers, sizeof *numbers);
}

yl_status yl__onnx_constant(yl__onnx *g, int32_t type, int n_dims, const int64_t *dims, const void *bytes, size_t each,
                            const char **out)
{
    void *copy;
    int64_t count = yl__product(n_dims, dims);
    YL_TRY(yl__export_keep(g->e, count + 1, each, &copy));
    memcpy(copy, bytes, (size_t)count * each);
    YL_TRY(yl__onnx_text(g, out, "constant_%lld", (long long)++g->made));
    return put_constant(g, *out, type, n_dims, dims, copy, each);
}

yl_status yl__onnx_ints(yl__onnx *g, int count, const int64_t *ints, const char **out)
{
    return yl__onnx_constant(g, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &(int64_t){count}, ints, sizeof *ints, out);
}

yl_status yl__onnx_floats(yl__onnx *g, int count, const float *numbers, const char **out)
{
    return yl__onnx_constant(g, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &(int64_t){count}, numbers, sizeof *numbers,
                             out);
}

yl_status yl__onnx_float(yl__onnx *g, double number, const char **out)
{
    float f = (float)number;
    return yl__onnx_constant(g, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 0, NULL, &f, sizeof f, out);
}

static yl_status put_shape(yl__onnx *g, int n_dims, const int64_t *dims, Onnx__TensorShapeProto **out)
{
    Onnx__TensorShapeProto *shape;
    Onnx__TensorShapeProto__Dimension *made;
    YL_TRY(yl__export_keep(g->e, 1, sizeof *shape, &shape));
    onnx__tensor_shape_proto__init(shape);
    YL_TRY(yl__export_keep(g->e, n_dims, sizeof *shape->dim, &shape->dim));
    YL_TRY(yl__export_keep(g->e, n_dims, sizeof *made, &made));
    for (int i = 0; i < n_dims; i++) {
        onnx__tensor_shape_proto__dimension__init(&made[i]);
        if (dims[i] >= 0) {
            made[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            made[i].dim_value = dims[i];
        } else {
            made[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            YL_TRY(copy_text(g, "found", &made[i].dim_param));
        }
        shape->dim[shape->n_dim++] = &made[i];
    }
    *out = shape;
    return YL_OK;
}

yl_status yl__onnx_value(yl__onnx *g, bool input, const char *name, bool whole, int n_dims, const int64_t *dims)
{
    Onnx__ValueInfoProto *v;
    Onnx__TypeProto *type;
    Onnx__TypeProto__Tensor *tensor;
    YL_TRY(yl__export_keep(g->e, 1, sizeof *v, &v));
    YL_TRY(yl__export_keep(g->e, 1, sizeof *type, &type));
    YL_TRY(yl__export_keep(g->e, 1, sizeof *tensor, &tensor));
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    YL_TRY(copy_text(g, name, &v->name));
    v->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = whole ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    YL_TRY(put_shape(g, n_dims, dims, &tensor->shape));
    Onnx__GraphProto *graph = &g->graph;
    return input ? append(&graph->input, &graph->n_input, &g->inputs, v)
                 : append(&graph->output, &graph->n_output, &g->outputs, v);
}
