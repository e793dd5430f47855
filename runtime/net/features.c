/* Cached activations at the cut, on the host. */
#include "net/features.h"
#include "core/memory.h"

#include <string.h>

enum { MAX_CUT = 64 };

struct yl_features {
    yl_device *device;
    int n_cut;
    int layers[MAX_CUT];
    int64_t counts[MAX_CUT]; /* elements per sample */
    yl_dtype dtype;
    int64_t stride, samples; /* bytes per sample over the whole cut */
    char *data;
    float **rows; /* samples: truth rows */
    int32_t *row_counts;
    int64_t cap;        /* most rows of any sample */
    int32_t attributes; /* of the truths */
    float *batch_rows;
    int32_t *batch_counts;
    int64_t batch_row_capacity, batch_count_capacity;
};

static int64_t sample_bytes(yl_plan *body, yl_features *f)
{
    int64_t stride = 0;
    for (int i = 0; i < yl_plan_cut_count(body) && i < MAX_CUT; i++) {
        yl_shape shape;
        int layer;
        yl_plan_cut(body, i, &layer, &shape);
        int64_t count = shape.h * shape.w * shape.c;
        if (f) {
            f->layers[i] = layer;
            f->counts[i] = count;
            f->n_cut = i + 1;
        }
        stride += count * (int64_t)yl_dtype_bytes(yl_plan_type(body));
    }
    return stride;
}

/* Is there a frozen part that ends in layers' outputs, none of them the network's own input? */
static bool has_body(yl_plan *body)
{
    int n = yl_plan_cut_count(body), layer;
    yl_shape shape;
    for (int i = 0; i < n; i++) {
        yl_plan_cut(body, i, &layer, &shape);
        if (layer < 0) return false;
    }
    return n > 0 && n <= MAX_CUT;
}

int64_t yl_features_bytes(yl_plan *body, int64_t samples)
{
    if (!has_body(body)) return 0;
    return YL_PRODUCT(samples, sample_bytes(body, NULL));
}

static yl_status allocate(yl_features *f, int64_t samples)
{
    f->samples = samples;
    YL_TRY(yl__alloc(samples, (size_t)f->stride, &f->data));
    YL_TRY(yl__calloc(samples, sizeof *f->rows, &f->rows));
    return yl__calloc(samples, sizeof *f->row_counts, &f->row_counts);
}

yl_status yl_features_create(yl_device *device, yl_plan *body, int64_t samples, yl_features **out)
{
    if (!has_body(body))
        return yl__fail(YL_INVALID, "nothing below the first trainable layer is frozen: there is no body to cache");
    if (samples < 0) return yl__fail(YL_INVALID, "features: expected at least 0 samples, got %lld", (long long)samples);
    yl_features *f;
    YL_TRY(yl__calloc(1, sizeof *f, &f));
    f->device = device;
    f->dtype = yl_plan_type(body);
    f->stride = sample_bytes(body, f);
    yl_status status = allocate(f, samples);
    if (status != YL_OK)
        yl_features_free(f);
    else
        *out = f;
    return status;
}

void yl_features_free(yl_features *f)
{
    if (!f) return;
    for (int64_t i = 0; f->rows && i < f->samples; i++) yl__free(f->rows[i]);
    yl__free(f->rows);
    yl__free(f->row_counts);
    yl__free(f->batch_rows);
    yl__free(f->batch_counts);
    yl__free(f->data);
    yl__free(f);
}

static yl_status store_truth(yl_features *f, const yl_truth *truth, int64_t image, int64_t sample)
{
    int32_t count = truth->counts[image];
    yl__free(f->rows[sample]);
    f->rows[sample] = NULL;
    f->row_counts[sample] = 0;
    if (count == 0) return YL_OK;
    int64_t floats = count * yl_truth_fields(truth);
    YL_TRY(yl__alloc(floats, sizeof(float), &f->rows[sample]));
    memcpy(f->rows[sample], yl_truth_row(truth, image, 0), (size_t)floats * sizeof(float));
    f->attributes = truth->attributes;
    f->row_counts[sample] = count; /* only now: there are rows */
    if (count > f->cap) f->cap = count;
    return YL_OK;
}

static yl_status check_sample(const yl_features *f, int64_t sample)
{
    if (sample >= 0 && sample < f->samples) return YL_OK;
    return yl__fail(YL_INVALID, "features: sample %lld of %lld", (long long)sample + 1, (long long)f->samples);
}

yl_status yl_features_store(yl_features *f, yl_plan *body, int64_t image, const yl_truth *truth, int64_t sample)
{
    YL_TRY(check_sample(f, sample));
    char *to = f->data + sample * f->stride;
    for (int i = 0; i < f->n_cut; i++) {
        yl_view from;
        YL_TRY(yl_plan_cut_data(body, i, &from));
        from = yl_view_image(from, image);
        YL_TRY(f->device->from_device(f->device, to, from.data, yl_view_bytes(from)));
        to += yl_view_bytes(from);
    }
    return store_truth(f, truth, image, sample);
}

/* Same layers, sizes and type: the tail's cut is the one that was cached. */
static yl_status check_cut(const yl_features *f, yl_plan *tail)
{
    bool same = yl_plan_cut_count(tail) == f->n_cut && yl_plan_type(tail) == f->dtype;
    for (int i = 0; same && i < f->n_cut; i++) {
        yl_shape shape;
        int layer;
        yl_plan_cut(tail, i, &layer, &shape);
        same = layer == f->layers[i] && shape.h * shape.w * shape.c == f->counts[i];
    }
    return same ? YL_OK : yl__fail(YL_INVALID, "features: the plan's cut is not the one that was cached");
}

yl_status yl_features_load(const yl_features *f, yl_plan *tail, const int64_t *samples)
{
    YL_TRY(check_cut(f, tail));
    int64_t batch = yl_plan_get_options(tail)->batch;
    for (int64_t n = 0; n < batch; n++) {
        YL_TRY(check_sample(f, samples[n]));
        const char *from = f->data + samples[n] * f->stride;
        for (int i = 0; i < f->n_cut; i++) {
            yl_view to;
            YL_TRY(yl_plan_cut_data(tail, i, &to));
            to = yl_view_image(to, n);
            YL_TRY(f->device->to_device(f->device, to.data, from, yl_view_bytes(to)));
            from += yl_view_bytes(to);
        }
    }
    return YL_OK;
}

yl_status yl_features_truth(yl_features *f, const int64_t *samples, int64_t count, yl_truth *out)
{
    yl_truth truth = {.n = count, .cap = f->cap > 0 ? f->cap : 1, .attributes = f->attributes};
    int64_t fields = yl_truth_fields(&truth), row = truth.cap * fields;
    YL_TRY(yl__reserve(count * row, &f->batch_row_capacity, sizeof(float), &f->batch_rows));
    YL_TRY(yl__reserve(count, &f->batch_count_capacity, sizeof(int32_t), &f->batch_counts));
    memset(f->batch_rows, 0, (size_t)(count * row) * sizeof(float));
    for (int64_t n = 0; n < count; n++) {
        YL_TRY(check_sample(f, samples[n]));
        f->batch_counts[n] = f->row_counts[samples[n]];
        size_t bytes = (size_t)(f->row_counts[samples[n]] * fields) * sizeof(float);
        if (bytes) memcpy(f->batch_rows + n * row, f->rows[samples[n]], bytes);
    }
    truth.rows = f->batch_rows;
    truth.counts = f->batch_counts;
    *out = truth;
    return YL_OK;
}
