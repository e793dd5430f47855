/* What a loader can be asked for. */
#include "loader/loader_options.h"

#include <math.h>

#define AT(member) YL_MEMBER(yl_loader_options, member)
static const yl_field fields[] = {
    {"batch", YL_OPTION_INT, "8", "images", "images per batch", 1, 65536, NULL, "batch_size bs batchsize", AT(batch)},
    {"width", YL_OPTION_INT, NULL, "px", "width of the input", 1, 65536, NULL, "w", AT(w)},
    {"height", YL_OPTION_INT, NULL, "px", "height of the input", 1, 65536, NULL, "h", AT(h)},
    {"parts", YL_OPTION_INT, "1", "", "parts that a batch is computed in", 1, 65536, NULL, "accumulate accum",
     AT(parts)},
    {"ranks", YL_OPTION_INT, "1", "", "training: processes that share each batch", 1, 65536, NULL, NULL, AT(ranks)},
    {"rank", YL_OPTION_INT, "0", "", "which of them this is", 0, 65535, NULL, NULL, AT(rank)},
    {"resize", YL_OPTION_ENUM, "stretch", "", "how an image is fitted to the input size", 0, 0, "stretch|letterbox",
     NULL, AT(letterbox)},
    {"train", YL_OPTION_BOOL, "false", "", "shuffled, augmented, in whole steps", 0, 0, NULL, NULL, AT(train)},
    {"strict", YL_OPTION_BOOL, "true", "", "a malformed frame is an error (false: a counted warning)", 0, 0, NULL, NULL,
     AT(strict)},
    {"told", YL_OPTION_BOOL, "false", "", "the caller looks at the batch's failures", 0, 0, NULL, NULL, AT(told)},
    {"attributes", YL_OPTION_BOOL, "false", "", "truth rows have attributes: alpha, occluded, truncated", 0, 0, NULL,
     NULL, AT(attributes)},
    {"exif", YL_OPTION_ENUM, "ignore", "", "apply: turn pictures as their EXIF orientation says", 0, 0, "ignore|apply",
     NULL, AT(upright)},
    {"seed", YL_OPTION_INT, "1", "", "seed of order and augmentation", 0, INFINITY, NULL, "random_seed manual_seed",
     AT(seed)},
    {"workers", YL_OPTION_INT, "2", "threads", "decoding threads", 0, 256, NULL, "num_workers nw", AT(workers)},
    {"cache", YL_OPTION_NUMBER, "2048", "MiB", "memory for decoded frames", 0, INFINITY, NULL, NULL, AT(cache)},
    {"device_cache", YL_OPTION_NUMBER, "0", "MiB", "memory of the device for decoded frames", 0, INFINITY, NULL, NULL,
     AT(device_cache)},
    {"cache_dir", YL_OPTION_STRING, NULL, "", "a folder for decoded frames (off by default)", 0, 0, NULL, NULL,
     AT(cache_dir)},
};
const yl_field_table yl_loader_fields = YL_FIELD_TABLE("loader", fields);
