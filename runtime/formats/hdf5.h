/* Tensors out of HDF5 files as Keras writes them: whole models (.h5) and weights (.weights.h5). HDF5's own library reads the container; a
 * build without it refuses in one sentence. */
#ifndef YL_FORMATS_HDF5_H
#define YL_FORMATS_HDF5_H

#include "formats/state_dict.h"

typedef struct yl_hdf5 { /* release with yl_hdf5_free */
    char *config;        /* the attribute "model_config" (JSON) of a whole model; NULL: there is none */
    yl_state state;      /* names are paths of datasets: model_weights/conv2d_1/conv2d_1/kernel:0 */
} yl_hdf5;

/* Reads every dataset of floating-point numbers below "model_weights", or where that is absent of the whole file but for the optimizer's.
 * Numbers of 16, 32 and 64 bits become f32; those of 16 bits exactly. Links out of the file are not followed, datasets whose numbers lie
 * outside it are refused, as are more numbers than its bytes can hold, or than 2^30. HDF5's library crashes on some damaged files, so that
 * a copy of this process reads the file first. Errors: IO; FORMAT for what is no HDF5 file, or damaged; UNSUPPORTED in a build without
 * HDF5; MEMORY. */
yl_status yl_hdf5_read(const char *path, yl_hdf5 *out);
void yl_hdf5_free(yl_hdf5 *file);
bool yl_hdf5_available(void);

#endif
