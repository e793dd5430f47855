/* Threads that take one file after the other; a failure travels in the file's own fact. */
#define _GNU_SOURCE
#include "image/check.h"
#include "core/memory.h"
#include "core/threads.h"
#include "image/kind.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <xxhash.h>

enum { MOST_WORKERS = 64 };

typedef struct job {
    const char *const *paths;
    yl_image_fact *facts;
    int64_t count, next;
    pthread_mutex_t lock;
} job;

static yl_status look(const char *path, yl_image_fact *fact)
{
    char *bytes;
    int64_t size;
    yl_image image = {0};
    YL_TRY(yl__image_read(path, &bytes, &size));
    const yl_kind *kind = yl_image_kind(bytes, size);
    fact->kind = kind ? kind->name : NULL;
    yl_status status = yl_image_decode_noted(bytes, size, path, &image, &fact->note);
    if (!status) {
        fact->w = image.w;
        fact->h = image.h;
        fact->hash = XXH3_64bits(bytes, (size_t)size);
    }
    yl_image_free(&image);
    yl__free(bytes);
    return status;
}

static int64_t take(job *j)
{
    pthread_mutex_lock(&j->lock);
    int64_t item = j->next < j->count && !yl_interrupted() ? j->next++ : -1;
    pthread_mutex_unlock(&j->lock);
    return item;
}

static void *work(void *data)
{
    job *j = data;
    for (int64_t i; (i = take(j)) >= 0;) {
        yl_image_fact *fact = &j->facts[i];
        fact->status = look(j->paths[i], fact);
        if (fact->status && yl__strdup(yl_error(), &fact->sentence)) fact->sentence = NULL;
    }
    return NULL;
}

yl_status yl_images_check(const char *const *paths, int64_t count, int workers, yl_image_fact *facts)
{
    job j = {.paths = paths, .facts = facts, .count = count};
    pthread_t threads[MOST_WORKERS];
    int started = 0;
    sigset_t all, old;
    memset(facts, 0, (size_t)count * sizeof *facts);
    pthread_mutex_init(&j.lock, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: signals are the main thread's business */
    while (started + 1 < workers && started < MOST_WORKERS && started + 1 < count &&
           pthread_create(&threads[started], NULL, work, &j) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    work(&j); /* this thread is one of them; where no other could be started, the only one */
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&j.lock);
    if (j.next < count)
        return yl__fail(YL_INTERRUPTED, "stopped by the user after %lld of %lld images", (long long)j.next,
                        (long long)count);
    for (int64_t i = 0; i < count; i++)
        if (facts[i].status && !facts[i].sentence)
            return yl__fail(YL_MEMORY, "out of memory while images were checked");
    return YL_OK;
}
