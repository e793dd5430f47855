/* The graph of an ONNX file while it is put together: nodes, constants and values, in the messages of the schema. All memory belongs to the
 * export. */
#ifndef YL_FORMATS_ONNX_GRAPH_H
#define YL_FORMATS_ONNX_GRAPH_H

#include "formats/export.h"

#include <onnx.pb-c.h>

typedef struct yl__onnx {
    yl__export *e;
    Onnx__GraphProto graph;
    int64_t nodes, constants, inputs, outputs; /* capacities of the graph's lists */
    int64_t made;                              /* for names */
    const char **value;                        /* by layer: the value that is its output */
} yl__onnx;

enum { YL__ONNX_INTS = 6, YL__ONNX_ATTRIBUTES = 6, YL__ONNX_INPUTS = YL_MAX_INPUTS };

typedef struct yl__onnx_attribute {
    const char *name; /* NULL: ends the list */
    enum { YL__ONNX_INT, YL__ONNX_FLOAT, YL__ONNX_TEXT, YL__ONNX_LIST } type;
    int64_t ints[YL__ONNX_INTS];
    int count; /* of a list */
    double number;
    const char *text;
} yl__onnx_attribute;

typedef struct yl__onnx_node {
    const char *op;
    const char *in[YL__ONNX_INPUTS]; /* the first NULL ends the list; "": an input that is left out */
    yl__onnx_attribute attributes[YL__ONNX_ATTRIBUTES];
} yl__onnx_node;

/* Text that lives as long as the export. */
yl_status yl__onnx_text(yl__onnx *g, const char **out, const char *format, ...) YL__PRINTF(3, 4);
/* Appends a node with one output, whose name is *out; NULL: a name is made and stored there. */
yl_status yl__onnx_add(yl__onnx *g, const yl__onnx_node *node, const char **out);
/* A tensor of numbers, which stay the caller's and must live as long as the export. */
yl_status yl__onnx_numbers(yl__onnx *g, const char *name, int n_dims, const int64_t *dims, const float *numbers);
/* A copy of numbers of a type of the schema as a constant of a made name. */
yl_status yl__onnx_constant(yl__onnx *g, int32_t type, int n_dims, const int64_t *dims, const void *bytes, size_t each,
                            const char **out);
/* A list of whole numbers, a list of numbers, or a single number as constants of made names. */
yl_status yl__onnx_ints(yl__onnx *g, int count, const int64_t *ints, const char **out);
yl_status yl__onnx_floats(yl__onnx *g, int count, const float *numbers, const char **out);
yl_status yl__onnx_float(yl__onnx *g, double number, const char **out);
/* An input or output of the graph, of f32 or of i64; a size of -1 is not known before it runs. */
yl_status yl__onnx_value(yl__onnx *g, bool input, const char *name, bool whole, int n_dims, const int64_t *dims);

#endif
