/* Quarters of four pictures in one sample. */
#include "augment/mosaic.h"

static const double LEAST = 0.25; /* of a side that a piece has */
enum { STREAM = 0x6d6f7361 /* "mosa": apart from the samples' streams */ };

yl_rng yl_mosaic_rng(uint64_t seed, int64_t epoch, int64_t index, int piece)
{
    return yl_rng_make(piece ? seed ^ (STREAM + (uint64_t)piece) : seed, (uint32_t)epoch, (uint32_t)index);
}

yl_mosaic yl_mosaic_draw(const yl_augment_options *options, uint64_t seed, int64_t epoch, int64_t index, int64_t count)
{
    yl_mosaic m = {.pieces = 1, .index = {index}};
    if (options->mosaic <= 0) return m;
    yl_rng rng = yl_rng_make(seed ^ STREAM, (uint32_t)epoch, (uint32_t)index);
    if (yl_rng_uniform(&rng) >= options->mosaic) return m;
    m.pieces = YL_MOSAIC_PIECES;
    for (int k = 1; k < YL_MOSAIC_PIECES; k++) m.index[k] = yl_rng_below(&rng, count);
    m.x = yl_rng_range(&rng, LEAST, 1 - LEAST);
    m.y = yl_rng_range(&rng, LEAST, 1 - LEAST);
    return m;
}

bool yl_mosaic_place(const yl_mosaic *m, int piece, yl_record *record)
{
    if (m->pieces == 1) return true;
    int64_t w = record->warp.w, h = record->warp.h, x = (int64_t)(m->x * (double)w), y = (int64_t)(m->y * (double)h);
    bool right = piece & 1, below = piece & 2;
    yl_record_confine(record, right ? x : 0, below ? y : 0, right ? w : x, below ? h : y);
    return record->warp.pane_w > 0 && record->warp.pane_h > 0;
}
