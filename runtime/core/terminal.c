/* How wide the terminal is: what tables, tensors and the progress line have to fit in. */
#define _GNU_SOURCE
#include "core/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

int yl__terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
