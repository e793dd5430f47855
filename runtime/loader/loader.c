/* Workers, slots and the consumer. One lock guards all positions; the work itself is done outside of it. */
#define _GNU_SOURCE
#include "loader/loader.h"
#include "backend/device.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 3, SENTENCE = 512, SIZE_STREAM = 0x73697a65 /* "size": apart from the samples' streams */ };

typedef struct slot {
    yl_batch batch;
    float *rows;
    int32_t *counts;
    int64_t remaining; /* items not done yet */
    yl_status status;  /* the first failure by item number */
    int64_t failed_item;
} slot;

struct yl_loader {
    yl_loader_options options;
    yl_sample *samples;
    char *paths;
    float *rows;
    yl_file_key *keys;
    int64_t count, cap, fields; /* samples; most rows of one; numbers of a row, here and in a batch */
    yl_cache *cache;
    yl_device *device, *target; /* of the workers' kernels; where batches are made, NULL: in the host's memory */
    yl_resident *resident;      /* or NULL */
    bool told_full;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t *threads;
    int n_threads;
    bool quit;
    int64_t epoch, batches, next_item, taken, in_flight; /* taken: batches handed out or being handed out */
    int64_t *order;
    slot slots[SLOTS];
    int64_t decoded, served, bad;
    double waited;
    void *scratch; /* of the consumer, where it works itself */
    int64_t scratch_bytes;
};

/* Batches of this rank, and images of all ranks, in a step. */
static int64_t parts_of(const yl_loader *l)
{
    return l->options.train && l->options.parts > 0 ? l->options.parts : 1;
}

static int64_t ranks_of(const yl_loader *l)
{
    return l->options.train && l->options.ranks > 0 ? l->options.ranks : 1;
}

static void batch_size(const yl_loader *l, int64_t batch, int64_t *w, int64_t *h)
{
    *w = l->options.w;
    *h = l->options.h;
    if (!l->options.train || l->options.n_sizes == 0) return;
    yl_rng rng = yl_rng_make(l->options.seed ^ SIZE_STREAM, (uint32_t)l->epoch, (uint32_t)(batch / parts_of(l)));
    int64_t pick = yl_rng_below(&rng, l->options.n_sizes);
    *w = l->options.sizes[pick][0];
    *h = l->options.sizes[pick][1];
}

/* Makes a slot ready for a batch: its size, its indices, how many are real. */
static void open_slot(yl_loader *l, int64_t batch)
{
    slot *s = &l->slots[batch % SLOTS];
    yl_batch *b = &s->batch;
    int64_t ranks = ranks_of(l), first = (batch * ranks + (ranks > 1 ? l->options.rank : 0)) * b->n,
            left = l->count - first;
    batch_size(l, batch, &b->w, &b->h);
    b->count = l->options.train || left > b->n ? b->n : left;
    for (int64_t i = 0; i < b->n; i++) b->indices[i] = l->order[(first + i) % l->count];
    s->remaining = b->count;
    s->status = YL_OK;
    s->failed_item = INT64_MAX;
    for (int64_t i = 0; i < b->n; i++) yl__free(b->failures[i]), b->failures[i] = NULL;
    b->truth = (yl_truth){.n = b->n,
                          .cap = l->cap,
                          .rows = s->rows,
                          .counts = s->counts,
                          .attributes = (int32_t)(l->fields - YL_SAMPLE_FIELDS)};
    memset(s->counts, 0, (size_t)b->n * sizeof *s->counts);
    memset(s->rows, 0, (size_t)(b->n * l->cap * l->fields) * sizeof *s->rows);
    if (b->upload)
        yl__upload_clear(b->upload);
    else if (b->count < b->n) {
        size_t image = (size_t)(b->w * b->h * 3);
        memset(b->images + (size_t)b->count * image, 0, (size_t)(b->n - b->count) * image * sizeof(float));
    }
}

/* A mosaic of one piece where nothing is drawn. */
static yl_mosaic mosaic_of(const yl_loader *l, int64_t index)
{
    if (!l->options.train) return (yl_mosaic){.pieces = 1, .index = {index}};
    return yl_mosaic_draw(&l->options.augment, l->options.seed, l->epoch, index, l->count);
}

static yl_sample_job make_job(yl_loader *l, int64_t item)
{
    int64_t n = l->options.batch, i = item % n;
    slot *s = &l->slots[item / n % SLOTS];
    yl_batch *b = &s->batch;
    int64_t index = b->indices[i];
    const yl_mosaic mosaic = mosaic_of(l, index);
    yl_sample_job job = {
        .mosaic = mosaic,
        .options = &l->options,
        .w = b->w,
        .h = b->h,
        .epoch = l->epoch,
        .index = index,
        .keep = !l->resident || yl__resident_full(l->resident),
        .image = b->images ? b->images + i * b->w * b->h * 3 : NULL,
        .upload = b->upload,
        .slot = i,
        .rows = s->rows + i * l->cap * l->fields,
        .row_count = &s->counts[i],
        .to_image = b->to_image[i],
        .image_size = b->image_size[i],
    };
    for (int k = 0; k < mosaic.pieces; k++) {
        int64_t from = mosaic.index[k];
        job.pieces[k] = (yl_sample_piece){.sample = &l->samples[from], .index = from, .key = l->keys[from]};
        if (l->resident) job.pieces[k].there = yl__resident_get(l->resident, from);
    }
    return job;
}

/* Takes the next item whose slot is free; -1 if there is none at present. Called under the lock. */
static int64_t take_item(yl_loader *l)
{
    int64_t n = l->options.batch;
    for (;;) {
        int64_t batch = l->next_item / n;
        if (batch >= l->batches || batch >= l->taken + SLOTS - 1) return -1;
        if (l->next_item % n == 0) open_slot(l, batch);
        int64_t item = l->next_item++;
        if (item % n < l->slots[batch % SLOTS].batch.count) return item; /* padding needs no work */
    }
}

static void record_failure(yl_loader *l, slot *s, int64_t item, yl_status status)
{
    char **place = &s->batch.failures[item % l->options.batch];
    l->bad++;
    if (yl__strdup(yl_error(), place) != YL_OK) *place = NULL, status = YL_MEMORY;
    if (item >= s->failed_item) return;
    s->failed_item = item;
    s->status = status;
}

/* Does one item; the lock is held on entry and exit. */
static void work_item(yl_loader *l, int64_t item, const yl_ctx *ctx, void **scratch, int64_t *scratch_bytes)
{
    yl_sample_job job = make_job(l, item);
    slot *s = &l->slots[item / l->options.batch % SLOTS];
    l->in_flight++;
    pthread_mutex_unlock(&l->lock);
    yl_status status = yl__sample_load(&job, l->cache, ctx, scratch, scratch_bytes);
    if (status != YL_OK && !l->options.strict) yl__sample_blank(&job);
    pthread_mutex_lock(&l->lock);
    l->in_flight--;
    for (int k = 0; k < job.mosaic.pieces; k++) {
        l->keys[job.mosaic.index[k]] = job.pieces[k].key;
        l->decoded += job.pieces[k].decoded;
    }
    l->served++;
    if (status != YL_OK) record_failure(l, s, item, status);
    if (--s->remaining == 0 || l->in_flight == 0) pthread_cond_broadcast(&l->done);
}

static void *worker(void *user)
{
    yl_loader *l = user;
    yl_ctx ctx = {.device = l->device, .threads = 1};
    void *scratch = NULL;
    int64_t scratch_bytes = 0;
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        int64_t item = take_item(l);
        if (item < 0)
            pthread_cond_wait(&l->work, &l->lock);
        else
            work_item(l, item, &ctx, &scratch, &scratch_bytes);
    }
    pthread_mutex_unlock(&l->lock);
    yl__free(scratch);
    return NULL;
}

static yl_status copy_samples(yl_loader *l, const yl_sample *samples, int64_t count)
{
    int64_t text = 0, rows = 0;
    for (int64_t i = 0; i < count; i++) {
        text += (int64_t)strlen(samples[i].path) + 1;
        rows += samples[i].count;
        if (samples[i].count > l->cap) l->cap = samples[i].count;
    }
    if (l->cap < 1) l->cap = 1;
    if (l->options.train && l->options.augment.mosaic > 0) l->cap *= YL_MOSAIC_PIECES;
    l->count = count;
    YL_TRY(yl__alloc(count, sizeof *l->samples, &l->samples));
    YL_TRY(yl__calloc(count, sizeof *l->keys, &l->keys));
    YL_TRY(yl__alloc(count, sizeof *l->order, &l->order));
    YL_TRY(yl__alloc(text, 1, &l->paths));
    YL_TRY(yl__alloc(rows * l->fields, sizeof *l->rows, &l->rows));
    char *path = l->paths;
    float *row = l->rows;
    for (int64_t i = 0; i < count; i++) {
        int64_t floats = samples[i].count * l->fields;
        if (floats) memcpy(row, samples[i].rows, (size_t)floats * sizeof *row);
        l->samples[i] = (yl_sample){strcpy(path, samples[i].path), row, samples[i].count};
        path += strlen(path) + 1;
        row += floats;
    }
    return YL_OK;
}

/* Of a batch's pictures at the largest size. */
static int64_t batch_floats(const yl_loader *l)
{
    int64_t pixels = l->options.w * l->options.h;
    for (int64_t i = 0; i < l->options.n_sizes; i++) {
        int64_t p = YL_PRODUCT(l->options.sizes[i][0], l->options.sizes[i][1]);
        if (p > pixels) pixels = p;
    }
    return YL_PRODUCT(l->options.batch, pixels, 3);
}

static yl_status make_images(const yl_loader *l, yl_batch *b)
{
    bool mosaics = l->options.train && l->options.augment.mosaic > 0;
    if (l->target) return yl__upload_create(l->target, b->n, mosaics ? YL_MOSAIC_PIECES : 1, &b->upload);
    return yl__alloc(batch_floats(l), sizeof(float), &b->images);
}

/* Batches are made on a device that takes copies beside its kernels, else in the host's memory. */
static yl_status find_target(yl_loader *l)
{
    yl_device *device = l->options.device;
    double bytes = l->options.device_cache * 0x1p20;
    if (!device || !device->send) return YL_OK;
    l->target = device;
    if (bytes <= 0) return YL_OK;
    return yl__resident_create(device, l->count, bytes < 0x1p62 ? (int64_t)bytes : INT64_MAX, &l->resident);
}

static yl_status make_slots(yl_loader *l)
{
    int64_t n = l->options.batch;
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &l->slots[i];
        s->batch.n = n;
        YL_TRY(make_images(l, &s->batch));
        YL_TRY(yl__alloc(n, sizeof *s->batch.indices, &s->batch.indices));
        YL_TRY(yl__calloc(n, sizeof *s->batch.to_image, &s->batch.to_image));
        YL_TRY(yl__calloc(n, sizeof *s->batch.image_size, &s->batch.image_size));
        YL_TRY(yl__calloc(n, sizeof *s->batch.failures, &s->batch.failures));
        YL_TRY(yl__alloc(n * l->cap * l->fields, sizeof(float), &s->rows));
        YL_TRY(yl__alloc(n, sizeof *s->counts, &s->counts));
    }
    return YL_OK;
}

static yl_status start_workers(yl_loader *l)
{
    YL_TRY(yl__alloc(l->options.workers, sizeof *l->threads, &l->threads));
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: signals are the main thread's business */
    yl_status status = YL_OK;
    while (l->n_threads < l->options.workers && status == YL_OK) {
        if (pthread_create(&l->threads[l->n_threads], NULL, worker, l))
            status = yl__fail(YL_MEMORY, "cannot start loader worker %d of %d", l->n_threads + 1, l->options.workers);
        else
            l->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}

yl_status yl_loader_create(const yl_sample *samples, int64_t count, const yl_loader_options *options, yl_loader **out)
{
    YL_TRY(yl__sample_check(samples, count, yl_sample_fields(options)));
    yl_loader *l;
    YL_TRY(yl__calloc(1, sizeof *l, &l));
    l->options = *options;
    l->fields = yl_sample_fields(options);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    yl_status status = yl_device_get("cpu", &l->device);
    if (status == YL_OK) status = copy_samples(l, samples, count);
    if (status == YL_OK) status = find_target(l);
    if (status == YL_OK) status = make_slots(l);
    if (status == YL_OK)
        status = yl_cache_create((int64_t)(options->cache * 0x1p20), options->cache_dir, options->upright, &l->cache);
    if (status == YL_OK) status = start_workers(l);
    if (status != YL_OK)
        yl_loader_free(l);
    else
        *out = l;
    return status;
}

void yl_loader_free(yl_loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->n_threads; i++) pthread_join(l->threads[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &l->slots[i];
        yl__upload_free(s->batch.upload);
        for (int64_t k = 0; s->batch.failures && k < s->batch.n; k++) yl__free(s->batch.failures[k]);
        void *parts[] = {s->batch.images,   s->batch.indices, s->batch.to_image, s->batch.image_size,
                         s->batch.failures, s->rows,          s->counts};
        for (int k = 0; k < 7; k++) yl__free(parts[k]);
    }
    void *parts[] = {l->threads, l->samples, l->keys, l->order, l->paths, l->rows, l->scratch};
    for (int k = 0; k < 7; k++) yl__free(parts[k]);
    yl__resident_free(l->resident);
    yl_cache_free(l->cache);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    yl__free(l);
}

/* Before a slot is given back to the workers: what was sent from it has left. */
static yl_status settle(const yl_loader *l, int64_t batch)
{
    yl_upload *upload = batch < 0 ? NULL : l->slots[batch % SLOTS].batch.upload;
    return upload ? yl__upload_settle(upload) : YL_OK;
}

void yl_loader_epoch(yl_loader *l, int64_t epoch, int64_t first)
{
    pthread_mutex_lock(&l->lock);
    l->batches = 0; /* nothing new is begun */
    while (l->in_flight > 0) pthread_cond_wait(&l->done, &l->lock);
    for (int i = 0; i < SLOTS; i++) settle(l, i); /* a failure is told when something is sent next */
    l->epoch = epoch;
    for (int64_t i = 0; i < l->count; i++) l->order[i] = i;
    yl_rng rng = yl_rng_make(l->options.seed, (uint32_t)epoch, 0x6f72646cu /* "ordl": no sample has this index */);
    if (l->options.train) yl_rng_permutation(&rng, l->count, l->order);
    int64_t step = l->options.batch * parts_of(l) * ranks_of(l);
    l->batches = (l->count + step - 1) / step * parts_of(l);
    l->taken = first < l->batches ? first : l->batches;
    l->next_item = l->taken * l->options.batch;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* Waits for (or makes) a batch; false when the user asked to stop. Called under the lock. */
static bool complete(yl_loader *l, int64_t batch)
{
    yl_ctx ctx = {.device = l->device, .threads = 1};
    slot *s = &l->slots[batch % SLOTS];
    while (l->next_item <= batch * l->options.batch || s->remaining > 0) {
        if (yl_interrupted()) return false;
        int64_t item = l->options.workers == 0 ? take_item(l) : -1;
        if (item >= 0) {
            work_item(l, item, &ctx, &l->scratch, &l->scratch_bytes);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000 * 1000; /* the stop flag is looked at now and then */
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&l->done, &l->lock, &until);
    }
    return true;
}

/* The failures of a batch: the first one ends a strict run; others are warned of one by one, or left to the consumer. */
static yl_status tell_failures(const yl_loader *l, const slot *s)
{
    const char *first = s->failed_item < INT64_MAX ? s->batch.failures[s->failed_item % l->options.batch] : NULL;
    if (s->status == YL_MEMORY)
        return yl__fail(YL_MEMORY, "%s", first ? first : "out of memory while a picture was read");
    if (s->status != YL_OK && l->options.strict) return yl__fail(s->status, "%s", first);
    for (int64_t i = 0; i < s->batch.count && !l->options.told; i++)
        if (s->batch.failures[i]) yl__warn("%s (ignored, strict=false)", s->batch.failures[i]);
    return YL_OK;
}

static void tell_full(yl_loader *l)
{
    if (l->told_full || !l->resident || !yl__resident_full(l->resident)) return;
    l->told_full = true;
    yl__warn("%s keeps %.1f MiB of decoded frames and has no room for the others (data.device_cache), which are copied "
             "to it in every epoch",
             l->target->name, (double)yl__resident_bytes(l->resident) / 0x1p20);
}

/* Sends a batch to the device, and the next one, if it is ready, so that it travels beside the work on this one. */
static yl_status send(yl_loader *l, int64_t batch)
{
    if (!l->target) return YL_OK;
    YL_TRY(yl__upload_send(l->slots[batch % SLOTS].batch.upload, l->resident));
    const slot *next = &l->slots[(batch + 1) % SLOTS];
    bool begun = batch + 1 < l->batches && l->next_item > (batch + 1) * l->options.batch;
    if (begun && next->remaining == 0) YL_TRY(yl__upload_send(next->batch.upload, l->resident));
    tell_full(l);
    return YL_OK;
}

static yl_status hand_out(yl_loader *l, int64_t batch, const yl_batch **out)
{
    slot *s = &l->slots[batch % SLOTS];
    char notice[SENTENCE];
    while (yl_cache_notice(l->cache, notice, sizeof notice)) yl__warn("%s", notice);
    YL_TRY(tell_failures(l, s));
    YL_TRY(send(l, batch));
    *out = &s->batch;
    return YL_OK;
}

yl_status yl_loader_next(yl_loader *l, const yl_batch **out)
{
    *out = NULL;
    double start = yl__now();
    pthread_mutex_lock(&l->lock);
    int64_t batch = l->taken;
    yl_status status = YL_OK;
    if (batch < l->batches) status = settle(l, batch - 1);
    if (batch < l->batches && status == YL_OK) {
        l->taken++; /* gives the batch before this one back to the workers */
        pthread_cond_broadcast(&l->work);
        bool whole = complete(l, batch);
        l->waited += yl__now() - start;
        if (whole) status = hand_out(l, batch, out);
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

yl_loader_stats yl_loader_get_stats(yl_loader *l)
{
    pthread_mutex_lock(&l->lock);
    yl_loader_stats s = {
        .decoded = l->decoded, .served = l->served, .bad = l->bad, .slots = SLOTS, .waited = l->waited};
    s.slot_bytes = l->target ? 0 : batch_floats(l) * (int64_t)sizeof(float);
    for (int i = 0; i < SLOTS && l->target; i++) s.device_bytes += yl__upload_bytes(l->slots[i].batch.upload);
    s.resident_bytes = l->resident ? yl__resident_bytes(l->resident) : 0;
    pthread_mutex_unlock(&l->lock);
    s.cache_bytes = yl_cache_bytes(l->cache);
    return s;
}
