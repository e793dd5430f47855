/* What a fuzz target of this folder gives to its driver: libFuzzer's entry point, seeds, and words that mutations
 * insert. */
#ifndef YL_TESTS_FUZZ_H
#define YL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct fuzz_bytes {
    const char *data;
    size_t size;
} fuzz_bytes;

#define FUZZ(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }
#define FUZZ_COUNT(list) (sizeof list / sizeof *list)

extern const fuzz_bytes fuzz_seeds[], fuzz_words[];
extern const size_t fuzz_n_seeds, fuzz_n_words;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold whatever the input was. */
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A path under which `data` can be read as a regular file until the next call; nothing touches the disk. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* The same of a safetensors file with that header; its length is put before it. */
const char *fuzz_headed_file(const char *header, size_t length, const uint8_t *data, size_t size);
/* The same of an input that is a header, which begins with '{', a line break and data, so that mutations reach behind the first check;
 * another input is a whole file. */
const char *fuzz_safetensors_file(const uint8_t *data, size_t size);

#endif
