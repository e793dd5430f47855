/* IEEE 754 binary16 to binary32, which holds each of its values. */
#ifndef YL_FORMATS_HALF_H
#define YL_FORMATS_HALF_H

#include <math.h>
#include <stdint.h>

static inline float yl__of_half(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float value = exponent == 0   ? ldexpf((float)fraction, -24)
                  : exponent < 31 ? ldexpf((float)(fraction + 1024), exponent - 25)
                  : fraction == 0 ? INFINITY
                                  : NAN;
    return h & 0x8000 ? -value : value;
}

#endif
