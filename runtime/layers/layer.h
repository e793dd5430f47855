/* A layer is a descriptor that answers what other rooms ask; the numbers are done by kernels.
 *
 * An instance (yl_layer) is structure only: kind, options, inputs, parameter ranges. Whatever depends on a batch or an image
 * size lives in a plan: `prepare` is told the setting once and says what it needs; `forward` and `backward` then get a pass
 * with every pointer filled in. To add a layer: one file here, its kernel if it needs a new one, a line
 * in layers.def, a test. */
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

/* The kind of a parameter decides decay (weights only), prunability (weights only) and its place in the slabs. */
typedef enum yl_param_kind { YL_WEIGHT, YL_BIAS, YL_SCALE, YL_STATISTIC } yl_param_kind;

typedef enum yl_init {
    YL_INIT_ZERO,
    YL_INIT_ONE,
    YL_INIT_FAN_IN, /* normal, standard deviation sqrt(2 / fan_in): He et al. 2015, eq. 10; fan_in = count / dims[0] */
    YL_INIT_VALUE,  /* init_value everywhere */
} yl_init;

/* What a parameter does to an output channel o, as long as the layer infers:
 * FACTOR: what o is made of is multiplied by it; where its numbers for o are all zero, o does not depend on the inputs.
 * OFFSET: it is added to o.  CENTRE: it is subtracted from the input's channel.  OTHER: anything else. */
typedef enum yl_param_role { YL_ROLE_OTHER, YL_ROLE_FACTOR, YL_ROLE_OFFSET, YL_ROLE_CENTRE } yl_param_role;

typedef struct yl_param {
    const char *name; /* "weight", "bias", "scale", "mean", "var" */
    yl_param_kind kind;
    yl_init init;
    int n_dims;
    int64_t dims[4];
    float init_value;
    yl_param_role role;
    bool per_out; /* the first dim counts the output's channels */
    bool
        per_in; /* the last dim counts the first input's channels (of one part, see yl_channels), once or several times over */
} yl_param;

/* What a parameter becomes in a network: a part of each of its slabs. */
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
    uint64_t version; /* counts changes of the values */
    int64_t steps;    /* of an optimizer with moments since these were zero: Adam's bias correction */
} yl_range;

typedef struct yl_layer {
    const yl_layer_kind *kind;
    char name[YL_NAME];                  /* conv3, conv3.bn, conv3.act, region1 */
    void *options;                       /* kind->options_size bytes, read through kind->fields */
    int n_inputs, inputs[YL_MAX_INPUTS]; /* indices of earlier layers; -1: the network's input */
    int n_params, params[YL_MAX_PARAMS]; /* indices of the network's ranges */
    int64_t in_c, out_c;                 /* channels of the first input and of the output */
    int section;                         /* number of the Darknet section that it came from, -1 where none */
} yl_layer;

/* What a plan tells a layer before it runs. */
typedef struct yl_setting {
    const yl_ctx *ctx;
    yl_mode mode;                 /* of this layer: a frozen one, or one with frozen statistics, runs as YL_INFER */
    bool wants_dx, wants_dparams; /* which gradients backward will be asked for */
    yl_shape in[YL_MAX_INPUTS], out;
    int64_t net_h, net_w; /* the plan's image size in pixels: YOLO heads count anchors in them */
    yl_dtype dtype;       /* of activations */
    const yl_layer
        *absorbed[YL_MAX_ABSORBED]; /* layers fused into this one, in the order of kind->absorbs; NULL: not */
    const char *algorithm;          /* "auto", or the one to use where it supports the shape */
} yl_setting;

/* Bytes of an activation of that shape. */
static inline size_t yl_activation_bytes(const yl_setting *setting, yl_shape shape)
{
    return (size_t)yl_shape_count(shape) * yl_dtype_bytes(setting->dtype);
}

/* What the layer asks of the plan, in bytes. */
typedef struct yl_needs {
    size_t scratch; /* contents lost between calls; shared by all layers */
    size_t state;   /* written by forward, read by the same step's backward */
    size_t packed;  /* repacked weights, refreshed through `pack` when a parameter's version changed */
} yl_needs;

/* Everything a forward or backward call may touch. Pointers that are not wanted are NULL. */
typedef struct yl_pass {
    const yl_ctx *ctx;
    const yl_layer *layer;
    const yl_setting *setting;
    void *prepared, *state, *packed, *scratch;
    const void *x[YL_MAX_INPUTS]; /* NULL in backward unless the layer reads X */
    void *y;                      /* NULL in backward unless the layer reads Y; may equal x[0] where kind->in_place */
    void *dx[YL_MAX_INPUTS];      /* NULL where no input gradient is wanted; may equal dy where kind->in_place */
    float dx_beta[YL_MAX_INPUTS]; /* 0 overwrite, 1 add */
    const void *dy;
    const yl_range *range[YL_MAX_PARAMS];                        /* what the parameters are: names, dims */
    float *param[YL_MAX_PARAMS];                                 /* values, in the order of `params` */
    float *dparam[YL_MAX_PARAMS];                                /* gradients, added to; NULL where frozen */
    const float *absorbed_param[YL_MAX_ABSORBED][YL_MAX_PARAMS]; /* values of the absorbed layers' parameters */
    uint64_t seed;                                               /* for layers with randomness: the run's seed, */
    uint32_t step, layer_index; /* the iteration, and which layer of the network this is */
    bool update_statistics;     /* training forward: move running statistics (off in gradient checks) */
    const yl_now *now;          /* the seed, the iteration, and the batch's share in the statistics, in device memory */
} yl_pass;

enum { YL_READS_NOTHING = 0, YL_READS_X = 1, YL_READS_Y = 2 };

/* What a kind answers whose output is read as boxes (detect/). An entry is the numbers of one anchor in one cell: x, y, w, h,
 * objectness, classes. */
typedef struct yl_head {
    /* How the output's channels are laid out. */
    yl_head_geom (*geometry)(const yl_layer *layer, yl_shape out, yl_dtype dtype);
    /* The box of an entry: centre and size as fractions of the network's input, which has net_w x net_h pixels. `anchor` counts
     * the layer's own. */
    void (*decode)(const yl_layer *layer, const float *entry, int anchor, yl_cell cell, double net_w, double net_h,
                   double box[4]);
    /* Exponent of the centre distance in suppression (yl_suppress_options.beta). NULL: 0, plain IoU. */
    double (*suppression_beta)(const yl_layer *layer);
} yl_head;

/* How an output channel uses channels of an input:
 * EACH: it is made of them one by one, with nothing in between that could leave one out: they stay or go together.
 * MIX: it is a sum over them, weighted by a parameter that is per_out and per_in: each of them can go alone.
 * WHOLE: by their places, whose meaning is fixed: none of them can go. */
typedef enum yl_channel_use { YL_USE_EACH, YL_USE_MIX, YL_USE_WHOLE } yl_channel_use;

/* `count` channels of an input, from the `first` (0-based). */
typedef struct yl_source {
    int input;
    int64_t first, count;
    yl_channel_use use;
} yl_source;

/* What zero does where a channel has several sources: nothing in particular; it leaves a sum to the others; it makes a product
 * zero. */
typedef enum yl_zero_rule { YL_ZERO_PLAIN, YL_ZERO_IN_SUM, YL_ZERO_IN_PRODUCT } yl_zero_rule;

/* What one output channel is made of. An output channel without EACH and MIX cannot go. `parts` and what follows are the same for
 * all channels of a layer. */
typedef struct yl_channels {
    int n;
    yl_source at[YL_MAX_INPUTS];
    int64_t
        parts; /* the inputs' channels that it uses (and, of MIX, the output's) always divide into so many parts of one size */
    bool
        uniform; /* sources that are constant over the image make it constant too; if not, only zeros do (a border is seen) */
    yl_zero_rule zero;
} yl_channels;

struct yl_layer_kind {
    const char *name; /* "conv2d": the stem of its files */
    const char *stem; /* of instance names: "conv" */
    const char *help; /* what it computes, in one line; NULL: nothing is said */
    const yl_field_table *fields;
    size_t options_size, prepared_size;
    int min_inputs, max_inputs;
    bool in_place;                 /* forward may write y over x[0], backward dx[0] over dy (shapes are then equal) */
    bool random;                   /* its training output depends on the seed */
    const char *const *loss_parts; /* NULL-terminated names of the parts that `loss` reports; NULL: not a loss */
    const yl_head *head;           /* NULL: its output is not read as boxes */
    /* Kinds whose work it can do in the same call in inference, NULL-terminated, at most YL_MAX_ABSORBED, in the order in which they
     * may follow it. A plan absorbs a follower that alone reads what is before it. NULL: none. */
    const yl_layer_kind *const *absorbs;
    void *context; /* of kinds that are registered at run time: what their functions need */

    /* Output shape from the inputs' (n_inputs of them). Errors: INVALID, naming the layer and the sizes. */
    yl_status (*shape)(const yl_layer *layer, const yl_shape *in, yl_shape *out);
    /* Parameters, given the shapes at the network's own size; NULL if there are none. The names are copied. Asked again for a
     * plan of another size, whose parameters have to be the same. */
    yl_status (*params)(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count);
    /* Multiply-adds count 2. Per batch of `in[0].n` images; -1 with a sentence where they cannot be told. NULL: 0. */
    int64_t (*flops)(const yl_layer *layer, const yl_shape *in, yl_shape out);
    /* What channel `channel` (0-based) of the output is made of; the answer comes zeroed, with parts = 1. It holds for every height
     * and width. NULL: of all inputs, WHOLE. */
    yl_status (*channels)(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel,
                          yl_channels *answer);
    /* Changes a copy of the layer's options to those of the layer that is left when its first input has in_c channels and its output
     * out_c. NULL: no option counts channels. */
    void (*narrow)(const yl_layer *layer, int64_t in_c, int64_t out_c, void *options);
    /* Which of x and y backward reads, in training mode. NULL: nothing. */
    unsigned (*reads)(const yl_layer *layer);
    /* Fills `prepared` (prepared_size bytes, zeroed) and `needs` (zeroed). NULL: nothing to prepare. */
    yl_status (*prepare)(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs);
    /* Lets go of what `prepared` holds besides its own bytes. NULL: nothing. */
    void (*release)(const yl_layer *layer, void *prepared);
    /* Refreshes p->packed from p->param (and p->absorbed_param). Called before forward when a version changed. */
    yl_status (*pack)(yl_pass *p);
    yl_status (*forward)(yl_pass *p);
    /* Reads p->dy, writes p->dx, adds to p->dparam. NULL for losses. */
    yl_status (*backward)(yl_pass *p);
    /* For losses, after forward: compares p->y (what forward made of x) with the truth, writes the gradient with respect to x
     * into p->dx[0] as sums over images (not divided by the batch), and the parts (sums over images, >= 0). The truth's rows and
     * counts, and the parts, are in device memory. */
    yl_status (*loss)(yl_pass *p, const yl_truth *truth, double parts[YL_MAX_LOSS_PARTS]);
    /* Name of the algorithm chosen for direction 0 forward, 1 backward data, 2 backward weights. NULL: there is no choice. */
    const char *(*algorithm)(const void *prepared, int direction);
};

/* layers.def: L(name), one line per file of this folder that is a layer; each defines yl_layer_<name>. */
#define L(name) extern const yl_layer_kind yl_layer_##name;
#include "layers/layers.def"
#undef L

/* The kinds of layers.def, NULL-terminated. */
extern const yl_layer_kind *const yl_layer_kinds[];

/* Makes a kind known by its name, besides those of layers.def; one of that name that was registered before makes way, networks
 * that were built with it keep it. The caller keeps `kind` and its texts for as long as any network may use it. Errors:
 * INVALID for a name of layers.def, or where YL_MAX_REGISTERED are known. Not thread-safe, as little as what follows. */
enum { YL_MAX_REGISTERED = 64 };
yl_status yl_layer_register(const yl_layer_kind *kind);
void yl_layer_unregister(const yl_layer_kind *kind); /* one that is not registered (any more) is left alone */

/* The kind of that name, or NULL. */
const yl_layer_kind *yl_layer_find(const char *name);
/* The i-th that was registered (0-based), or NULL. */
const yl_layer_kind *yl_layer_registered(int i);
/* The i-th kind (0-based): those of layers.def, then those that were registered; NULL behind the last. */
const yl_layer_kind *yl_layer_at(int i);

#endif
