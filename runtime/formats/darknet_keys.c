/* The keys that AlexeyAB/darknet's and pjreddie/darknet's parser.c read, section by section, besides those that are options of
 * our layers (runtime/layers/x.c: these are computed) and those that the import itself reads (darknet_sections.c). */
#include "formats/darknet_keys.h"
#include "core/text.h"
#include "formats/darknet_sections.h"

#include <string.h>

typedef struct row {
    const char *sections; /* blank-separated; "*": every one */
    const char *keys;
    const char *neutral; /* the value that asks for nothing; "" if there is none */
    const char *refused; /* what it would change; NULL: it has no effect here */
} row;

#define CONV "convolutional conv"
#define POOL "maxpool max local_avgpool local_avg"
#define SUM "shortcut sam scale_channels"

static const row rows[] = {
    /* other arithmetic */
    {CONV, "xnor binary", "0", "weights and inputs would be rounded to two values"},
    {CONV, "antialiasing", "0", "a blur would follow"},
    {CONV, "cbn", "0", "batch-norm would span several batches"},
    {CONV, "share_index", "", "weights would be shared with another section"},
    {CONV, "assisted_excitation", "0", "the truth would be mixed into activations while training"},
    {CONV, "sway rotate stretch stretch_sway", "0", "kernels would be deformed"},
    {CONV, "coordconv", "0", "coordinates would be added to the input"},
    {CONV, "flipped", "0", "weights would be transposed"},
    {"maxpool max", "maxpool_depth", "0", "the maximum would be over channels"},
    {"maxpool max", "antialiasing", "0", "a blur would follow"},
    {"maxpool max", "maxpool_zero_nonmax", "0", "the input would be changed"},
    {"shortcut", "weights_type weights_normalization", "none", "the sum would be weighted"},
    {"reorg reorg3d", "reverse flatten extra", "0", "the order would differ"},
    {"softmax soft", "groups temperature", "1", "the probabilities would differ"},
    {"softmax soft", "spatial", "0", "the probabilities would differ"},
    {"softmax soft region", "tree", "", "classes would form a hierarchy"},
    {"region", "background", "0", "objectness would differ"},
    {CONV " connected conn softmax soft", "attributes", "none",
     "only [yolo] and [region] predict labels beside the class"},
    {"*", "dontload dontloadscales", "0", "numbers of the weights file would be left out"},
    /* nothing that this program does: running on a GPU, tracking, drawing */
    {"*", "stream wait_stream", "-1", NULL},
    {CONV, "bin_output dot", "0", NULL},
    {CONV, "angle", "", NULL},                 /* of rotate, sway, ... */
    {"maxpool max", "out_channels", "", NULL}, /* of maxpool_depth */
    {"avgpool avg", "size stride stride_x stride_y padding", "",
     NULL}, /* [avgpool] takes the whole image, as in Darknet */
    {"yolo", "show_details track_history_size sim_thresh dets_for_track dets_for_show track_ciou_norm embedding_layer",
     "", NULL},
    {"yolo region", "map", "", NULL},
    {"cost", "type scale ratio", "", NULL},
    /* training, where it is done otherwise here */
    {"*", "onlyforward dont_update burnin_update train_only_bn clip", "0", NULL},
    {"connected conn activation batchnorm dropout route upsample reorg reorg3d avgpool avg " POOL " " SUM,
     "stopbackward", "0", NULL}, /* that of a convolution is an option of its layer */
    {"*", "learning_rate", "1", NULL},
    {CONV, "grad_centr reverse", "0", NULL},
    {"dropout", "dropblock dropblock_size_rel dropblock_size_abs", "0", NULL},
    {"softmax soft", "noloss", "0", NULL},
    {"yolo", "max max_delta counters_per_class", "", NULL},
    {"yolo", "objectness_smooth focal_loss", "0", NULL},
    {"yolo", "delta_normalizer resize", "1", NULL},
    {"yolo", "iou_thresh_kind", "iou", NULL},
    {"yolo", "uc_normalizer beta1", "1", NULL},
    {"region", "max mask_scale", "", NULL},
    {"region", "focal_loss log sqrt classfix", "0", NULL},
    {"region", "resize", "1", NULL},
    /* [net]: width, height, channels and letter_box are read here; training says the others otherwise (lua/yolua/train/cfg.lua) */
    {"net network",
     "width height channels letter_box inputs batch subdivisions time_steps max_batches max_epochs seen learning_rate "
     "learning_rate_min momentum decay adam B1 B2 beta1 eps burn_in power policy step scale steps scales seq_scales "
     "gamma "
     "sgdr_cycle sgdr_mult angle aspect saturation exposure hue flip blur gaussian_noise mixup cutmix mosaic "
     "mosaic_bound "
     "max_crop min_crop center random resize_step label_smooth_eps ema_alpha track augment_speed "
     "sequential_subdivisions "
     "try_fix_nan weights_reject_freq equidistant_point badlabels_rejection_percentage num_sigmas_reject_badlabels "
     "use_cuda_graph loss_scale dynamic_minibatch optimized_memory workspace_size_limit_MB contrastive "
     "contrastive_jit_flip "
     "contrastive_color unsupervised attention adversarial_lr max_chart_loss show_receptive_field",
     "", NULL},
};

static bool is_neutral(const row *r, const char *value)
{
    double a, b;
    if (strcmp(r->neutral, value) == 0) return true;
    return yl__parse_number(r->neutral, &a) && yl__parse_number(value, &b) && a == b;
}

static const row *find(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((strcmp(rows[i].sections, "*") == 0 || yl__listed(rows[i].sections, section)) &&
            yl__listed(rows[i].keys, key))
            return &rows[i];
    return NULL;
}

yl_status yl__key_check(const char *path, const char *section, const yl_cfg_option *o, yl__key_class *out)
{
    const row *r = find(section, o->key);
    *out = YL__KEY_OTHER;
    if (!r) return YL_OK;
    *out = is_neutral(r, o->value) ? YL__KEY_NEUTRAL : YL__KEY_NO_EFFECT;
    if (!r->refused || *out == YL__KEY_NEUTRAL) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s:%lld: [%s] %s=%.40s is not supported: %s", path, (long long)o->line, section,
                    o->key, o->value, r->refused);
}
