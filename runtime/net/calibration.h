/* Calibration: which numbers each activation of a network takes on pictures, and from that what its bytes stand for in plans of precision
 * int8. Weights need none: their scales follow from them (kernels/quant.h).
 *
 * A calibrated network keeps a quantisation per value, and which layers stay f32. It holds for the weights that it was made with. */
#ifndef YL_NET_CALIBRATION_H
#define YL_NET_CALIBRATION_H

#include "net/net.h"

typedef struct yl_calibration {
    uint64_t version;  /* of the weights */
    bool follows;      /* weights are trained for it (plans of options.quantise): it holds whatever they become */
    bool *f32;         /* layers: those that compute in f32; behind the values */
    yl_quant values[]; /* layers + 1: of the input, and of each layer's output; scale 0: never bytes */
} yl_calibration;

/* The quantisation of numbers from `low` to `high`, widened to hold 0. Numbers that are all 0 have the scale 1. */
yl_quant yl_quant_of(double low, double high);

/* Makes the network calibrated, with nothing in it, in place of what it had; then each value and layer is told. */
yl_status yl_calibration_begin(yl_net *net);
/* `layer` -1: the input. Errors: INVALID where low and high are no range. */
yl_status yl_calibration_set(yl_net *net, int layer, double low, double high);
void yl_calibration_keep_f32(yl_net *net, int layer);
/* Errors: INVALID where the network has no calibration, or its weights have changed since. */
yl_status yl_calibration_check(const yl_net *net);

/* What is gathered of one activation over many pictures: first its extremes, then a histogram between them. */
enum { YL_HISTOGRAM = 4096 };
typedef struct yl_histogram {
    double low, high; /* the extremes; low > high: nothing seen yet */
    int64_t count, bins[YL_HISTOGRAM];
} yl_histogram;

/* How a range is chosen out of a histogram:
 * MINMAX: the extremes.  PERCENTILE: all but (1 - share) / 2 of the numbers on either side.
 * MSE: the range whose bytes differ least from the numbers, by their mean square.  KL: the range whose distribution, as bytes have it,
 * differs least from that of the numbers (Kullback-Leibler divergence; Migacz 2017). */
typedef enum yl_range_method { YL_RANGE_MINMAX, YL_RANGE_PERCENTILE, YL_RANGE_MSE, YL_RANGE_KL } yl_range_method;

/* Errors: NUMERIC where a number is not finite. */
yl_status yl_histogram_extremes(yl_histogram *h, int64_t count, const float *numbers);
void yl_histogram_add(yl_histogram *h, int64_t count, const float *numbers);
void yl_histogram_range(const yl_histogram *h, yl_range_method method, double share, double *low, double *high);
/* Root mean square of the differences of bytes for that range from the numbers, relative to that of the numbers; 0 where all are 0. */
double yl_histogram_error(const yl_histogram *h, double low, double high);

#endif
