/* A network's slabs (net/slabs.def) in a safetensors file: values under the ranges' names, other slabs as "slab/name". The structure
 * and the progress of the training are stored as notes, which the Lua side writes and reads; the ranges' step counts (for Adam) as the
 * note "steps". */
#ifndef YL_FORMATS_CHECKPOINT_H
#define YL_FORMATS_CHECKPOINT_H

#include "formats/safetensors.h"
#include "net/net.h"

/* Saves the model (values and masks) and, with `full`, the state of its training. The write is atomic, and equal states give equal
 * bytes. Errors: IO; INVALID where the path does not end in .safetensors. */
yl_status yl_checkpoint_save(const yl_net *net, const char *path, bool full, const yl_safetensors_note *notes,
                             int64_t n_notes);

/* Fills the network's slabs from the file: each range must be there with its shape; slabs of the file are made. With `full` false only
 * the model is read. Numbers that the file or the network masks are zero afterwards. Everything is checked before the network is
 * changed. Errors: FORMAT naming the file and the parameter that is missing, surplus, of another shape, or a mask of other than 0 and
 * 1. */
yl_status yl_checkpoint_restore(yl_net *net, const char *path, bool full);

#endif
