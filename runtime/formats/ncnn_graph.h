/* The layers of an ncnn model while it is put together, and its two files. All memory belongs to the export. */
#ifndef YL_FORMATS_NCNN_GRAPH_H
#define YL_FORMATS_NCNN_GRAPH_H

#include "formats/export.h"

enum { YL__NCNN_PARAMS = 14 };

/* A parameter "id=value" of a layer. */
typedef struct yl__ncnn_param {
    bool given, whole;
    int id;
    double value;
} yl__ncnn_param;

#define YL__NCNN_INT(id_, value_)                                                                                      \
    {                                                                                                                  \
        true, true, id_, (double)(value_)                                                                              \
    }
#define YL__NCNN_FLOAT(id_, value_)                                                                                    \
    {                                                                                                                  \
        true, false, id_, value_                                                                                       \
    }

typedef struct yl__ncnn_layer {
    const char *type;
    const char *in[YL_MAX_INPUTS]; /* the first NULL ends the list */
    yl__ncnn_param params[YL__NCNN_PARAMS];
    const char *out;
} yl__ncnn_layer;

/* Numbers of the second file. */
typedef struct yl__ncnn_numbers {
    const float *at;
    int64_t count;
    bool tagged;  /* a word before them says what they are: */
    uint32_t tag; /* f32 (0), or bytes */
} yl__ncnn_numbers;

typedef struct yl__ncnn {
    yl__export *e;
    yl__ncnn_layer *layers;
    yl__ncnn_numbers *numbers;
    int64_t n_layers, layer_capacity, n_numbers, number_capacity, made;
    const char **value; /* by layer of the network: the blob that is its output */
} yl__ncnn;

/* Appends a layer with one output, whose name is *out; NULL: a name is made and stored there. */
yl_status yl__ncnn_add(yl__ncnn *g, const yl__ncnn_layer *layer, const char **out);
/* Numbers of the layer that was added last; they must live as long as the export. */
yl_status yl__ncnn_put(yl__ncnn *g, const float *numbers, int64_t count, bool tagged);
/* The same of bytes, which are followed by room up to a multiple of four. */
yl_status yl__ncnn_put_bytes(yl__ncnn *g, const int8_t *bytes, int64_t count);
/* Writes both files. `outputs` {n_outputs}: blobs that are read from outside. A blob with several readers gets a Split. */
yl_status yl__ncnn_write(yl__ncnn *g, const char *path, const char *const *outputs, int n_outputs);

#endif
