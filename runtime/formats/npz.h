/* NumPy's arrays: .npy (one) and .npz (a zip archive of them, stored or deflated). Floating-point numbers of 16, 32 and 64 bits, of either
 * order of bytes, in C's or Fortran's order, become f32 in C's. Format: numpy.lib.format, and PKWARE's APPNOTE for the archive. */
#ifndef YL_FORMATS_NPZ_H
#define YL_FORMATS_NPZ_H

#include "formats/state_dict.h"

/* The arrays of a .npz (by their names in the archive, without ".npy"), or the one of a .npy (by the file's name). Sizes are checked against
 * the file's before anything is allocated for them. Errors: IO; FORMAT, naming the file and the array; UNSUPPORTED for integers and other
 * types, zip64 and other compressions. */
yl_status yl_npz_read(const char *path, yl_state *out);
/* The same from bytes; `path` is for sentences and the name of a single array. */
yl_status yl_npz_parse(const char *path, const char *bytes, int64_t size, yl_state *out);

#endif
