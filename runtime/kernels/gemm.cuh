/* Matrix products with operands that are looked up: C {m, n} = sum over k of A(m, k) B(k, n).
 *
 * A block of 256 threads makes a tile of 64 x 64, 16 steps of k at a time through shared memory; a thread makes 4 x 4 of it. The order
 * of additions depends on the sizes alone. blockIdx.z counts products of equal size (a convolution's groups), times the parts into
 * which k is split.
 *
 * Op is a struct that says where numbers lie; `z` is the product:
 *   typedef ... geom;                                what it has to know, passed by value
 *   struct row, col, depth;                          what it takes apart of m, n and k once
 *   static __device__ row row_at(const geom &, int z, int64_t m);    likewise col_at, depth_at
 *   typedef ... left, right, out;                    types of A's, B's and C's numbers
 *   static __device__ float a(const geom &, const left *, const row &, const depth &);
 *   static __device__ float b(const geom &, const right *, const depth &, const col &);
 *   static __device__ void store(const geom &, int z, int part, int64_t m, int64_t n, float sum, const float *extra, out *c); */
#ifndef YL_KERNELS_GEMM_CUH
#define YL_KERNELS_GEMM_CUH

#include "kernels/launch.cuh"

enum { YL__TILE = 64, YL__STEP = 16, YL__OWN = 4 };

template <class Op>
__global__ void __launch_bounds__(256, 2)
    yl__gemm_kernel(typename Op::geom g, int64_t m, int64_t n, int64_t k, int products, const typename Op::left *a,
                    const typename Op::right *b, const float *extra, typename Op::out *c)
{
    YL_SHARED(float, tile_a, [YL__STEP][YL__TILE + 4]);
    YL_SHARED(float, tile_b, [YL__STEP][YL__TILE + 4]);
    int z = (int)blockIdx.z % products, part = (int)blockIdx.z / products, parts = (int)gridDim.z / products;
    int64_t m0 = (int64_t)blockIdx.x * YL__TILE, n0 = (int64_t)blockIdx.y * YL__TILE;
    int64_t from = k * part / parts, to = k * (part + 1) / parts;
    int step = threadIdx.x % YL__STEP, lane = threadIdx.x / YL__STEP;
    int row0 = threadIdx.x / 16 * YL__OWN, col0 = threadIdx.x % 16 * YL__OWN;
    typename Op::row rows[YL__OWN];
    typename Op::col cols[YL__OWN];
    float sum[YL__OWN][YL__OWN] = {};
    for (int i = 0; i < YL__OWN; i++) {
        int64_t at_m = m0 + lane + 16 * i, at_n = n0 + lane + 16 * i;
        rows[i] = Op::row_at(g, z, at_m < m ? at_m : m - 1);
        cols[i] = Op::col_at(g, z, at_n < n ? at_n : n - 1);
    }
    for (int64_t k0 = from; k0 < to; k0 += YL__STEP) {
        bool inside = k0 + step < to;
        typename Op::depth d = Op::depth_at(g, z, inside ? k0 + step : to - 1);
        for (int i = 0; i < YL__OWN; i++) {
            tile_a[step][lane + 16 * i] = inside ? Op::a(g, a, rows[i], d) : 0.0f;
            tile_b[step][lane + 16 * i] = inside ? Op::b(g, b, d, cols[i]) : 0.0f;
        }
        __syncthreads();
        for (int s = 0; s < YL__STEP; s++) {
            float left[YL__OWN], right[YL__OWN];
            for (int i = 0; i < YL__OWN; i++) left[i] = tile_a[s][row0 + i], right[i] = tile_b[s][col0 + i];
            for (int i = 0; i < YL__OWN; i++)
                for (int j = 0; j < YL__OWN; j++) sum[i][j] += left[i] * right[j];
        }
        __syncthreads();
    }
    for (int i = 0; i < YL__OWN; i++)
        for (int j = 0; j < YL__OWN; j++)
            if (m0 + row0 + i < m && n0 + col0 + j < n)
                Op::store(g, z, part, m0 + row0 + i, n0 + col0 + j, sum[i][j], extra, c);
}

template <class Op>
yl_status yl__gemm(const yl_ctx *ctx, const char *name, const typename Op::geom &g, int64_t m, int64_t n, int64_t k,
                   int products, int parts, const void *a, const void *b, const float *extra, void *c)
{
    dim3 blocks((unsigned)((m + YL__TILE - 1) / YL__TILE), (unsigned)((n + YL__TILE - 1) / YL__TILE),
                (unsigned)(products * parts));
    return yl__launch(ctx, name, blocks, dim3(256), yl__gemm_kernel<Op>, g, m, n, k, products,
                      (const typename Op::left *)a, (const typename Op::right *)b, extra, (typename Op::out *)c);
}

#endif
