/* Sentences are what vsnprintf writes, made safe to print. */
#include "core/sentence.h"

#include <stdio.h>
#include <string.h>

void yl__sentence(char *text, size_t size, const char *format, va_list arguments)
{
    int length = vsnprintf(text, size, format, arguments);
    if (length >= (int)size) memcpy(text + size - 4, "...", 4);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
}
