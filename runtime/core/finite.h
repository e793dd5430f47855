/* Numbers that are not finite: what a network of them gives is no answer, so whoever reads numbers from files looks for them. */
#ifndef YL_CORE_FINITE_H
#define YL_CORE_FINITE_H

#include <math.h>
#include <stdint.h>

/* The place, from 0, of the first number that is not finite; -1 where all are. */
static inline int64_t yl__not_finite(const float *numbers, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(numbers[i])) return i;
    return -1;
}

#endif
