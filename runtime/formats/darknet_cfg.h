/* The text of a Darknet cfg: [sections] of key=value lines, comments and blanks. Nothing here knows what a section
 * means. */
#ifndef YL_FORMATS_DARKNET_CFG_H
#define YL_FORMATS_DARKNET_CFG_H

#include "core/status.h"

typedef struct yl_cfg_option {
    const char *key, *value; /* without the blanks around them */
    int64_t line;            /* 1-based */
} yl_cfg_option;

typedef struct yl_cfg_section {
    const char *kind; /* "convolutional" */
    int64_t line, n_options;
    int64_t first; /* index of its first option in the cfg's list */
} yl_cfg_section;

typedef struct yl_cfg { /* release with yl__cfg_free */
    char *path, *text;
    int64_t n_sections, n_options, section_capacity, option_capacity;
    yl_cfg_section *sections;
    yl_cfg_option *options;
    int64_t n_repeated;     /* lines whose key their section had before: left out with one warning, */
    yl_cfg_option repeated; /* which names the first of them */
} yl_cfg;

/* Splits `size` bytes into *out (zeroed before; empty on failure). '#' and ';' begin a comment at the start of a line
 * or after a blank. Of a key given twice in its section the first counts, as in Darknet, some of whose published files
 * have such lines. Errors: FORMAT, "path:line: ...": bytes that are not text, a line over 4096 bytes, no '=', nothing
 * before or after it, options before the first section, no section at all. */
yl_status yl__cfg_parse(const char *text, int64_t size, const char *path, yl_cfg *out);
/* The same from a file. Errors: IO too. */
yl_status yl__cfg_read(const char *path, yl_cfg *out);
void yl__cfg_free(yl_cfg *cfg);

/* The i-th option of a section. */
static inline const yl_cfg_option *yl__cfg_at(const yl_cfg *cfg, const yl_cfg_section *section, int64_t i)
{
    return &cfg->options[section->first + i];
}
/* The option of that key, or NULL. */
const yl_cfg_option *yl__cfg_find(const yl_cfg *cfg, const yl_cfg_section *section, const char *key);

#endif
