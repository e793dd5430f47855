/* A lock on a file that processes agree to take before they write beside it. The system releases it when its process ends, however that
 * happens. */
#ifndef YL_CORE_LOCK_H
#define YL_CORE_LOCK_H

#include "core/status.h"

/* Takes the lock on `path`, a file that is made where it is missing; *held is -1 where another holder has it. Errors: IO with the path. */
yl_status yl__lock_take(const char *path, int *held);
void yl__lock_release(int held);

#endif
