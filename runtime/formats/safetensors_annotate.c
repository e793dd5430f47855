/* A note of a safetensors file that is there. */
#include "core/memory.h"
#include "formats/safetensors.h"

#include <string.h>

/* The entries with their bytes, which lie one after the other in *data. */
static yl_status read_all(yl_safetensors *file, yl_safetensor *entries, char **data)
{
    int64_t total = 0, count = yl_safetensors_count(file);
    for (int64_t i = 0; i < count; i++) total += yl_safetensors_at(file, i)->bytes;
    YL_TRY(yl__alloc(total, 1, data));
    char *at = *data;
    for (int64_t i = 0; i < count; i++) {
        entries[i] = *yl_safetensors_at(file, i);
        YL_TRY(yl_safetensors_read(file, &entries[i], at));
        entries[i].data = at;
        at += entries[i].bytes;
    }
    return YL_OK;
}

static yl_status rewrite(const char *path, yl_safetensors *file, yl_safetensor *entries, yl_safetensors_note *notes,
                         yl_safetensors_note changed)
{
    const yl_safetensors_note *old;
    int64_t n = yl_safetensors_notes(file, &old), at = 0;
    for (int64_t i = 0; i < n; i++) notes[i] = old[i];
    while (at < n && strcmp(notes[at].key, changed.key) != 0) at++;
    notes[at] = changed;
    char *data = NULL;
    yl_status status = read_all(file, entries, &data);
    if (status == YL_OK)
        status = (yl_safetensors_guarded(file) ? yl_safetensors_write_guarded : yl_safetensors_write)(
            path, entries, yl_safetensors_count(file), notes, at == n ? n + 1 : n);
    yl__free(data);
    return status;
}

yl_status yl_safetensors_annotate(const char *path, const char *key, const char *value)
{
    yl_safetensors *file;
    yl_safetensor *entries = NULL;
    yl_safetensors_note *notes = NULL;
    const yl_safetensors_note *old;
    YL_TRY(yl_safetensors_open(path, &file));
    yl_status status = yl__alloc(yl_safetensors_count(file), sizeof *entries, &entries);
    if (status == YL_OK) status = yl__alloc(yl_safetensors_notes(file, &old) + 1, sizeof *notes, &notes);
    if (status == YL_OK) status = rewrite(path, file, entries, notes, (yl_safetensors_note){key, value});
    yl__free(entries);
    yl__free(notes);
    yl_safetensors_close(file);
    return status;
}
