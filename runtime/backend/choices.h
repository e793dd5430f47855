/* Choices made before: a table of the process, which checkpoints and a cache file keep as text. */
#ifndef YL_BACKEND_CHOICES_H
#define YL_BACKEND_CHOICES_H

#include "core/text.h"

enum { YL_CHOICE_TEXT = 32, YL_CHOICE_KEY = 256 };

/* A choice is a line "key = name". All functions may be called from several threads. */

/* Copies the name chosen for that key; false if there is none. */
bool yl__choice_find(const char *key, char name[YL_CHOICE_TEXT]);
/* Stores a choice in place of an earlier one. */
yl_status yl__choice_set(const char *key, const char *name);

/* Adds the choices whose keys begin with `prefix` as sorted lines. `only_used`: only those that this process asked for or that its
 * checkpoint holds; a checkpoint records no others, since those depend on what else ran on the machine. */
yl_status yl_choices_export(const char *prefix, bool only_used, yl_text *out);
/* Reads lines. Those of a checkpoint (`ours`) replace existing choices and go into the next checkpoint; those of a cache do not replace
 * any. Other lines are skipped, so that a damaged cache file only costs a measurement. */
yl_status yl_choices_import(const char *text, bool ours);
void yl_choices_clear(void);

/* Before a measurement: locks the cache file and reads what other processes have written. Returns false if no cache file can be written.
 * `stem`: the file's name, in $XDG_CACHE_HOME/yolua or
 * $HOME/.cache/yolua. */
bool yl__choices_lock(const char *stem);
/* If `changed`, writes the choices whose keys begin with `prefix` to the file. Releases the lock. */
void yl__choices_unlock(const char *stem, const char *prefix, bool changed);

#endif
