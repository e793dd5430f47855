/* The safetensors container (Hugging Face, "Format" in the README of the safetensors project): 8 bytes of little-endian
 * header length N, N bytes of JSON {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin,
 * end]}, ...} padded with blanks, then the tensors' bytes, row-major, little-endian, without gaps. */
#ifndef YL_FORMATS_SAFETENSORS_H
#define YL_FORMATS_SAFETENSORS_H

#include "core/dtype.h"
#include "core/status.h"

enum { YL_SAFETENSORS_DIMS = 8 };

typedef struct yl_safetensor {
    const char *name;
    yl_dtype dtype;
    int n_dims;
    int64_t dims[YL_SAFETENSORS_DIMS];
    int64_t offset, bytes; /* within the data section; a writer ignores them */
    const void *data;      /* what a writer writes; NULL in a file that was read */
} yl_safetensor;

typedef struct yl_safetensors_note { /* an entry of __metadata__ */
    const char *key, *value;
} yl_safetensors_note;

typedef struct yl_safetensors yl_safetensors;

/* Opens a file and checks all of its header against its size, before anything is allocated for its content: lengths,
 * types, shapes, gaps, overlaps, trailing bytes. Of a guarded file every byte is checked (safetensors_guard.h); the note that holds the
 * checksum is not among the notes. Errors: IO; FORMAT, one sentence with the path and the numbers; UNSUPPORTED for a dtype that yolua
 * has not; MEMORY. */
yl_status yl_safetensors_open(const char *path, yl_safetensors **out);
void yl_safetensors_close(yl_safetensors *file); /* NULL is fine */

/* Entries in the order of the header; they live as long as the file is open. */
int64_t yl_safetensors_count(const yl_safetensors *file);
const yl_safetensor *yl_safetensors_at(const yl_safetensors *file, int64_t index);
const yl_safetensor *yl_safetensors_find(const yl_safetensors *file, const char *name); /* NULL where absent */
int64_t yl_safetensors_notes(const yl_safetensors *file, const yl_safetensors_note **out);
bool yl_safetensors_guarded(const yl_safetensors *file); /* did its checksum say that it is whole? */
const char *yl_safetensors_note_of(const yl_safetensors *file, const char *key); /* NULL where absent */

/* Copies a tensor's bytes into `out` (entry->bytes of host memory). Errors: IO, FORMAT where the file has shrunk. */
yl_status yl_safetensors_read(yl_safetensors *file, const yl_safetensor *entry, void *out);

/* Writes the tensors and notes in the given order, atomically; equal input gives equal bytes. Errors: IO; INVALID for a
 * name or key given twice, a name "__metadata__", a note that would pass for a checksum, or a negative dimension. */
yl_status yl_safetensors_write(const char *path, const yl_safetensor *tensors, int64_t count,
                               const yl_safetensors_note *notes, int64_t n_notes);

/* The same with a checksum over the whole file, which yl_safetensors_open then checks (safetensors_guard.h). */
yl_status yl_safetensors_write_guarded(const char *path, const yl_safetensor *tensors, int64_t count,
                                       const yl_safetensors_note *notes, int64_t n_notes);

/* Sets one note of a file, which is rewritten atomically; all else in it stays, and a guarded file stays guarded. Errors: as opening and writing have them; MEMORY. */
yl_status yl_safetensors_annotate(const char *path, const char *key, const char *value);

#endif
