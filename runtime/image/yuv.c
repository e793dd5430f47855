/* With luma's excursion e and chroma's c (219 and 224, or 255), Kr and Kb of the matrix, Kg = 1 - Kr - Kb:
 *   y = 255 (Y - offset) / e,  b = 255 (Cb - 128) / c,  r = 255 (Cr - 128) / c
 *   R = y + 2 (1 - Kr) r,  B = y + 2 (1 - Kb) b,  G = y - (2 Kb (1 - Kb) b + 2 Kr (1 - Kr) r) / Kg
 * Chroma is brought to 64ths without a rounding (a weight is a number of eighths along each axis); the sums are then rounded
 * once, in fixed point with 40 places: an error below 4e-9. */
#include "image/yuv.h"
#include "core/memory.h"

enum { EIGHTHS = 8, UNIT = EIGHTHS * EIGHTHS, PLACES = 40 };

typedef struct factors {
    int64_t offset, y, r, g_b, g_r, b;
} factors;

static int64_t fixed(double v)
{
    double scaled = v * (double)((int64_t)1 << PLACES);
    return (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

yl_yuv_matrix yl_yuv_matrix_of(const yl_yuv *yuv)
{
    if (yuv->matrix != YL_YUV_AUTO) return yuv->matrix;
    return yuv->w >= 1280 || yuv->h > 576 ? YL_YUV_BT709 : YL_YUV_BT601;
}

static factors make_factors(const yl_yuv *yuv)
{
    bool hd = yl_yuv_matrix_of(yuv) == YL_YUV_BT709;
    double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
    double c = (yuv->full ? 1 : 255.0 / 224) / UNIT;
    return (factors){
        .offset = yuv->full ? 0 : 16,
        .y = fixed(yuv->full ? 1 : 255.0 / 219),
        .r = fixed(2 * (1 - kr) * c),
        .g_b = fixed(2 * kb * (1 - kb) / kg * c),
        .g_r = fixed(2 * kr * (1 - kr) / kg * c),
        .b = fixed(2 * (1 - kb) * c),
    };
}

static int64_t samples(int64_t size, int step)
{
    return step ? (size + step - 1) / step : 0;
}

int64_t yl_yuv_bytes(const yl_yuv *yuv)
{
    return yuv->w * yuv->h + 2 * samples(yuv->w, yuv->step_x) * samples(yuv->h, yuv->step_y);
}

/* Between which chroma samples the luma sample `at` lies, and how many eighths of the way it is to the second. */
static int between(int64_t at, int step, int first, int64_t count, int64_t *low, int64_t *high)
{
    int64_t half = 2 * at - first, sample = half >= 0 ? half / (2 * step) : -1;
    int share = (int)(half - sample * 2 * step) * EIGHTHS / (2 * step);
    *low = sample < 0 ? 0 : sample < count ? sample : count - 1;
    *high = sample + 1 < count ? sample + 1 : count - 1;
    return share;
}

/* One line of chroma in 64ths, one number to a luma sample. `column`: a line of scratch. */
static void chroma_line(const yl_yuv *yuv, const uint8_t *plane, int first_y, int64_t y, int32_t *column, int32_t *out)
{
    int64_t cw = samples(yuv->w, yuv->step_x), ch = samples(yuv->h, yuv->step_y), low, high;
    int share = between(y, yuv->step_y, first_y, ch, &low, &high);
    for (int64_t x = 0; x < cw; x++) column[x] = (EIGHTHS - share) * plane[low * cw + x] + share * plane[high * cw + x];
    for (int64_t x = 0; x < yuv->w; x++) {
        share = between(x, yuv->step_x, yuv->first_x, cw, &low, &high);
        out[x] = (EIGHTHS - share) * column[low] + share * column[high];
    }
}

static uint8_t rounded(int64_t v)
{
    v += (int64_t)1 << (PLACES - 1);
    if (v < 0) return 0;
    v >>= PLACES;
    return v > 255 ? 255 : (uint8_t)v;
}

static void convert_line(const factors *f, const uint8_t *luma, const int32_t *cb, const int32_t *cr, int64_t w,
                         uint8_t *out)
{
    for (int64_t x = 0; x < w; x++, out += 3) {
        int64_t y = (luma[x] - f->offset) * f->y, b = cb[x] - 128 * UNIT, r = cr[x] - 128 * UNIT;
        out[0] = rounded(y + r * f->r);
        out[1] = rounded(y - b * f->g_b - r * f->g_r);
        out[2] = rounded(y + b * f->b);
    }
}

yl_status yl_yuv_to_rgb(const yl_yuv *yuv, const uint8_t *planes, yl_image *out)
{
    factors f = make_factors(yuv);
    int32_t *lines;
    YL_TRY(yl__alloc(3 * yuv->w, sizeof *lines, &lines));
    int32_t *cb = lines, *cr = lines + yuv->w, *scratch = cr + yuv->w;
    int64_t size = samples(yuv->w, yuv->step_x) * samples(yuv->h, yuv->step_y);
    const uint8_t *cb_plane = planes + yuv->w * yuv->h, *cr_plane = cb_plane + size;
    for (int64_t x = 0; x < 2 * yuv->w; x++) cb[x] = 128 * UNIT;
    for (int64_t y = 0; y < yuv->h; y++) {
        if (size) chroma_line(yuv, cb_plane, yuv->cb_y, y, scratch, cb);
        if (size) chroma_line(yuv, cr_plane, yuv->cr_y, y, scratch, cr);
        convert_line(&f, planes + y * yuv->w, cb, cr, yuv->w, out->data + y * yuv->w * 3);
    }
    yl__free(lines);
    return YL_OK;
}
