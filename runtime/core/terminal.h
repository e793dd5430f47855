/* The terminal that standard output may be. */
#ifndef YL_CORE_TERMINAL_H
#define YL_CORE_TERMINAL_H

/* Its width in columns, asked anew each time (windows change); 0 where standard output is no terminal or does not know. */
int yl__terminal_columns(void);

#endif
