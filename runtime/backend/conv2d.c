/* Choosing a convolution's algorithm: by its name, by memory, by measurement, or by its predicted cost. */
#define _GNU_SOURCE
#include "backend/conv2d.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/threads.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where two candidates are ALIKE, the predicted cost decides, so that noise does not. */
static const double ALIKE = 1.03;

/* Below SMALL multiply-adds a measurement would be noise; the rest bounds what measuring may cost. */
static const double SMALL = 4e6, HOPELESS = 3.0, ENOUGH_SECONDS = 0.15;
enum { MIN_ROUNDS = 2, MAX_ROUNDS = 8, MEASURED_IMAGES = 4, MAX_CANDIDATES = 8, MAX_CLOCKS = 256 };

/* Weights that stay are packed once for any number of images, so a prediction is for many, whatever the batch. */
enum { MANY_IMAGES = 1024 };

/* Of those that support g; `costed` is what they are to cost for. */
static const yl_conv2d_algo *cheapest(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const yl_conv2d_geom *g,
                                      const yl_conv2d_geom *costed, yl_direction d)
{
    const yl_conv2d_algo *best = NULL;
    for (; *list; list++)
        if ((*list)->supports(ctx, g, d) && (!best || (*list)->cost(costed, d) < best->cost(costed, d))) best = *list;
    return best;
}

static const yl_conv2d_algo *named(const yl_conv2d_algo *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp((*list)->name, name) == 0) return *list;
    return NULL;
}

static const char *const directions[] = {"forward", "data", "weights"};

static void prefix_text(const yl_ctx *ctx, char out[YL_CHOICE_KEY])
{
    snprintf(out, YL_CHOICE_KEY, "conv2d %s %d ", ctx->device->isa, ctx->threads);
}

static const char *factors_name(const yl_conv2d_geom *g)
{
    if (g->tf32) return "tf32";
    return g->bf16 ? "bf16" : yl_dtype_name(g->dtype);
}

static void key_text(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, bool packs, char out[YL_CHOICE_KEY])
{
    char prefix[YL_CHOICE_KEY];
    prefix_text(ctx, prefix);
    char zeros[16] = "";
    if (d == YL_FORWARD && g->zeros) snprintf(zeros, sizeof zeros, " z%d", g->zeros);
    int n = snprintf(out, YL_CHOICE_KEY,
                     "%s%s%s n%" PRId64 " %" PRId64 "x%" PRId64 "x%" PRId64 " %" PRId64 "x%" PRId64 "x%" PRId64
                     " k%dx%d s%dx%d d%dx%d g%d p%dx%d %s%s",
                     prefix, directions[d], packs ? " packs" : "", g->n, g->h, g->w, g->c, g->oh, g->ow, g->oc, g->kh,
                     g->kw, g->sh, g->sw, g->dh, g->dw, g->groups, g->pt, g->pl, factors_name(g), zeros);
    if (n < 0 || n >= YL_CHOICE_KEY) out[0] = '\0'; /* cannot be: the numbers fit */
}

typedef struct candidate {
    const yl_conv2d_algo *algo;
    void *scratch, *packed;
    double seconds; /* the best so far */
} candidate;

/* Operands for measuring, all zero: only their sizes matter to the time, and which weights are zero. */
typedef struct bench {
    const yl_ctx *ctx;
    yl_conv2d_geom g;
    yl_direction d;
    bool packs;
    double images; /* of the real geometry per measured image */
    void *x, *y;
    float *w;
    int count;
    candidate candidates[MAX_CANDIDATES];
} bench;

static void bench_close(bench *b)
{
    yl_device *device = b->ctx->device;
    device->release(device, b->x), device->release(device, b->y), device->release(device, b->w);
    for (int i = 0; i < b->count; i++) {
        device->release(device, b->candidates[i].scratch);
        device->release(device, b->candidates[i].packed);
    }
}

static yl_status bench_open(bench *b, const yl_conv2d_geom *g, const float *weights)
{
    b->g = *g;
    b->g.n = g->n < MEASURED_IMAGES ? g->n : MEASURED_IMAGES;
    b->images = (double)g->n / (double)b->g.n;
    yl_device *device = b->ctx->device;
    size_t x = (size_t)(b->g.n * g->h * g->w * g->c), y = (size_t)(b->g.n * g->oh * g->ow * g->oc);
    YL_TRY(device->alloc(device, x * yl_dtype_bytes(g->dtype), &b->x));
    yl_dtype out = g->dtype == YL_U8 ? g->out_dtype : g->dtype;
    YL_TRY(device->alloc(device, y * yl_dtype_bytes(out), &b->y));
    size_t w = (size_t)(g->oc * g->kh * g->kw * (g->c / g->groups)) * sizeof(float);
    YL_TRY(device->alloc(device, w, (void **)&b->w));
    return weights ? device->to_device(device, b->w, weights, w) : YL_OK;
}

static yl_status bench_add(bench *b, const yl_conv2d_algo *algo)
{
    yl_device *device = b->ctx->device;
    candidate *c = &b->candidates[b->count++];
    *c = (candidate){.algo = algo, .seconds = 1e30};
    size_t packed = algo->packed_bytes(&b->g, b->d);
    YL_TRY(device->alloc(device, algo->scratch_bytes(b->ctx, &b->g, b->d), &c->scratch));
    if (!packed) return YL_OK;
    YL_TRY(device->alloc(device, packed, &c->packed));
    return algo->pack(b->ctx, &b->g, b->d, b->w, NULL, c->packed);
}

/* A look at the clocks: each thread's own, which stand still while another process has the core; on a device, the wall's. */
typedef struct look {
    double threads[MAX_CLOCKS], wall;
} look;

static yl_status look_at(const bench *b, look *l)
{
    YL_TRY(b->ctx->device->sync(b->ctx->device));
    l->wall = yl__now();
    if (b->ctx->device->host_memory) yl__thread_seconds(MAX_CLOCKS, l->threads);
    return YL_OK;
}

/* How long the busiest thread worked from one look to another: about what the time would be on an idle machine. Beside
 * other work that would fill six machines, 359 of 360 choices (8 shapes, 3 directions, 15 times each) were the one made most often;
 * by the wall's clock 323 were. */
static double between(const bench *b, const look *from, const look *to)
{
    double most = 0;
    if (!b->ctx->device->host_memory) return to->wall - from->wall;
    for (int i = 0; i < MAX_CLOCKS; i++) most = fmax(most, to->threads[i] - from->threads[i]);
    return most;
}

/* One run of a candidate; seconds count for the whole batch. */
static yl_status measure(bench *b, candidate *c)
{
    yl_conv2d_run run = {.x = b->x, .dy = b->y, .packed = c->packed ? c->packed : b->w, .scratch = c->scratch};
    if (b->d == YL_FORWARD) run.y = b->y;
    if (b->d == YL_BACKWARD_DATA) run.dx = b->x;
    if (b->d == YL_BACKWARD_WEIGHTS) run.dweight = b->w;
    look start, middle, end;
    YL_TRY(look_at(b, &start));
    if (c->packed && b->packs) YL_TRY(c->algo->pack(b->ctx, &b->g, b->d, b->w, NULL, c->packed));
    YL_TRY(look_at(b, &middle));
    YL_TRY(c->algo->run(b->ctx, &b->g, b->d, &run));
    YL_TRY(look_at(b, &end));
    double took = between(b, &middle, &end) * b->images + (b->packs ? between(b, &start, &middle) : 0);
    if (took < c->seconds) c->seconds = took;
    return YL_OK;
}

/* Candidates take turns, so that what disturbs the machine disturbs them alike; the best run of each counts. *out stays where no time
 * could be taken. */
static yl_status run_rounds(bench *b, const yl_conv2d_algo **out)
{
    double start = yl__now();
    for (int round = 0; round < MAX_ROUNDS && (round < MIN_ROUNDS || yl__now() - start < ENOUGH_SECONDS); round++)
        for (int i = 0; i < b->count; i++) YL_TRY(measure(b, &b->candidates[i]));
    double limit = INFINITY;
    for (int i = 0; i < b->count; i++) limit = fmin(limit, ALIKE * b->candidates[i].seconds);
    const yl_conv2d_algo *best = NULL;
    for (int i = 0; i < b->count; i++) {
        const yl_conv2d_algo *algo = b->candidates[i].algo;
        if (b->candidates[i].seconds <= limit && (!best || algo->cost(&b->g, b->d) < best->cost(&b->g, b->d)))
            best = algo;
    }
    if (best) *out = best;
    return YL_OK;
}

static yl_status measure_all(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const yl_conv2d_geom *g,
                             yl_direction d, bool packs, const float *weights, double least, const yl_conv2d_algo **out)
{
    bench b = {.ctx = ctx, .d = d, .packs = packs};
    yl_status status = bench_open(&b, g, weights);
    for (; *list && status == YL_OK && b.count < MAX_CANDIDATES; list++)
        if ((*list)->supports(ctx, g, d) && (*list)->cost(g, d) <= HOPELESS * least) status = bench_add(&b, *list);
    if (status == YL_OK) status = run_rounds(&b, out);
    bench_close(&b);
    return status;
}

static bool remembered(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const char *key, const yl_conv2d_geom *g,
                       yl_direction d, const yl_conv2d_algo **out)
{
    char name[YL_CHOICE_TEXT];
    if (!yl__choice_find(key, name)) return false;
    const yl_conv2d_algo *algo = named(list, name);
    if (!algo || !algo->supports(ctx, g, d)) return false;
    *out = algo;
    return true;
}

static int64_t candidates(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const yl_conv2d_geom *g, yl_direction d,
                          double least)
{
    int64_t n = 0;
    for (; *list; list++) n += (*list)->supports(ctx, g, d) && (*list)->cost(g, d) <= HOPELESS * least;
    return n;
}

/* With the cache's lock held: another process may have chosen meanwhile. */
static yl_status choose_measured(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const yl_conv2d_geom *g,
                                 yl_direction d, bool packs, const float *weights, const char *key,
                                 const yl_conv2d_algo **out)
{
    char stem[YL_CHOICE_KEY], prefix[YL_CHOICE_KEY];
    prefix_text(ctx, prefix);
    snprintf(stem, sizeof stem, "conv2d-%s-%d", ctx->device->isa, ctx->threads);
    yl_status status = YL_OK;
    bool locked = yl__choices_lock(stem), known = locked && remembered(ctx, list, key, g, d, out);
    if (locked && !known) status = measure_all(ctx, list, g, d, packs, weights, (*out)->cost(g, d), out);
    if (status == YL_OK && !known) status = yl__choice_set(key, (*out)->name);
    if (locked) yl__choices_unlock(stem, prefix, status == YL_OK && !known);
    return status;
}

static yl_status unknown_name(const yl_ctx *ctx, const yl_conv2d_algo *const *list, const char *name)
{
    yl_nearest nearest = yl__nearest_to(name);
    for (; *list; list++) yl__nearer(&nearest, (*list)->name, (*list)->name);
    return yl__fail(YL_INVALID, "algorithm '%s' is unknown on %s%s%s%s", name, ctx->device->name,
                    nearest.found ? ", did you mean '" : "", nearest.found ? nearest.found : "",
                    nearest.found ? "'?" : "");
}

yl_status yl_conv2d_choose(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, bool packs, const float *weights,
                           const char *pinned, const yl_conv2d_algo **out)
{
    const yl_conv2d_algo *const *list, *algo = NULL;
    char key[YL_CHOICE_KEY];
    YL_TRY(ctx->device->kernels->conv2d_algorithms(&list));
    bool pins = pinned && strcmp(pinned, "auto") != 0, predicts = pins && strcmp(pinned, "predicted") == 0;
    if (pins && !predicts && !(algo = named(list, pinned))) return unknown_name(ctx, list, pinned);
    bool measures = !pins && yl_conv2d_work(g) >= SMALL;
    if (measures) {
        key_text(ctx, g, d, packs, key);
        if (remembered(ctx, list, key, g, d, out))
            return YL_OK; /* so that no other algorithm has to look at the geometry */
    }
    yl_conv2d_geom costed = *g;
    if (predicts && !packs) costed.n = MANY_IMAGES;
    *out = algo && algo->supports(ctx, g, d) ? algo : cheapest(ctx, list, g, &costed, d);
    if (!*out)
        return yl__fail(YL_UNSUPPORTED, "no algorithm convolves %s on %s", yl_dtype_name(g->dtype), ctx->device->name);
    if (!measures || candidates(ctx, list, g, d, (*out)->cost(g, d)) < 2) return YL_OK;
    return choose_measured(ctx, list, g, d, packs, weights, key, out);
}
