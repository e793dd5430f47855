/* Where an element of an NHWC tensor lies, from its index, and the windows of pooling. */
#ifndef YL_KERNELS_PIXELS_CUH
#define YL_KERNELS_PIXELS_CUH

#include "core/status.h"

typedef struct yl__pixel {
    int64_t n, i, j, c;
} yl__pixel;

static __device__ inline yl__pixel yl__pixel_at(int64_t index, int64_t h, int64_t w, int64_t c)
{
    yl__pixel p;
    p.c = index % c, index /= c;
    p.j = index % w, index /= w;
    p.i = index % h, p.n = index / h;
    return p;
}

static __device__ inline int64_t yl__pixel_index(int64_t n, int64_t i, int64_t j, int64_t c, int64_t h, int64_t w,
                                                 int64_t channels)
{
    return ((n * h + i) * w + j) * channels + c;
}

typedef struct yl__span {
    int64_t first, last;
} yl__span;

/* The positions 0..size-1 that a window beginning at `start` sees. */
static __device__ inline yl__span yl__window_inside(int64_t start, int64_t window, int64_t size)
{
    yl__span s = {start < 0 ? 0 : start, start + window > size ? size : start + window};
    return s;
}

/* The windows that see position `at`: first <= i < last. */
static __device__ inline yl__span yl__windows_over(int64_t at, int64_t pad, int64_t window, int64_t stride,
                                                   int64_t count)
{
    int64_t low = at + pad - window + 1, last = (at + pad) / stride + 1; /* i * stride >= low */
    yl__span s = {low <= 0 ? 0 : (low + stride - 1) / stride, last < count ? last : count};
    return s;
}

#endif
