/* The formulas of slopes.h. */
#include "tensor/slopes.h"

#include <math.h>

#define EACH(expression)                                                                                               \
    for (int64_t i = 0; i < n; i++) out[i] = expression;                                                               \
    break

bool yl__binary_has_slopes(yl_binary op)
{
    return op < YL_BINARY_EQ && op != YL_BINARY_FLOORDIV;
}

unsigned yl__binary_slope_reads(yl_binary op, bool second)
{
    switch (op) {
    case YL_BINARY_MUL:
        return second ? YL__READS_FIRST : YL__READS_SECOND;
    case YL_BINARY_DIV:
    case YL_BINARY_MOD:
        return second ? YL__READS_FIRST | YL__READS_SECOND : op == YL_BINARY_DIV ? YL__READS_SECOND : 0;
    case YL_BINARY_POW:
    case YL_BINARY_MIN:
    case YL_BINARY_MAX:
        return YL__READS_FIRST | YL__READS_SECOND;
    default:
        return 0;
    }
}

/* 1 where x wins, 1/2 at a tie. */
static double share(double x, double y)
{
    return x > y ? 1 : x < y ? 0 : 0.5;
}

static void first(yl_binary op, int64_t n, const double *a, const double *b, const double *dy, double *out)
{
    switch (op) {
    case YL_BINARY_MUL:
        EACH(dy[i] * b[i]);
    case YL_BINARY_DIV:
        EACH(dy[i] / b[i]);
    case YL_BINARY_POW:
        EACH(b[i] == 0 ? 0 : dy[i] * b[i] * pow(a[i], b[i] - 1));
    case YL_BINARY_MIN:
        EACH(dy[i] * share(b[i], a[i]));
    case YL_BINARY_MAX:
        EACH(dy[i] * share(a[i], b[i]));
    default: /* ADD, SUB, MOD */
        EACH(dy[i]);
    }
}

static void second(yl_binary op, int64_t n, const double *a, const double *b, const double *dy, double *out)
{
    switch (op) {
    case YL_BINARY_SUB:
        EACH(-dy[i]);
    case YL_BINARY_MUL:
        EACH(dy[i] * a[i]);
    case YL_BINARY_DIV:
        EACH(-dy[i] * a[i] / (b[i] * b[i]));
    case YL_BINARY_MOD:
        EACH(-dy[i] * floor(a[i] / b[i]));
    case YL_BINARY_POW:
        EACH(a[i] == 0 && b[i] >= 0 ? 0 : dy[i] * pow(a[i], b[i]) * log(a[i]));
    case YL_BINARY_MIN:
        EACH(dy[i] * share(a[i], b[i]));
    case YL_BINARY_MAX:
        EACH(dy[i] * share(b[i], a[i]));
    default: /* ADD */
        EACH(dy[i]);
    }
}

void yl__binary_slopes(yl_binary op, bool of_second, int64_t n, const double *a, const double *b, const double *dy,
                       double *out)
{
    (of_second ? second : first)(op, n, a, b, dy, out);
}

unsigned yl__unary_slope_reads(yl_unary op)
{
    switch (op) {
    case YL_UNARY_NEG:
    case YL_UNARY_SIGN:
    case YL_UNARY_FLOOR:
    case YL_UNARY_CEIL:
    case YL_UNARY_ROUND:
    case YL_UNARY_ISNAN:
        return 0;
    case YL_UNARY_SQRT:
    case YL_UNARY_EXP:
    case YL_UNARY_TANH:
    case YL_UNARY_SIGMOID:
    case YL_UNARY_EXPM1:
    case YL_UNARY_RELU:
        return YL__READS_RESULT;
    case YL_UNARY_ABS:
    case YL_UNARY_LOG:
    case YL_UNARY_ERF:
    case YL_UNARY_SIN:
    case YL_UNARY_COS:
    case YL_UNARY_LOG1P:
        return YL__READS_FIRST;
    }
    return 0;
}

void yl__unary_slopes(yl_unary op, int64_t n, const double *v, const double *dy, double *out)
{
    switch (op) {
    case YL_UNARY_NEG:
        EACH(-dy[i]);
    case YL_UNARY_ABS:
        EACH(dy[i] * ((v[i] > 0) - (v[i] < 0)));
    case YL_UNARY_SQRT:
        EACH(dy[i] / (2 * v[i]));
    case YL_UNARY_EXP:
        EACH(dy[i] * v[i]);
    case YL_UNARY_LOG:
        EACH(dy[i] / v[i]);
    case YL_UNARY_TANH:
        EACH(dy[i] * (1 - v[i] * v[i]));
    case YL_UNARY_SIGMOID:
        EACH(dy[i] * v[i] * (1 - v[i]));
    case YL_UNARY_ERF:
        EACH(dy[i] * 1.1283791670955126 * exp(-v[i] * v[i])); /* 2 / sqrt(pi) */
    case YL_UNARY_SIN:
        EACH(dy[i] * cos(v[i]));
    case YL_UNARY_COS:
        EACH(-dy[i] * sin(v[i]));
    case YL_UNARY_LOG1P:
        EACH(dy[i] / (1 + v[i]));
    case YL_UNARY_EXPM1:
        EACH(dy[i] * (v[i] + 1));
    case YL_UNARY_RELU:
        EACH(v[i] > 0 ? dy[i] : 0);
    case YL_UNARY_SIGN:
    case YL_UNARY_FLOOR:
    case YL_UNARY_CEIL:
    case YL_UNARY_ROUND:
    case YL_UNARY_ISNAN:
        EACH(0);
    }
}
