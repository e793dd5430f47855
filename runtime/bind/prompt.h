/* What the program's signal handler has to know about the prompt. */
#ifndef YL_BIND_PROMPT_H
#define YL_BIND_PROMPT_H

#include <signal.h>

extern volatile sig_atomic_t yl__at_prompt; /* 1 while a line is being typed: then Ctrl-C only ends that line */

#endif
