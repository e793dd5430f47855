/* HDF5 in a build that lacks its library. */
#include "formats/hdf5.h"

yl_status yl_hdf5_read(const char *path, yl_hdf5 *out)
{
    *out = (yl_hdf5){0};
    return yl__fail(YL_UNSUPPORTED,
                    "%s: this build cannot read HDF5: install libhdf5-dev, and configure and build again", path);
}

void yl_hdf5_free(yl_hdf5 *file)
{
    (void)file;
}

bool yl_hdf5_available(void)
{
    return false;
}
