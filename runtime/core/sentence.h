/* A sentence for a person, out of a format and its arguments. */
#ifndef YL_CORE_SENTENCE_H
#define YL_CORE_SENTENCE_H

#include <stdarg.h>
#include <stddef.h>

/* text {size, at least 4}: one line, which ends in "..." where it had to be cut. Bytes that would break a line or command a terminal, as
 * names in files may hold them, are '?'. */
void yl__sentence(char *text, size_t size, const char *format, va_list arguments);

#endif
