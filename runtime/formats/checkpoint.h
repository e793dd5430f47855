/* A network's slabs (net/slabs.def) in a safetensors file: values under the ranges' names, other slabs as "slab/name". The structure
 * and the progress of the training are stored as notes, which the Lua side writes and reads; the ranges' step counts (for Adam) as the
 * note "steps". A weight range of few different values may be packed (compress/packed.h): its entry is then bytes, of type U8 and one
 * dimension, and stands for its mask too. A file with packed ranges is guarded: one checksum covers all of it (safetensors_guard.h). One
 * without, of an older program, is read too; then only the packed ranges' own checksums are looked at. */
#ifndef YL_FORMATS_CHECKPOINT_H
#define YL_FORMATS_CHECKPOINT_H

#include "compress/packed.h"
#include "formats/safetensors.h"
#include "net/net.h"

/* What the note "format" of a checkpoint says. */
#define YL_CHECKPOINT_FORMAT "yolua 1"
/* Whether this program reads a checkpoint whose note "format" says that; NULL: it has none, as one without a structure. Errors:
 * UNSUPPORTED, naming the file, what was expected and what it says. */
yl_status yl_checkpoint_format(const char *path, const char *note);

/* Saves the model (values and masks) and, with `full`, the state of its training. The write is atomic, and equal states give equal
 * bytes. Errors: IO; INVALID where the path does not end in .safetensors. */
yl_status yl_checkpoint_save(const yl_net *net, const char *path, bool full, const yl_safetensors_note *notes,
                             int64_t n_notes);

/* What became of a range in a packed checkpoint. */
typedef struct yl_checkpoint_packed {
    int64_t bytes; /* of its entry; 0: it is stored as it is */
    yl_packed_sizes sizes;
} yl_checkpoint_packed;

/* Saves the model with every weight range packed whose numbers are then fewer bytes; `index_bits`: 0..8, or -1 for the fewest bytes.
 * ranges {net->n_ranges} says what became of each. Masked numbers come back masked, and so do other zeros of a masked range; a mask that
 * masks nothing is left out. The file is guarded. Errors: as
 * yl_checkpoint_save; NUMERIC for a weight that is not finite. */
yl_status yl_checkpoint_save_packed(const yl_net *net, const char *path, int index_bits,
                                    const yl_safetensors_note *notes, int64_t n_notes, yl_checkpoint_packed *ranges);

/* Fills the network's slabs from the file: each range must be there with its shape; slabs of the file are made. With `full` false only
 * the model is read. Numbers that the file or the network masks are zero afterwards. Everything is checked before the network is
 * changed. Errors: FORMAT naming the file and the parameter that is missing, surplus, of another shape, or a mask of other than 0 and
 * 1; UNSUPPORTED as yl_checkpoint_format has it. */
yl_status yl_checkpoint_restore(yl_net *net, const char *path, bool full);

/* A new network with the structure and the model of a checkpoint; release it with yl_net_free. Of a training that averages its weights it
 * has the average. Errors: IO; FORMAT where the file is damaged or no checkpoint; UNSUPPORTED for a layer that is not known, such as one
 * that was written in Lua; NUMERIC for a number that is not finite. */
yl_status yl_checkpoint_load(yl_device *device, const char *path, yl_net **out);
/* Whether all values of a network out of a file are finite, as inference needs them. Errors: NUMERIC, naming parameter and number. */
yl_status yl_checkpoint_finite(const yl_net *net, const char *path);
/* A checkpoint's class names in the order of their indices; release the list with yl_free. Errors: as above. */
yl_status yl_checkpoint_names(const char *path, char ***names, int64_t *count);

#endif
