/* Derivatives of element-wise operations, for pieces of rows. Where a function has a kink, the slope is between those of its sides: abs and
 * relu have 0 at 0, and the two operands of minimum and maximum share a tie. */
#ifndef YL_TENSOR_SLOPES_H
#define YL_TENSOR_SLOPES_H

#include "tensor/tensor.h"

/* What a slope is computed from. */
enum { YL__READS_FIRST = 1, YL__READS_SECOND = 2, YL__READS_RESULT = 4 };

/* Whether the operation has slopes at all; comparisons give integers, which have none. */
bool yl__binary_has_slopes(yl_binary op);
unsigned yl__binary_slope_reads(yl_binary op, bool second);
/* out = dy * d(a op b) / da, or / db for the second operand. What is not read may be anything. */
void yl__binary_slopes(yl_binary op, bool second, int64_t n, const double *a, const double *b, const double *dy,
                       double *out);

/* YL__READS_FIRST, YL__READS_RESULT or 0. */
unsigned yl__unary_slope_reads(yl_unary op);
/* out = dy * d(op x) / dx; v: x or the result, whichever is read. */
void yl__unary_slopes(yl_unary op, int64_t n, const double *v, const double *dy, double *out);

#endif
