/* What was chosen before: a process-wide table, as text for checkpoints and for the cache file. */
#ifndef YL_BACKEND_CHOICES_H
#define YL_BACKEND_CHOICES_H

#include "core/text.h"

enum { YL_CHOICE_TEXT = 32, YL_CHOICE_KEY = 256 };

/* A choice is a line "key = name". All functions may be called from several threads. */

/* The name chosen for that key, copied into `name`; false if there is none. */
bool yl__choice_find(const char *key, char name[YL_CHOICE_TEXT]);
/* Remembers a choice; one that stands already is replaced. */
yl_status yl__choice_set(const char *key, const char *name);

/* Adds all choices whose keys begin with `prefix` as lines, sorted; `only_used`: those that this process asked for or that its
 * checkpoint holds, which is what a checkpoint records, since the others depend on what else ran on the machine. */
yl_status yl_choices_export(const char *prefix, bool only_used, yl_text *out);
/* Takes lines over: a checkpoint's (`ours`) replace what stands and are passed on to the next checkpoint, a cache's yield to what
 * stands. Lines that are not choices are skipped, so that a damaged cache costs a measurement and no more. */
yl_status yl_choices_import(const char *text, bool ours);
void yl_choices_clear(void);

/* Begins a choice that has to be measured: takes the cache file's lock and reads what other processes have written.
 * Returns false where no cache file can be written. `stem`: the file's name, in $XDG_CACHE_HOME/yolua or
 * $HOME/.cache/yolua. */
bool yl__choices_lock(const char *stem);
/* Writes the choices whose keys begin with `prefix` to the file if `changed`, and gives the lock back. */
void yl__choices_unlock(const char *stem, const char *prefix, bool changed);

#endif
