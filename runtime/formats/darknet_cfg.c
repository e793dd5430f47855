/* Darknet cfg text: one pass over the lines of a private copy, which the sections then point into. */
#include "formats/darknet_cfg.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"

#include <string.h>

enum { LONGEST_LINE = 4096 };

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends of [text, end) and ends it with a NUL. */
static char *trim(char *text, char *end)
{
    while (end > text && blank(end[-1])) end--;
    while (text < end && blank(*text)) text++;
    *end = '\0';
    return text;
}

static char *without_comment(char *text, char *end)
{
    for (char *p = text; p < end; p++)
        if ((*p == '#' || *p == ';') && (p == text || blank(p[-1]))) return p;
    return end;
}

static yl_status check_line(const yl_cfg *cfg, const char *text, const char *end, int64_t line)
{
    if (end - text > LONGEST_LINE)
        return yl__fail(YL_FORMAT, "%s:%lld: a line of %lld bytes, at most %d were expected (is this a cfg?)",
                        cfg->path, (long long)line, (long long)(end - text), LONGEST_LINE);
    for (const char *p = text; p < end; p++)
        if ((unsigned char)*p < 0x20 && !blank(*p))
            return yl__fail(YL_FORMAT, "%s:%lld: byte 0x%02x at column %lld, text was expected (is this a cfg?)",
                            cfg->path, (long long)line, (unsigned char)*p, (long long)(p - text + 1));
    return YL_OK;
}

static yl_status add_section(yl_cfg *cfg, char *text, int64_t line)
{
    char *close = strchr(text, ']');
    const char *kind = close && !close[1] ? trim(text + 1, close) : "";
    if (!*kind)
        return yl__fail(YL_FORMAT, "%s:%lld: expected [section], got '%.60s'", cfg->path, (long long)line, text);
    YL_TRY(yl__reserve(cfg->n_sections + 1, &cfg->section_capacity, sizeof *cfg->sections, &cfg->sections));
    cfg->sections[cfg->n_sections++] = (yl_cfg_section){.kind = kind, .line = line, .first = cfg->n_options};
    return YL_OK;
}

static yl_status add_option(yl_cfg *cfg, char *text, int64_t line)
{
    char *equals = strchr(text, '=');
    if (!equals)
        return yl__fail(YL_FORMAT, "%s:%lld: expected [section] or key=value, got '%.60s'", cfg->path, (long long)line,
                        text);
    if (cfg->n_sections == 0)
        return yl__fail(YL_FORMAT, "%s:%lld: expected a [section] before the first option, got '%.60s'", cfg->path,
                        (long long)line, text);
    yl_cfg_section *section = &cfg->sections[cfg->n_sections - 1];
    char *value = trim(equals + 1, equals + 1 + strlen(equals + 1)), *key = trim(text, equals);
    if (!*key) return yl__fail(YL_FORMAT, "%s:%lld: no key before '='", cfg->path, (long long)line);
    if (!*value) return yl__fail(YL_FORMAT, "%s:%lld: '%.60s' has no value", cfg->path, (long long)line, key);
    const yl_cfg_option *before = yl__cfg_find(cfg, section, key);
    if (before) {
        if (cfg->n_repeated++ == 0) cfg->repeated = (yl_cfg_option){key, value, line};
        return YL_OK;
    }
    YL_TRY(yl__reserve(cfg->n_options + 1, &cfg->option_capacity, sizeof *cfg->options, &cfg->options));
    cfg->options[cfg->n_options++] = (yl_cfg_option){key, value, line};
    section->n_options++;
    return YL_OK;
}

static yl_status add_line(yl_cfg *cfg, char *text, char *end, int64_t line)
{
    YL_TRY(check_line(cfg, text, end, line));
    text = trim(text, without_comment(text, end));
    if (!*text) return YL_OK;
    return *text == '[' ? add_section(cfg, text, line) : add_option(cfg, text, line);
}

static yl_status add_lines(yl_cfg *cfg, int64_t size)
{
    char *end = cfg->text + size, *at = cfg->text;
    if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3; /* a byte order mark */
    for (int64_t line = 1; at < end; line++) {
        char *stop = memchr(at, '\n', (size_t)(end - at)), *next = stop ? stop + 1 : end;
        YL_TRY(add_line(cfg, at, stop ? stop : end, line));
        at = next;
    }
    if (cfg->n_sections == 0)
        return yl__fail(YL_FORMAT, "%s:1: not one [section] in %lld bytes", cfg->path, (long long)size);
    if (cfg->n_repeated > 0)
        yl__warn("%s:%lld: '%.60s' was given before in this section, where the first one counts (%lld such line%s)",
                 cfg->path, (long long)cfg->repeated.line, cfg->repeated.key, (long long)cfg->n_repeated,
                 cfg->n_repeated > 1 ? "s" : "");
    return YL_OK;
}

static yl_status parse_owned(yl_cfg *cfg, int64_t size, const char *path)
{
    yl_status status = yl__strdup(path, &cfg->path);
    if (status == YL_OK) status = add_lines(cfg, size);
    if (status != YL_OK) yl__cfg_free(cfg);
    return status;
}

yl_status yl__cfg_parse(const char *text, int64_t size, const char *path, yl_cfg *out)
{
    *out = (yl_cfg){0};
    YL_TRY(yl__alloc(size + 1, 1, &out->text));
    memcpy(out->text, text, (size_t)size);
    out->text[size] = '\0';
    return parse_owned(out, size, path);
}

yl_status yl__cfg_read(const char *path, yl_cfg *out)
{
    int64_t size;
    *out = (yl_cfg){0};
    YL_TRY(yl__file_read(path, &out->text, &size));
    return parse_owned(out, size, path);
}

void yl__cfg_free(yl_cfg *cfg)
{
    yl__free(cfg->path);
    yl__free(cfg->text);
    yl__free(cfg->sections);
    yl__free(cfg->options);
    *cfg = (yl_cfg){0};
}

const yl_cfg_option *yl__cfg_find(const yl_cfg *cfg, const yl_cfg_section *section, const char *key)
{
    for (int64_t i = 0; i < section->n_options; i++)
        if (strcmp(yl__cfg_at(cfg, section, i)->key, key) == 0) return yl__cfg_at(cfg, section, i);
    return NULL;
}
