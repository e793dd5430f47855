/* Sums over the rows of a matrix {rows, cols}, per column, in a fixed order: each block sums a strip of columns over a part of the
 * rows, in float by stretches of 64 rows and in double beyond; a second kernel adds the parts in order.
 *
 * Term is a struct with `count` sums per column and
 *   static __device__ void add(float sums[count], float x, float y, float centre): one element of x and, where there is one, of y. */
#ifndef YL_KERNELS_COLUMNS_CUH
#define YL_KERNELS_COLUMNS_CUH

#include "kernels/launch.cuh"

enum { YL__STRIP = 32, YL__LANES = 8, YL__STRETCH = 64, YL__MOST_PARTS = 64 };

/* Parts of the rows: a function of the sizes alone, so that a result does not depend on the device. */
static inline int yl__column_parts(int64_t rows, size_t room, size_t bytes_per_part)
{
    int64_t parts = (rows + 1023) / 1024, most = (int64_t)(room / bytes_per_part);
    if (parts > YL__MOST_PARTS) parts = YL__MOST_PARTS;
    if (parts > most) parts = most;
    return parts < 1 ? 1 : (int)parts;
}

/* partial {parts, cols, count}; y and centre may be NULL. */
template <class Term, class T, class C>
__global__ void yl__column_sums_kernel(int64_t rows, int64_t cols, int parts, const T *x, const T *y, const C *centre,
                                       double *partial)
{
    YL_SHARED(double, lanes, [YL__LANES][YL__STRIP][Term::count]);
    int64_t col = (int64_t)blockIdx.x * YL__STRIP + threadIdx.x;
    int64_t from = rows * blockIdx.y / parts, to = rows * (blockIdx.y + 1) / parts;
    double total[Term::count] = {};
    for (int64_t r = from + threadIdx.y; col < cols && r < to;) {
        float sums[Term::count] = {};
        for (int k = 0; k < YL__STRETCH && r < to; k++, r += YL__LANES)
            Term::add(sums, x[r * cols + col], y ? (float)y[r * cols + col] : 0.0f, centre ? (float)centre[col] : 0.0f);
        for (int k = 0; k < Term::count; k++) total[k] += sums[k];
    }
    for (int k = 0; k < Term::count; k++) lanes[threadIdx.y][threadIdx.x][k] = total[k];
    __syncthreads();
    if (threadIdx.y > 0 || col >= cols) return;
    for (int lane = 1; lane < YL__LANES; lane++)
        for (int k = 0; k < Term::count; k++) total[k] += lanes[lane][threadIdx.x][k];
    for (int k = 0; k < Term::count; k++) partial[((int64_t)blockIdx.y * cols + col) * Term::count + k] = total[k];
}

template <class Term, class T, class C>
yl_status yl__column_sums(const yl_ctx *ctx, const char *name, int64_t rows, int64_t cols, int parts, const T *x,
                          const T *y, const C *centre, double *partial)
{
    dim3 blocks((unsigned)((cols + YL__STRIP - 1) / YL__STRIP), (unsigned)parts), threads(YL__STRIP, YL__LANES);
    return yl__launch(ctx, name, blocks, threads, yl__column_sums_kernel<Term, T, C>, rows, cols, parts, x, y, centre,
                      partial);
}

/* Sum k of column `col`, over the parts in order. */
template <class Term>
static __device__ inline double yl__column_total(const double *partial, int64_t cols, int parts, int64_t col, int k)
{
    double sum = 0;
    for (int p = 0; p < parts; p++) sum += partial[((int64_t)p * cols + col) * Term::count + k];
    return sum;
}

#endif
