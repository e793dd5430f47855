/* One axis of a convolution's backward-data direction with stride s: the pixels of one residue r = position mod s are a
 * convolution of their own. Its taps are the kernel positions u with u * d = r + p mod s, from the last to the first; dx
 * position r + s * i reads dy position i + (r + p - u * d) / s. */
#ifndef YL_KERNELS_AXIS_H
#define YL_KERNELS_AXIS_H

#include <stdint.h>

typedef struct yl__axis {
    int count, u[256];
    int64_t first, step; /* offset of tap 0 and between taps, in dy */
} yl__axis;

static inline yl__axis yl__axis_of(int k, int s, int d, int p, int r)
{
    yl__axis a = {0};
    for (int u = k - 1; u >= 0; u--) {
        int64_t at = (int64_t)r + p - (int64_t)u * d;
        if (at % s) continue;
        if (a.count == 0) a.first = at / s;
        if (a.count == 1) a.step = at / s - a.first;
        a.u[a.count++] = u;
    }
    return a;
}

#endif
