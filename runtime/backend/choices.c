/* The table of choices and its file. Whoever measures holds the file's lock and reads the file first, so that processes
 * that start together agree on what they choose. */
#define _GNU_SOURCE
#include "backend/choices.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct choice {
    char key[YL_CHOICE_KEY], name[YL_CHOICE_TEXT];
    bool used; /* asked for in this process or taken over from a checkpoint, and not only known from the cache file */
} choice;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static choice *choices;
static int64_t count, capacity;

static pthread_mutex_t file_mutex = PTHREAD_MUTEX_INITIALIZER; /* one thread at a time holds the file's lock */
static int lock_descriptor = -1;

static const char HEADER[] =
    "yolua choices 5\n"; /* another number where kernels have changed: then all is measured anew */

static choice *find(const char *key)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(choices[i].key, key) == 0) return &choices[i];
    return NULL;
}

/* `ours`: this run's own choice, which stands over what is known and belongs to its record. */
static yl_status put(const char *key, const char *name, bool ours)
{
    choice *c = find(key);
    if (c && !ours) return YL_OK;
    if (!c) {
        YL_TRY(yl__reserve(count + 1, &capacity, sizeof *choices, &choices));
        c = &choices[count++];
        *c = (choice){.used = false};
        snprintf(c->key, sizeof c->key, "%s", key);
    }
    snprintf(c->name, sizeof c->name, "%s", name);
    c->used |= ours;
    return YL_OK;
}

bool yl__choice_find(const char *key, char name[YL_CHOICE_TEXT])
{
    pthread_mutex_lock(&mutex);
    choice *c = find(key);
    if (c) {
        memcpy(name, c->name, YL_CHOICE_TEXT);
        c->used = true;
    }
    pthread_mutex_unlock(&mutex);
    return c != NULL;
}

yl_status yl__choice_set(const char *key, const char *name)
{
    pthread_mutex_lock(&mutex);
    yl_status status = put(key, name, true);
    pthread_mutex_unlock(&mutex);
    return status;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const choice *)a)->key, ((const choice *)b)->key);
}

yl_status yl_choices_export(const char *prefix, bool only_used, yl_text *out)
{
    yl_status status = YL_OK;
    pthread_mutex_lock(&mutex);
    if (count) qsort(choices, (size_t)count, sizeof *choices, by_key);
    for (int64_t i = 0; i < count && status == YL_OK; i++)
        if ((choices[i].used || !only_used) && strncmp(choices[i].key, prefix, strlen(prefix)) == 0)
            status = yl__text_add(out, "%s = %s\n", choices[i].key, choices[i].name);
    pthread_mutex_unlock(&mutex);
    return status;
}

/* Splits "key = name" of `length` bytes; false where it is something else. */
static bool split(const char *line, size_t length, choice *out)
{
    const char *equals = memmem(line, length, " = ", 3);
    if (!equals) return false;
    size_t key = (size_t)(equals - line), name = length - key - 3;
    if (key == 0 || key >= sizeof out->key || name == 0 || name >= sizeof out->name) return false;
    memset(out, 0, sizeof *out);
    memcpy(out->key, line, key);
    memcpy(out->name, equals + 3, name);
    return true;
}

yl_status yl_choices_import(const char *text, bool ours)
{
    yl_status status = YL_OK;
    pthread_mutex_lock(&mutex);
    while (*text && status == YL_OK) {
        size_t length = strcspn(text, "\n");
        choice c;
        if (split(text, length, &c)) status = put(c.key, c.name, ours);
        text += length + (text[length] == '\n');
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

void yl_choices_clear(void)
{
    pthread_mutex_lock(&mutex);
    yl__free(choices);
    choices = NULL;
    count = capacity = 0;
    pthread_mutex_unlock(&mutex);
}

static bool cache_path(const char *stem, const char *suffix, char path[1024])
{
    if (!yl__folder_cache(path) || yl__folder_make(path) != YL_OK) return false;
    size_t at = strlen(path);
    int n = snprintf(path + at, 1024 - at, "/%s%s", stem, suffix);
    return n >= 0 && at + (size_t)n < 1024;
}

static void read_file(const char *path)
{
    char *text;
    int64_t size;
    if (yl__path_kind(path) != YL_PATH_FILE || yl__file_read(path, &text, &size) != YL_OK) return;
    if (strncmp(text, HEADER, sizeof HEADER - 1) == 0) yl_choices_import(text + sizeof HEADER - 1, false);
    yl__free(text);
}

/* A signal while another process measures must not end the wait: what this process then chose would depend on it. */
static bool lock_file(int descriptor)
{
    int bad;
    do bad = flock(descriptor, LOCK_EX);
    while (bad && errno == EINTR);
    return !bad;
}

bool yl__choices_lock(const char *stem)
{
    char path[1024];
    pthread_mutex_lock(&file_mutex);
    if (cache_path(stem, ".lock", path)) lock_descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (lock_descriptor < 0 || !lock_file(lock_descriptor) || !cache_path(stem, ".txt", path)) {
        yl__choices_unlock(stem, "", false);
        return false;
    }
    read_file(path);
    return true;
}

void yl__choices_unlock(const char *stem, const char *prefix, bool changed)
{
    char path[1024];
    yl_text text = {0};
    if (changed && cache_path(stem, ".txt", path) && yl__text_add(&text, "%s", HEADER) == YL_OK &&
        yl_choices_export(prefix, false, &text) == YL_OK)
        (void)yl__file_write(path, text.data, text.length); /* without the file the next process measures again */
    yl__text_free(&text);
    if (lock_descriptor >= 0) close(lock_descriptor);
    lock_descriptor = -1;
    pthread_mutex_unlock(&file_mutex);
}
