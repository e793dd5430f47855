/* No compiler has told the double what kernels use. */
#include "backend/usage.h"

const yl_usage *yl__usage_of(const void *, int)
{
    return nullptr;
}

bool yl__usage_known(int)
{
    return true;
}
