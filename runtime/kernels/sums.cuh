/* Sums of numbers in a fixed order: partial sums of blocks, which one more block adds. */
#ifndef YL_KERNELS_SUMS_CUH
#define YL_KERNELS_SUMS_CUH

#include "kernels/launch.cuh"

/* *out = the sum of the block's threads' numbers, in their order. */
static __device__ inline void yl__sum_lanes(double mine, double (&lanes)[YL__CUDA_BLOCK], double *out)
{
    lanes[threadIdx.x] = mine;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int t = 1; t < YL__CUDA_BLOCK; t++) mine += lanes[t];
    *out = mine;
}

/* out[k] = sum over i of partial[i * width + k], k < width: a block per k. */
static __global__ void yl__add_partials(int64_t count, int width, const double *partial, double *out)
{
    YL_SHARED(double, lanes, [YL__CUDA_BLOCK]);
    double sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += YL__CUDA_BLOCK) sum += partial[i * width + blockIdx.x];
    yl__sum_lanes(sum, lanes, out + blockIdx.x);
}

static inline yl_status yl__launch_add_partials(const yl_ctx *ctx, const char *name, int64_t count, int width,
                                                const double *partial, double *out)
{
    return yl__launch(ctx, name, dim3((unsigned)width), dim3(YL__CUDA_BLOCK), yl__add_partials, count, width, partial,
                      out);
}

/* Shares of a sum over `count` elements: a function of the count alone, at most 1024. */
static inline int64_t yl__sum_blocks(int64_t count)
{
    int64_t blocks = (count + 16 * YL__CUDA_BLOCK - 1) / (16 * YL__CUDA_BLOCK);
    return blocks < 1 ? 1 : blocks > 1024 ? 1024 : blocks;
}

/* Where the shares' sums lie: behind the first of the device's results, which is for those who want the sum there. */
static inline double *yl__sum_partials(const yl_ctx *ctx)
{
    return (double *)yl__cuda_state_of(ctx)->results + 1;
}

/* partial[b] = sum of Term::of(x[i]) over the b-th share of the elements. */
template <class Term> __global__ void yl__sum_shares(int64_t count, const float *x, double *partial)
{
    YL_SHARED(double, lanes, [YL__CUDA_BLOCK]);
    double sum = 0;
    YL_EACH(i, count) sum += Term::of(x[i]);
    yl__sum_lanes(sum, lanes, partial + blockIdx.x);
}

/* *out, in device memory, = sum of Term::of(x[i]). */
template <class Term> yl_status yl__sum(const yl_ctx *ctx, const char *name, int64_t count, const float *x, double *out)
{
    int64_t blocks = (count + 16 * YL__CUDA_BLOCK - 1) / (16 * YL__CUDA_BLOCK);
    blocks = blocks < 1 ? 1 : blocks > 1024 ? 1024 : blocks;
    double *partial =
        (double *)yl__cuda_state_of(ctx)->results + 1; /* the first is for `out` of those who want it there */
    YL_TRY(
        yl__launch(ctx, name, dim3((unsigned)blocks), dim3(YL__CUDA_BLOCK), yl__sum_shares<Term>, count, x, partial));
    return yl__launch_add_partials(ctx, name, blocks, 1, partial, out);
}

#endif
