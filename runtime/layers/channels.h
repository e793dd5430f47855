/* Answers to `channels` that several kinds of layers share. */
#ifndef YL_LAYERS_CHANNELS_H
#define YL_LAYERS_CHANNELS_H

#include "layers/layer.h"

/* An output channel is a function of the same channel of the only input. */
yl_status yl__channels_same(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel,
                            yl_channels *answer);

/* Appends a source. */
static inline void yl__channels_add(yl_channels *answer, int input, int64_t first, int64_t count, yl_channel_use use)
{
    answer->at[answer->n++] = (yl_source){input, first, count, use};
}

#endif
