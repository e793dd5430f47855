/* Calibrations, and the histograms that they are chosen from. */
#include "net/calibration.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

yl_quant yl_quant_of(double low, double high)
{
    low = fmin(low, 0), high = fmax(high, 0);
    double scale = (high - low) / 255;
    if (!(scale >= 1e-30)) return (yl_quant){1, 0};
    return (yl_quant){(float)scale, (int32_t)fmin(rint(-low / scale), 255)};
}

/* Counts every change of the network's parameters. */
static uint64_t version_of(const yl_net *net)
{
    uint64_t sum = 1;
    for (int i = 0; i < net->n_ranges; i++) sum += net->ranges[i].version;
    return sum;
}

yl_status yl_calibration_begin(yl_net *net)
{
    yl_calibration *c;
    size_t n = (size_t)net->n_layers;
    YL_TRY(yl__calloc((int64_t)(sizeof *c + (n + 1) * sizeof *c->values + n * sizeof *c->f32), 1, &c));
    c->f32 = (bool *)(c->values + n + 1);
    c->version = version_of(net);
    yl__free(net->calibration);
    net->calibration = c;
    return YL_OK;
}

yl_status yl_calibration_set(yl_net *net, int layer, double low, double high)
{
    if (!isfinite(low) || !isfinite(high) || low > high)
        return yl__fail(YL_INVALID, "calibration: %s: expected a range of numbers, got %g to %g",
                        layer < 0 ? "the input" : net->layers[layer].name, low, high);
    net->calibration->values[layer + 1] = yl_quant_of(low, high);
    return YL_OK;
}

void yl_calibration_keep_f32(yl_net *net, int layer)
{
    net->calibration->f32[layer] = true;
}

yl_status yl_calibration_check(const yl_net *net)
{
    if (!net->calibration)
        return yl__fail(YL_INVALID,
                        "precision int8 needs a calibrated network: run yolua calibrate (in Lua: yl.calibrate) "
                        "and use the checkpoint that it writes");
    if (!net->calibration->follows && net->calibration->version != version_of(net))
        return yl__fail(YL_INVALID,
                        "precision int8: the network's weights have changed since it was calibrated: calibrate "
                        "it again");
    return YL_OK;
}

/* ---- histograms ----------------------------------------------------------------------------------------------------------------- */

yl_status yl_histogram_extremes(yl_histogram *h, int64_t count, const float *numbers)
{
    float low = INFINITY, high = -INFINITY;
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        low = numbers[i] < low ? numbers[i] : low;
        high = numbers[i] > high ? numbers[i] : high;
        finite &= isfinite(numbers[i]) != 0;
    }
    if (!finite) return yl__fail(YL_NUMERIC, "a number that is not finite");
    bool first = h->low > h->high || h->count == 0;
    h->low = first ? low : fmin(h->low, low), h->high = first ? high : fmax(h->high, high);
    h->count += count;
    return YL_OK;
}

void yl_histogram_add(yl_histogram *h, int64_t count, const float *numbers)
{
    double per = h->high > h->low ? YL_HISTOGRAM / (h->high - h->low) : 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (int64_t)((numbers[i] - h->low) * per);
        h->bins[at < 0 ? 0 : at < YL_HISTOGRAM ? at : YL_HISTOGRAM - 1]++;
    }
}

static double bin_centre(const yl_histogram *h, int i)
{
    return h->low + (h->high - h->low) * (i + 0.5) / YL_HISTOGRAM;
}

static double bin_width(const yl_histogram *h)
{
    return (h->high - h->low) / YL_HISTOGRAM;
}

static void percentile(const yl_histogram *h, double share, double *low, double *high)
{
    double out = (1 - share) / 2 * (double)h->count, below = 0, above = 0;
    int a = 0, b = YL_HISTOGRAM - 1;
    while (a < b && below + (double)h->bins[a] <= out) below += (double)h->bins[a++];
    while (b > a && above + (double)h->bins[b] <= out) above += (double)h->bins[b--];
    *low = bin_centre(h, a) - bin_width(h) / 2;
    *high = bin_centre(h, b) + bin_width(h) / 2;
}

/* Sum over the numbers of the squared difference to what their byte stands for. */
static double squared_error(const yl_histogram *h, double low, double high)
{
    yl_quant q = yl_quant_of(low, high);
    double sum = 0;
    for (int i = 0; i < YL_HISTOGRAM; i++) {
        if (!h->bins[i]) continue;
        double x = bin_centre(h, i), byte = fmin(fmax(rint(x / q.scale) + q.zero, 0), 255);
        double off = x - q.scale * (byte - q.zero);
        sum += (double)h->bins[i] * off * off;
    }
    return sum;
}

/* The divergence of what bytes tell from the numbers: numbers outside the range count at its ends, and each byte spreads its numbers
 * evenly over the bins that it stands for and that are not empty. */
static double divergence(const yl_histogram *h, double low, double high)
{
    yl_quant q = yl_quant_of(low, high);
    double mass[256] = {0}, inside = 0;
    int used[256] = {0}, byte[YL_HISTOGRAM];
    for (int i = 0; i < YL_HISTOGRAM; i++) {
        double at = rint(bin_centre(h, i) / q.scale) + q.zero;
        byte[i] = at < 0 || at > 255 ? -1 : (int)at;
        if (byte[i] < 0 || !h->bins[i]) continue;
        mass[byte[i]] += (double)h->bins[i], used[byte[i]]++;
        inside += (double)h->bins[i];
    }
    double sum = 0, lost = (double)h->count - inside;
    if (inside <= 0) return INFINITY;
    for (int i = 0; i < YL_HISTOGRAM; i++) {
        if (byte[i] < 0 || !h->bins[i]) continue;
        double p = (double)h->bins[i] / (double)h->count, r = mass[byte[i]] / used[byte[i]] / inside;
        sum += p * log(p / r);
    }
    return sum + (lost > 0 ? lost / (double)h->count * log(lost * YL_HISTOGRAM) : 0);
}

/* Narrows one end, then the other, then the first again, as far as the measure falls: a minimum over a grid of both. */
static void search(const yl_histogram *h, double (*measure)(const yl_histogram *, double, double), double *low,
                   double *high)
{
    enum { STEPS = 64, TURNS = 3 };
    double a = fmin(h->low, 0), b = fmax(h->high, 0), least = measure(h, a, b);
    *low = a, *high = b;
    for (int turn = 0; turn < TURNS; turn++)
        for (int end = 0; end < 2; end++)
            for (int k = 1; k < STEPS; k++) {
                double x = end ? *low : a * k / STEPS, y = end ? b * k / STEPS : *high;
                if (y - x <= 0) continue;
                double is = measure(h, x, y);
                if (is < least) least = is, *low = x, *high = y;
            }
}

void yl_histogram_range(const yl_histogram *h, yl_range_method method, double share, double *low, double *high)
{
    *low = h->low, *high = h->high;
    if (h->count == 0 || h->low >= h->high) return;
    if (method == YL_RANGE_PERCENTILE) percentile(h, share, low, high);
    if (method == YL_RANGE_MSE) search(h, squared_error, low, high);
    if (method == YL_RANGE_KL) search(h, divergence, low, high);
}

double yl_histogram_error(const yl_histogram *h, double low, double high)
{
    double sum = 0;
    for (int i = 0; i < YL_HISTOGRAM; i++) sum += (double)h->bins[i] * bin_centre(h, i) * bin_centre(h, i);
    return sum > 0 ? sqrt(squared_error(h, low, high) / sum) : 0;
}
