/* YL_BOTH marks a function that the host and a GPU share. The build says how a GPU's compiler wants it marked; others need nothing. */
#ifndef YL_CORE_BOTH_H
#define YL_CORE_BOTH_H

#ifndef YL_BOTH
#define YL_BOTH
#endif

#endif
