/* The version of the library. */
#ifndef YL_CORE_VERSION_H
#define YL_CORE_VERSION_H

/* "MAJOR.MINOR.PATCH", the version that the library was built as. */
const char *yl_version(void);

#endif
