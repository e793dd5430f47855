/* A layer is a descriptor that answers the questions of a network and a plan. Kernels do its arithmetic.
 *
 * An instance (yl_layer) is structure only: kind, options, inputs, parameter ranges. Whatever depends on a batch or an image size
 * belongs to a plan: `prepare` gets the setting once and says what the layer needs; `forward` and `backward` then get a pass with
 * every pointer filled in. To add a layer: a file in this folder, a kernel if no existing one fits, a line in layers.def, a test. */
#ifndef YL_LAYERS_LAYER_H
#define YL_LAYERS_LAYER_H

#include "core/box.h"
#include "core/options.h"
#include "core/truth.h"
#include "kernels/kernels.h"

enum { YL_MAX_INPUTS = 16, YL_MAX_PARAMS = 8, YL_MAX_LOSS_PARTS = 8, YL_MAX_ABSORBED = 2, YL_NAME = 64 };

/* The shape of an activation. */
typedef struct yl_shape {
    int64_t n, h, w, c;
} yl_shape;

static inline int64_t yl_shape_count(yl_shape s)
{
    return s.n * s.h * s.w * s.c;
}

typedef struct yl_layer_kind yl_layer_kind;

typedef enum yl_mode { YL_INFER, YL_TRAIN } yl_mode;

/* Only weights decay and can be pruned. The kind also decides where a parameter lies in the slabs. */
typedef enum yl_param_kind { YL_WEIGHT, YL_BIAS, YL_SCALE, YL_STATISTIC } yl_param_kind;

typedef enum yl_init {
    YL_INIT_ZERO,
    YL_INIT_ONE,
    YL_INIT_FAN_IN, /* normal, standard deviation sqrt(2 / fan_in): He et al. 2015, eq. 10; fan_in = count / dims[0] */
    YL_INIT_VALUE,  /* init_value everywhere */
    YL_INIT_NORMAL, /* normal, standard deviation init_value */
} yl_init;

/* What a parameter does to an output channel o in inference:
 * FACTOR: it multiplies o's inputs; if all its numbers for o are zero, o does not depend on the inputs.
 * OFFSET: it is added to o.  CENTRE: it is subtracted from the input channel.  OTHER: anything else. */
typedef enum yl_param_role { YL_ROLE_OTHER, YL_ROLE_FACTOR, YL_ROLE_OFFSET, YL_ROLE_CENTRE } yl_param_role;

typedef struct yl_param {
    const char *name; /* "weight", "bias", "scale", "mean", "var" */
    yl_param_kind kind;
    yl_init init;
    int n_dims;
    int64_t dims[4];
    float init_value;
    yl_param_role role;
    bool per_out; /* the first dim counts output channels */
    bool per_in;  /* the last dim counts input 0's channels (of one part, see yl_channels) or a multiple of them */
} yl_param;

/* A parameter of a network: the same part of each of its slabs. */
typedef struct yl_range {
    char name[YL_NAME + 16]; /* conv3.weight, conv3.bn.mean */
    int layer;               /* index of its layer */
    yl_param_kind kind;
    yl_init init;
    float init_value;
    yl_param_role role;
    bool per_out, per_in;  /* which dims count channels: see yl_param */
    int64_t offset, count; /* in elements of a slab; statistics lie last */
    int n_dims;
    int64_t dims[4];
    bool frozen;
    float lr_mult;
    uint64_t version; /* how often the values changed */
    int64_t steps;    /* Adam: steps since the moments were zero, for the bias correction */
} yl_range;

typedef struct yl_layer {
    const yl_layer_kind *kind;
    char name[YL_NAME];                  /* conv3, conv3.bn, conv3.act, region1 */
    void *options;                       /* kind->options_size bytes, read through kind->fields */
    int n_inputs, inputs[YL_MAX_INPUTS]; /* indices of earlier layers; -1: the network's input */
    int n_params, params[YL_MAX_PARAMS]; /* indices of the network's ranges */
    int64_t in_c, out_c;                 /* channels of the first input and of the output */
    int section;                         /* number of its Darknet section; -1: none */
} yl_layer;

/* What a plan tells a layer before it runs. */
typedef struct yl_setting {
    const yl_ctx *ctx;
    yl_mode mode;                 /* of this layer: YL_INFER also if it, or its statistics, are frozen */
    bool wants_dx, wants_dparams; /* which gradients backward will have to compute */
    yl_shape in[YL_MAX_INPUTS], out;
    int64_t net_h, net_w; /* the plan's image size in pixels; YOLO's anchors are in these units */
    yl_dtype dtype;       /* of activations: of what the layer reads, and of what it writes unless out_dtype differs */
    yl_dtype out_dtype;
    bool tf32, bf16;                             /* factors of f32 may be rounded: see yl_conv2d_geom */
    yl_quant in_quant[YL_MAX_INPUTS], out_quant; /* of inputs and output of type u8 */
    const yl_layer
        *absorbed[YL_MAX_ABSORBED]; /* layers fused into this one, in the order of kind->absorbs; NULL: not */
    const char *algorithm;          /* "auto", or an algorithm to use for the shapes that it supports */
    const float *weights; /* in inference, in host memory: the values of the first parameter; NULL: not known */
} yl_setting;

/* Bytes of an activation of that shape. */
static inline size_t yl_activation_bytes(const yl_setting *setting, yl_shape shape)
{
    return (size_t)yl_shape_count(shape) * yl_dtype_bytes(setting->dtype);
}

/* Memory that the layer needs, in bytes. */
typedef struct yl_needs {
    size_t scratch; /* shared by all layers; its contents are lost between calls */
    size_t state;   /* written by forward, read by the same step's backward */
    size_t packed;  /* repacked weights; `pack` refreshes them after a parameter's version has changed */
} yl_needs;

/* Everything that a forward or backward call may use. Pointers that it has no use for are NULL. */
typedef struct yl_pass {
    const yl_ctx *ctx;
    const yl_layer *layer;
    const yl_setting *setting;
    void *prepared, *state, *packed, *scratch;
    const void *x[YL_MAX_INPUTS]; /* backward: NULL unless the layer reads X */
    void *y;                      /* backward: NULL unless the layer reads Y; may equal x[0] if kind->in_place */
    void *dx[YL_MAX_INPUTS];      /* NULL if that gradient is not needed; may equal dy if kind->in_place */
    float dx_beta[YL_MAX_INPUTS]; /* 0 overwrite, 1 add */
    void *dy;                     /* a layer with others fused into it may write what comes between them over it */
    const yl_range *range[YL_MAX_PARAMS];                        /* names and dims of the parameters */
    float *param[YL_MAX_PARAMS];                                 /* values, in the order of `params` */
    float *dparam[YL_MAX_PARAMS];                                /* gradients, to be added to; NULL if frozen */
    const float *absorbed_param[YL_MAX_ABSORBED][YL_MAX_PARAMS]; /* values of the absorbed layers' parameters */
    uint64_t seed;                                               /* for random layers: the run's seed, */
    uint32_t step, layer_index; /* the iteration, and the layer's index in the network */
    bool update_statistics;     /* forward in training: update the running statistics (off in gradient checks) */
    bool
        again; /* forward runs once more, for backward: `state` is as the first time left it, the result must be the same */
    struct yl_comm *ranks; /* whose images batch statistics are of; NULL: this process's alone */
    const yl_now *now;     /* the seed, the iteration, and the batch's share in the statistics, in device memory */
} yl_pass;

/* What a layer does with quantised activations (u8) in inference:
 * NO: it reads and writes f32.  KEEPS: it moves them, or does what needs no more than their own 8 bits; all its inputs and its output are
 * then u8. With one input, the output's quantisation is the input's.  COMPUTES: it has integer arithmetic of its own, which reads u8 and
 * writes u8 or f32. */
typedef enum yl_quant_use { YL_QUANT_NO, YL_QUANT_KEEPS, YL_QUANT_COMPUTES } yl_quant_use;

enum { YL_READS_NOTHING = 0, YL_READS_X = 1, YL_READS_Y = 2 };

/* How detect/ reads boxes from a kind's output. An entry holds the numbers of one anchor in one cell: x, y, w, h, objectness,
 * classes. */
typedef struct yl_head {
    /* How the output's channels are laid out. */
    yl_head_geom (*geometry)(const yl_layer *layer, yl_shape out, yl_dtype dtype);
    /* The box of an entry: centre and size as fractions of the network's input, which has net_w x net_h pixels. `anchor` is an
     * index into the layer's own anchors. */
    void (*decode)(const yl_layer *layer, const float *entry, int anchor, yl_cell cell, double net_w, double net_h,
                   double box[4]);
    /* Exponent of the centres' distance in suppression (yl_suppress_options.beta). NULL: 0, which is plain IoU. */
    double (*suppression_beta)(const yl_layer *layer);
} yl_head;

/* How an output channel uses input channels:
 * EACH: directly, with no weight that could leave one out: they can only be removed together.
 * MIX: as a sum weighted by a parameter that is per_out and per_in: each can be removed on its own.
 * WHOLE: by position, so that none can be removed. */
typedef enum yl_channel_use { YL_USE_EACH, YL_USE_MIX, YL_USE_WHOLE } yl_channel_use;

/* Channels first..first+count-1 of an input (0-based). */
typedef struct yl_source {
    int input;
    int64_t first, count;
    yl_channel_use use;
} yl_source;

/* What a source that is zero means for a channel with several: nothing special; the others make up the sum; the product is
 * zero. */
typedef enum yl_zero_rule { YL_ZERO_PLAIN, YL_ZERO_IN_SUM, YL_ZERO_IN_PRODUCT } yl_zero_rule;

/* What one output channel is computed from. A channel with neither EACH nor MIX cannot be removed. `parts`, `uniform` and `zero` are
 * the same for all channels of a layer. */
typedef struct yl_channels {
    int n;
    yl_source at[YL_MAX_INPUTS];
    int64_t parts; /* into how many equal parts the input channels (MIX: and the output channels) divide */
    bool uniform;  /* constant sources make it constant; if false, only zeros do, since padding is visible */
    yl_zero_rule zero;
} yl_channels;

struct yl_layer_kind {
    const char *name; /* "conv2d": the stem of its files */
    const char *stem; /* of instances' names: "conv" */
    const char *help; /* one line on what it computes, or NULL */
    const yl_field_table *fields;
    size_t options_size, prepared_size;
    int min_inputs, max_inputs;
    bool in_place;                 /* y may overwrite x[0], and dx[0] dy; their shapes are equal */
    bool random;                   /* its output in training depends on the seed */
    const char *const *loss_parts; /* names of the parts that `loss` reports, NULL-terminated; NULL: not a loss */
    bool (*has_part)(const yl_layer *layer, int part); /* whether this one reports that part; NULL: it reports all */
    const yl_head *head;                               /* NULL: its output holds no boxes */
    /* Kinds of layers that it can compute along with itself in inference, in the order in which they may follow it: NULL-terminated, at
     * most YL_MAX_ABSORBED. A plan absorbs a layer if no other layer reads its input. NULL: none. */
    const yl_layer_kind *const *absorbs;
    bool absorbs_in_training; /* too, which takes a `backward` of both */
    void *context;            /* for the functions of kinds that are registered at run time */

    /* The output's shape from those of the n_inputs inputs. Errors: INVALID, naming the layer and the sizes. */
    yl_status (*shape)(const yl_layer *layer, const yl_shape *in, yl_shape *out);
    /* The parameters at these input shapes, first the network's own; NULL: none. The names are copied. A plan of another size calls it
     * again and refuses other parameters. */
    yl_status (*params)(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count);
    /* For a batch of `in[0].n` images; a multiply-add counts 2. -1 with a sentence if they are unknown. NULL: 0. */
    int64_t (*flops)(const yl_layer *layer, const yl_shape *in, yl_shape out);
    /* What output channel `channel` (0-based) is computed from, at any height and width. `answer` comes zeroed, with parts = 1. NULL: from
     * all inputs, WHOLE. */
    yl_status (*channels)(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel,
                          yl_channels *answer);
    /* Changes a copy of the layer's options for in_c channels of the first input and out_c of the output. NULL: no option counts
     * channels. */
    void (*narrow)(const yl_layer *layer, int64_t in_c, int64_t out_c, void *options);
    /* What it does with quantised activations; the shapes are those of the plan. NULL: NO. */
    yl_quant_use (*quantised)(const yl_layer *layer, const yl_setting *setting);
    /* Which of x and y backward reads in training. NULL: neither. */
    unsigned (*reads)(const yl_layer *layer);
    /* Fills `prepared` (prepared_size bytes, zeroed) and `needs` (zeroed). NULL: nothing to prepare. */
    yl_status (*prepare)(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs);
    /* Would `prepare` prepare the same again, now that values have changed? It has done so with this setting, but for `weights`.
     * NULL: yes. */
    bool (*suits)(const yl_layer *layer, const yl_setting *setting, const void *prepared);
    /* Frees what `prepared` points to. NULL: nothing. */
    void (*release)(const yl_layer *layer, void *prepared);
    /* Refreshes p->packed from p->param (and p->absorbed_param). Called before forward if a version has changed. */
    yl_status (*pack)(yl_pass *p);
    yl_status (*forward)(yl_pass *p);
    /* Reads p->dy, writes p->dx, adds to p->dparam. NULL for losses. */
    yl_status (*backward)(yl_pass *p);
    /* Losses: after forward, compares p->y with the truth and writes the gradient with respect to x into p->dx[0], and the parts of the
     * loss (>= 0). Both are sums over images, not divided by the batch. The truth's rows and counts, and the parts, are in device
     * memory. */
    yl_status (*loss)(yl_pass *p, const yl_truth *truth, double parts[YL_MAX_LOSS_PARTS]);
    /* The name of the algorithm chosen for a direction: 0 forward, 1 backward data, 2 backward weights. NULL: there is only one. */
    const char *(*algorithm)(const void *prepared, int direction);
};

/* layers.def: L(name), one line per file of this folder that is a layer; each defines yl_layer_<name>. */
#define L(name) extern const yl_layer_kind yl_layer_##name;
#include "layers/layers.def"
#undef L

/* The kinds of layers.def, NULL-terminated. */
extern const yl_layer_kind *const yl_layer_kinds[];

/* Registers a kind under its name. It replaces one registered before under that name, which networks that use it keep. `kind` and its
 * texts must stay valid as long as any network may use them. Errors: INVALID for a name from layers.def, and beyond
 * YL_MAX_REGISTERED kinds. Neither this nor the functions below are thread-safe. */
enum { YL_MAX_REGISTERED = 64 };
yl_status yl_layer_register(const yl_layer_kind *kind);
void yl_layer_unregister(const yl_layer_kind *kind); /* does nothing if the kind is not registered */

/* The kind of that name, or NULL. */
const yl_layer_kind *yl_layer_find(const char *name);
/* The i-th registered kind (0-based), or NULL. */
const yl_layer_kind *yl_layer_registered(int i);
/* The i-th kind (0-based): first those of layers.def, then the registered ones; NULL after the last. */
const yl_layer_kind *yl_layer_at(int i);

#endif
