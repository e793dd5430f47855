/* Sums of gradients over ranks and passes.
 *
 * A pass's gradient is packed: the ranges that are not frozen, from the network's end to its beginning (the order in which backward has
 * them), then the running statistics. A bucket is a stretch of the packed numbers. The thread adds buckets in the order in which
 * they were posted, the same on all ranks; in the last pass of a step it also brings each bucket's sum to every rank. */
#define _GNU_SOURCE
#include "net/share.h"
#include "backend/device.h"
#include "comm/comm.h"
#include "core/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_share_options, member)
static const yl_field fields[] = {
    {"passes", YL_OPTION_INT, "1", "", "backward passes of each rank in a step", 1, 65536, NULL, NULL, AT(passes)},
    {"sync", YL_OPTION_BOOL, "false", "", "batch-norm's statistics are those of all ranks' images", 0, 0, NULL, NULL,
     AT(sync)},
    {"each", YL_OPTION_BOOL, "false", "", "every pass starts from the step's statistics", 0, 0, NULL, NULL, AT(each)},
};
const yl_field_table yl_share_fields = YL_FIELD_TABLE("share", fields);

/* Buckets in floats: 1 MiB, which a 10 Gb/s network takes in a millisecond; between GPUs, whose passes are captured as a whole, fewer. */
enum { BUCKET = 1 << 18, BUCKET_ON_DEVICE = 1 << 24, SENTENCE = 512 };

typedef struct segment {
    int range;
    int64_t at; /* in the packed numbers */
} segment;

typedef struct bucket {
    int64_t first, count;
    bool last; /* of the step's passes */
} bucket;

struct yl_share {
    yl_net *net;
    yl_share_options options;
    yl_comm *comm;
    bool on_device; /* the numbers lie in the device's memory, and sums are queued like kernels */
    int64_t bucket;
    uint64_t choice; /* which ranges the segments are of */
    int n_segments, n_gradients;
    segment *segments;
    int64_t count;
    float *mine, *sums, *base; /* base: the statistics at the step's beginning, packed */
    int64_t passes;            /* done in this step */
    int next;                  /* segment to be packed in this pass */
    int64_t posted;            /* packed numbers of this pass that the thread has */
    pthread_t thread;
    bool threaded, quit;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bucket *queue; /* room for those of a pass */
    int64_t room, queued, completed;
    yl_status status;
    char sentence[SENTENCE];
};

/* ---- the thread ---------------------------------------------------------------------------------------------------------------- */

static yl_status add_bucket(const yl_share *s, bucket b)
{
    YL_TRY(s->comm->add(s->comm, YL_CHANNEL_SUMS, b.count, s->mine + b.first, s->sums + b.first));
    return b.last ? s->comm->share(s->comm, YL_CHANNEL_SUMS, b.count, s->sums + b.first) : YL_OK;
}

static void *work(void *user)
{
    yl_share *s = user;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->quit && s->completed == s->queued) pthread_cond_wait(&s->work, &s->lock);
        if (s->completed == s->queued) break;
        bucket b = s->queue[s->completed % s->room];
        bool failed = s->status != YL_OK;
        pthread_mutex_unlock(&s->lock);
        yl_status status = failed ? YL_OK : add_bucket(s, b);
        pthread_mutex_lock(&s->lock);
        if (status != YL_OK) s->status = status, snprintf(s->sentence, sizeof s->sentence, "%s", yl_error());
        s->completed++;
        pthread_cond_broadcast(&s->done);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static yl_status start_thread(yl_share *s)
{
    if (s->comm->size == 1 || s->on_device || !s->comm->threads || s->threaded) return YL_OK;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: signals are the main thread's business */
    s->threaded = pthread_create(&s->thread, NULL, work, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return s->threaded ? YL_OK : yl__fail(YL_MEMORY, "cannot start the thread that adds gradients");
}

static yl_status post(yl_share *s, bucket b)
{
    if (!s->threaded) return add_bucket(s, b);
    pthread_mutex_lock(&s->lock);
    s->queue[s->queued++ % s->room] = b;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    return YL_OK;
}

/* Until everything that was posted is added. */
static yl_status drain(yl_share *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->threaded && s->completed < s->queued) pthread_cond_wait(&s->done, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return s->status == YL_OK ? YL_OK : yl__fail(s->status, "%s", s->sentence);
}

/* ---- where the numbers lie ------------------------------------------------------------------------------------------------------- */

static yl_status alloc_numbers(yl_share *s, float **out)
{
    yl_device *device = s->net->device;
    return s->on_device ? device->alloc(device, (size_t)s->count * sizeof **out, (void **)out)
                        : yl__calloc(s->count, sizeof **out, out);
}

static void free_numbers(yl_share *s)
{
    float **all[] = {&s->mine, &s->sums, &s->base};
    for (int i = 0; i < 3; i++) {
        if (s->on_device)
            s->net->device->release(s->net->device, *all[i]);
        else
            yl__free(*all[i]);
        *all[i] = NULL;
    }
}

static yl_status take(const yl_share *s, float *numbers, const void *from, size_t bytes)
{
    yl_device *device = s->net->device;
    return (s->on_device ? device->copy : device->from_device)(device, numbers, from, bytes);
}

static yl_status put(const yl_share *s, void *to, const float *numbers, size_t bytes)
{
    yl_device *device = s->net->device;
    return (s->on_device ? device->copy : device->to_device)(device, to, numbers, bytes);
}

static yl_status clear_sums(yl_share *s)
{
    size_t bytes = (size_t)s->count * sizeof *s->sums;
    if (s->on_device) return s->net->device->zero(s->net->device, s->sums, bytes);
    memset(s->sums, 0, bytes);
    return YL_OK;
}

/* ---- packing ------------------------------------------------------------------------------------------------------------------- */

static uint64_t choice_of_ranges(const yl_net *net)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < net->n_ranges; i++) hash = (hash ^ net->ranges[i].frozen) * 0x100000001b3u;
    return hash | 1;
}

static void add_segments(const yl_net *net, yl_share *s, bool statistics)
{
    for (int l = net->n_layers - 1; l >= 0; l--)
        for (int k = 0; k < net->layers[l].n_params; k++) {
            int i = net->layers[l].params[k];
            const yl_range *r = &net->ranges[i];
            if (r->frozen || (r->kind == YL_STATISTIC) != statistics) continue;
            s->segments[s->n_segments++] = (segment){i, s->count};
            s->count += r->count;
        }
}

/* The segments of the ranges that are not frozen, made anew where others are. */
static yl_status find_segments(yl_net *net)
{
    yl_share *s = net->share;
    uint64_t choice = choice_of_ranges(net);
    if (choice == s->choice) return YL_OK;
    s->choice = 0, s->n_segments = 0, s->count = 0;
    add_segments(net, s, false);
    s->n_gradients = s->n_segments;
    add_segments(net, s, true);
    free_numbers(s);
    yl__free(s->queue);
    s->queue = NULL;
    s->room = s->count / s->bucket + 2;
    YL_TRY(alloc_numbers(s, &s->mine));
    YL_TRY(alloc_numbers(s, &s->sums));
    YL_TRY(alloc_numbers(s, &s->base));
    YL_TRY(yl__alloc(s->room, sizeof *s->queue, &s->queue));
    s->choice = choice;
    return YL_OK;
}

static float *place_of(const yl_net *net, const segment *g)
{
    const yl_range *r = &net->ranges[g->range];
    return yl_net_at(&net->slabs[r->kind == YL_STATISTIC ? YL_SLAB_value : YL_SLAB_grad], r);
}

static size_t bytes_of(const yl_net *net, const segment *g)
{
    return (size_t)net->ranges[g->range].count * sizeof(float);
}

/* Packs the next segment. A gradient is cleared for the next pass; statistics go back to those of the step's beginning, if so asked. */
static yl_status pack_next(yl_net *net)
{
    yl_share *s = net->share;
    yl_device *device = net->device;
    const segment *g = &s->segments[s->next++];
    YL_TRY(take(s, s->mine + g->at, place_of(net, g), bytes_of(net, g)));
    if (s->next <= s->n_gradients) return device->zero(device, place_of(net, g), bytes_of(net, g));
    if (!s->options.each) return YL_OK;
    net->ranges[g->range].version++;
    return put(s, place_of(net, g), s->base + g->at, bytes_of(net, g));
}

static yl_status post_packed(yl_share *s, int64_t least)
{
    int64_t packed = s->next < s->n_segments ? s->segments[s->next].at : s->count;
    bool last = s->passes + 1 == s->options.passes;
    while (packed - s->posted >= least && packed > s->posted) {
        int64_t left = packed - s->posted;
        bucket b = {s->posted, left < s->bucket ? left : s->bucket, last};
        YL_TRY(post(s, b));
        s->posted += b.count;
    }
    return YL_OK;
}

yl_comm *yl__share_sync(const yl_net *net)
{
    return net->share && net->share->options.sync && net->share->comm->size > 1 ? net->share->comm : NULL;
}

yl_status yl__share_forward(yl_net *net)
{
    yl_share *s = net->share;
    if (!s || s->passes > 0 || !s->options.each) return YL_OK;
    YL_TRY(drain(s));
    YL_TRY(find_segments(net));
    for (int i = s->n_gradients; i < s->n_segments; i++)
        YL_TRY(take(s, s->base + s->segments[i].at, place_of(net, &s->segments[i]), bytes_of(net, &s->segments[i])));
    return YL_OK;
}

yl_status yl__share_begin(yl_net *net)
{
    yl_share *s = net->share;
    if (!s) return YL_OK;
    if (s->passes >= s->options.passes)
        return yl__fail(YL_INVALID, "backward: expected %" PRId64 " passes in a step and then gather",
                        s->options.passes);
    YL_TRY(drain(s));
    if (s->passes == 0) YL_TRY(find_segments(net));
    s->next = 0, s->posted = 0;
    return YL_OK;
}

yl_status yl__share_layer(yl_net *net, int layer)
{
    yl_share *s = net->share;
    if (!s || !net->device->host_memory) return YL_OK; /* on a GPU the pass may be a captured graph */
    while (s->next < s->n_gradients && net->ranges[s->segments[s->next].range].layer >= layer) YL_TRY(pack_next(net));
    return post_packed(s, s->bucket);
}

yl_status yl__share_end(yl_net *net)
{
    yl_share *s = net->share;
    if (!s) return YL_OK;
    bool last = s->passes + 1 == s->options.passes;
    while (s->next < s->n_gradients) YL_TRY(pack_next(net));
    while (s->next < s->n_segments && (last || s->options.each))
        YL_TRY(pack_next(net)); /* else a later pass moves them on */
    YL_TRY(post_packed(s, 1));
    s->passes++;
    return YL_OK;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------------- */

/* The mean over what was added. */
static yl_status mean_statistics(yl_share *s, int64_t first)
{
    float share = (float)(1.0 / (double)(s->comm->size * (s->options.each ? s->options.passes : 1)));
    float *statistics = s->sums + first, *copy = NULL;
    int64_t count = s->count - first;
    size_t bytes = (size_t)count * sizeof *copy;
    yl_device *device = s->net->device;
    if (s->on_device) YL_TRY(yl__alloc(count, sizeof *copy, &copy));
    yl_status status = copy ? device->from_device(device, copy, statistics, bytes) : YL_OK;
    for (int64_t i = 0; i < count; i++) (copy ? copy : statistics)[i] *= share;
    if (copy && status == YL_OK) status = device->to_device(device, statistics, copy, bytes);
    yl__free(copy);
    return status;
}

yl_status yl_share_gather(yl_share *s)
{
    yl_net *net = s->net;
    if (s->passes != s->options.passes)
        return yl__fail(YL_INVALID, "gather: expected %" PRId64 " backward passes in a step, got %" PRId64,
                        s->options.passes, s->passes);
    YL_TRY(drain(s));
    s->passes = 0;
    if (s->n_gradients < s->n_segments) YL_TRY(mean_statistics(s, s->segments[s->n_gradients].at));
    for (int i = 0; i < s->n_segments; i++) {
        const segment *g = &s->segments[i];
        YL_TRY(put(s, place_of(net, g), s->sums + g->at, bytes_of(net, g)));
        if (i >= s->n_gradients) net->ranges[g->range].version++;
    }
    return clear_sums(s);
}

void yl_share_forget(yl_share *s)
{
    (void)drain(s);
    s->passes = 0;
    if (s->sums) (void)clear_sums(s);
}

yl_status yl_share_create(yl_net *net, const yl_share_options *options, yl_share **out)
{
    yl_share *s;
    yl_slab *grad;
    yl_comm *devices;
    if (net->share) return yl__fail(YL_INVALID, "share: the network shares its gradients already");
    if (options->sync && !net->device->host_memory)
        return yl__fail(YL_UNSUPPORTED, "statistics=sync: not on %s yet: expected device=cpu", net->device->name);
    YL_TRY(yl_net_slab(net, "grad", &grad));
    YL_TRY(yl__device_ranks(net->device, &devices));
    YL_TRY(yl__calloc(1, sizeof *s, &s));
    s->options = *options;
    s->on_device = devices != NULL;
    s->comm = devices ? devices : yl_comm_here();
    s->bucket = devices ? BUCKET_ON_DEVICE : BUCKET;
    s->net = net, net->share = s, net->references++;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->done, NULL);
    yl_status status = yl__alloc(net->n_ranges, sizeof *s->segments, &s->segments);
    if (status == YL_OK) status = start_thread(s);
    if (status != YL_OK)
        yl_share_free(s);
    else
        *out = s;
    return status;
}

void yl_share_free(yl_share *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->quit = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    if (s->threaded) pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->done);
    s->net->share = NULL;
    free_numbers(s);
    yl_net_free(s->net);
    void *parts[] = {s->segments, s->queue, s};
    for (int i = 0; i < 3; i++) yl__free(parts[i]);
}
