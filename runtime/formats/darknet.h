/* Reads and writes a network as Darknet's two files: the cfg (structure) and the .weights (numbers).
 *
 * A [convolutional] section becomes conv3, conv3.bn (with batch_normalize) and conv3.act (unless linear). The sections' keys are the
 * layers' own options; [net] keys other than width, height and channels are kept as text in net->header. Meanings follow Darknet's
 * parser.c (pjreddie/darknet and its AlexeyAB fork). */
#ifndef YL_FORMATS_DARKNET_H
#define YL_FORMATS_DARKNET_H

#include "core/options.h"
#include "core/text.h"
#include "net/net.h"

/* Reads a cfg into a new, finished network on `device`; its values are zero. Options that no layer knows are ignored
 * with one warning that counts and names them. Errors: IO; FORMAT and INVALID with path:line: an unknown section or
 * value, a size out of range, shapes that do not fit. */
yl_status yl_darknet_load_cfg(yl_device *device, const char *path, yl_net **out);
/* The same from text; `path` is for sentences. */
yl_status yl_darknet_parse_cfg(yl_device *device, const char *text, int64_t size, const char *path, yl_net **out);

/* Writes the network as a cfg that loads to an equal network, where a layer reads another than the one before it with a route between
 * them; the file's name ends in .cfg. Errors: IO; INVALID for another
 * ending; UNSUPPORTED where a layer has no Darknet section, or one of the user's own, or reads the inside of another section (a
 * convolution before its batch-norm). */
yl_status yl_darknet_save_cfg(const yl_net *net, const char *path);
/* The same, appended to a text, where a registered kind's section stands under the kind's own name. */
yl_status yl_darknet_cfg_text(const yl_net *net, yl_text *out);

/* The head of a .weights file. `seen` counts training images; it is kept for writing and never moves a schedule. */
typedef struct yl_darknet_header {
    int32_t major, minor, revision;
    uint64_t seen;
} yl_darknet_header;

extern const yl_field_table yl_darknet_header_fields; /* of a file that no program has written before */

/* Fills the values of the first `sections` sections ([net] not counted; 0: of all) from a .weights file that holds exactly these.
 * Nothing is changed unless everything is valid. `header` may be NULL. Errors: IO; FORMAT with the path and both counts;
 * NUMERIC for a number that is not finite, by its place among those of its parameter in the file. */
yl_status yl_darknet_load_weights(yl_net *net, const char *path, int sections, yl_darknet_header *header);
/* The same from a file that holds the first sections alone, as `darknet partial` writes them (NAME.conv.N): those that it
 * holds are filled, the others keep their values. `sections`: how many of the first these are, `numbers`: what they hold; may
 * be NULL. Errors: FORMAT too where the file ends inside a section. */
yl_status yl_darknet_load_first_weights(yl_net *net, const char *path, yl_darknet_header *header, int *sections,
                                        int64_t *numbers);
/* The same for all sections from `size` bytes; `path` is for sentences. */
yl_status yl_darknet_parse_weights(yl_net *net, const char *data, int64_t size, const char *path,
                                   yl_darknet_header *header);

/* Writes all values in Darknet's order; the file's name ends in .weights. `header` NULL: the defaults. Errors: IO;
 * INVALID for another ending; UNSUPPORTED as for the cfg. */
yl_status yl_darknet_save_weights(const yl_net *net, const char *path, const yl_darknet_header *header);

#endif
