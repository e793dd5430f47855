/* Matrix products on tensor cores: C {m, n} = sum over k of A(m, k) B(k, n), of bf16, f16, or f32 that is rounded to TF32 on its way to
 * shared memory; sums are f32.
 *
 * A block of 128 threads makes a tile of 128 x 64; each of its four warps makes 64 x 32 of it, as 4 x 4 products of the instruction
 * mma.sync m16n8k16 (TF32: m16n8k8). k goes through shared memory by 16 words of 32 bits (two numbers, or one of TF32) per row; the next
 * 16 are on their way from memory meanwhile. The order of additions depends on the sizes alone. blockIdx.z counts as in gemm.cuh.
 *
 * What a lane holds (PTX ISA, "Matrix Fragments for mma.m16n8k16" and "mma.m16n8k8"), in words, with g = lane / 4 and t = lane % 4:
 *   A {16, 8 words}  (g, t) (g + 8, t) (g, t + 4) (g + 8, t + 4)
 *   B {8 words, 8}   (t, g) (t + 4, g)
 *   C {16, 8}        (g, 2t) (g, 2t + 1) (g + 8, 2t) (g + 8, 2t + 1)
 *
 * Op has what gemm.cuh's has, but for a and b: operands are fetched by 16 bytes, which have to be aligned.
 *   typedef ... number;                              of A and B: yl__bf16, yl__f16, or float
 *   enum { a_along_k, b_along_k };                   do neighbours along k lie side by side? Otherwise those along m (n) do
 *   static __device__ const number *a_at(const geom &, const number *, const row &, const depth &);    NULL: zeros
 *   static __device__ const number *b_at(const geom &, const number *, const depth &, const col &); */
#ifndef YL_KERNELS_MMA_CUH
#define YL_KERNELS_MMA_CUH

#include "kernels/launch.cuh"

/* One product of a warp, d += a b. The double has definitions of its own. */
#ifndef YL_MMA_BF16
#define YL__MMA(kind, d, a, b)                                                                                         \
    asm("mma.sync.aligned." kind " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                    \
        : "+f"((d)[0]), "+f"((d)[1]), "+f"((d)[2]), "+f"((d)[3])                                                       \
        : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"((b)[0]), "r"((b)[1]))
#define YL_MMA_BF16(d, a, b) YL__MMA("m16n8k16.row.col.f32.bf16.bf16.f32", d, a, b)
#define YL_MMA_F16(d, a, b) YL__MMA("m16n8k16.row.col.f32.f16.f16.f32", d, a, b)
#define YL_MMA_TF32(d, a, b) YL__MMA("m16n8k8.row.col.f32.tf32.tf32.f32", d, a, b)
#define YL_TO_TF32(to, bits) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(to) : "r"(bits))
#endif

static __device__ inline void yl__mma(yl__bf16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
    YL_MMA_BF16(d, a, b);
}

static __device__ inline void yl__mma(yl__f16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
    YL_MMA_F16(d, a, b);
}

static __device__ inline void yl__mma(float, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
    YL_MMA_TF32(d, a, b);
}

enum {
    YL__MMA_M = 128,
    YL__MMA_N = 64,
    YL__MMA_THREADS = 128,
    YL__MMA_WORDS = 16,                /* of k, per row of a tile; */
    YL__MMA_ROW = YL__MMA_WORDS + 4,   /* and so many apart, so that a warp's fragments lie in 32 different banks */
    YL__MMA_LOADS = YL__MMA_WORDS / 4, /* of 16 bytes per row */
};

/* 16 bytes as they are fetched: 8 numbers, or 4 of f32, which become TF32. */
template <class T> struct yl__mma_load {
    enum { count = 16 / sizeof(T), per_word = 4 / sizeof(T) };
    uint32_t words[4];
    __device__ void fetch(const T *from)
    {
        uint4 all = {0, 0, 0, 0};
        if (from) all = *(const uint4 *)from;
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
    }
    static __device__ uint32_t rounded(uint32_t word)
    {
        if constexpr (per_word == 1) YL_TO_TF32(word, word);
        return word;
    }
    /* into a row of a tile, at word 4 * at */
    __device__ void along_k(uint32_t (*tile)[YL__MMA_ROW], int row, int at) const
    {
        uint4 all = {rounded(words[0]), rounded(words[1]), rounded(words[2]), rounded(words[3])};
        *(uint4 *)&tile[row][4 * at] = all;
    }
    /* into `count` rows from `row` on, at number k */
    __device__ void across(uint32_t (*tile)[YL__MMA_ROW], int row, int k) const
    {
        for (int i = 0; i < 4; i++) {
            if constexpr (per_word == 1) {
                tile[row + i][k] = rounded(words[i]);
            } else {
                ((uint16_t *)tile[row + 2 * i])[k] = (uint16_t)words[i];
                ((uint16_t *)tile[row + 2 * i + 1])[k] = (uint16_t)(words[i] >> 16);
            }
        }
    }
};

/* Which rows and numbers of k a thread fetches for a tile of `height` rows: load i is of row(i), from number depth(i) on. */
template <class T, int height, bool along_k> struct yl__mma_share {
    enum {
        loads = height * YL__MMA_LOADS / YL__MMA_THREADS,
        rows = along_k ? loads : 1, /* different ones among a thread's loads */
        width = height / yl__mma_load<T>::count,
    };
    static __device__ int row(int i)
    {
        int at = (int)threadIdx.x + i * YL__MMA_THREADS;
        return along_k ? at / YL__MMA_LOADS : at % width * yl__mma_load<T>::count;
    }
    static __device__ int depth(int i)
    {
        int at = (int)threadIdx.x + i * YL__MMA_THREADS;
        return along_k ? at % YL__MMA_LOADS * yl__mma_load<T>::count : at / width;
    }
    static __device__ void store(const yl__mma_load<T> (&from)[loads], uint32_t (*tile)[YL__MMA_ROW])
    {
        for (int i = 0; i < loads; i++) {
            if constexpr (along_k)
                from[i].along_k(tile, row(i), depth(i) / yl__mma_load<T>::count);
            else
                from[i].across(tile, row(i), depth(i));
        }
    }
};

/* The products of 8 words of k, from `at` on, of a warp's part of the tile. */
template <class T>
static __device__ inline void yl__mma_step(const uint32_t (*tile_a)[YL__MMA_ROW], const uint32_t (*tile_b)[YL__MMA_ROW],
                                           int at, float (&sum)[4][4][4])
{
    int lane = (int)threadIdx.x % 32, g = lane / 4, t = at + lane % 4;
    uint32_t b[4][2];
#pragma unroll
    for (int j = 0; j < 4; j++) b[j][0] = tile_b[8 * j + g][t], b[j][1] = tile_b[8 * j + g][t + 4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        uint32_t a[4] = {tile_a[16 * i + g][t], tile_a[16 * i + g + 8][t], tile_a[16 * i + g][t + 4],
                         tile_a[16 * i + g + 8][t + 4]};
#pragma unroll
        for (int j = 0; j < 4; j++) yl__mma(T(), sum[i][j], a, b[j]);
    }
}

/* Hands a warp's part of the tile on, 16 rows at a time through shared memory: neighbouring lanes store neighbouring columns, and the sums
 * stay in registers. */
template <class Op>
static __device__ inline void yl__mma_store(const typename Op::geom &g, int z, int part, int64_t m, int64_t n,
                                            int64_t m0, int64_t n0, float (*stage)[33], const float (&sum)[4][4][4],
                                            const float *extra, typename Op::out *c)
{
    int lane = (int)threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int k = 0; k < 16; k++)
            stage[lane / 4 + k % 4 / 2 * 8][8 * (k / 4) + lane % 4 * 2 + k % 2] = sum[i][k / 4][k % 4];
        __syncwarp();
#pragma unroll 1
        for (int row = 0; row < 16; row++) {
            int64_t at_m = m0 + 16 * i + row, at_n = n0 + lane;
            if (at_m < m && at_n < n) Op::store(g, z, part, at_m, at_n, stage[row][lane], extra, c);
        }
        __syncwarp();
    }
}

template <class Op>
__global__ void __launch_bounds__(YL__MMA_THREADS, 2)
    yl__mma_kernel(typename Op::geom g, int64_t m, int64_t n, int64_t k, int products, const typename Op::number *a,
                   const typename Op::number *b, const float *extra, typename Op::out *c)
{
    typedef typename Op::number T;
    typedef yl__mma_share<T, YL__MMA_M, Op::a_along_k> share_a;
    typedef yl__mma_share<T, YL__MMA_N, Op::b_along_k> share_b;
    const int step = YL__MMA_WORDS * (int)yl__mma_load<T>::per_word;
    YL_SHARED(uint32_t, tile_a, [YL__MMA_M][YL__MMA_ROW]);
    YL_SHARED(uint32_t, tile_b, [YL__MMA_N][YL__MMA_ROW]);
    int z = (int)blockIdx.z % products, part = (int)blockIdx.z / products, parts = (int)gridDim.z / products;
    int64_t m0 = (int64_t)blockIdx.x * YL__MMA_M, n0 = (int64_t)blockIdx.y * YL__MMA_N;
    int64_t from = k * part / parts, to = k * (part + 1) / parts;
    int warp = (int)threadIdx.x / 32, row0 = warp % 2 * 64, col0 = warp / 2 * 32;
    typename Op::row rows[share_a::rows];
    typename Op::col cols[share_b::rows];
    for (int i = 0; i < share_a::rows; i++) {
        int64_t at = m0 + share_a::row(i);
        rows[i] = Op::row_at(g, z, at < m ? at : 0);
    }
    for (int i = 0; i < share_b::rows; i++) {
        int64_t at = n0 + share_b::row(i);
        cols[i] = Op::col_at(g, z, at < n ? at : 0);
    }
    yl__mma_load<T> next_a[share_a::loads], next_b[share_b::loads];
    auto fetch = [&](int64_t k0) {
        for (int i = 0; i < share_a::loads; i++) {
            int64_t at = k0 + share_a::depth(i);
            bool inside = at < to && m0 + share_a::row(i) < m;
            next_a[i].fetch(inside ? Op::a_at(g, a, rows[i % share_a::rows], Op::depth_at(g, z, at)) : NULL);
        }
        for (int i = 0; i < share_b::loads; i++) {
            int64_t at = k0 + share_b::depth(i);
            bool inside = at < to && n0 + share_b::row(i) < n;
            next_b[i].fetch(inside ? Op::b_at(g, b, Op::depth_at(g, z, at), cols[i % share_b::rows]) : NULL);
        }
    };
    float sum[4][4][4] = {};
    fetch(from);
    for (int64_t k0 = from; k0 < to; k0 += step) {
        share_a::store(next_a, tile_a);
        share_b::store(next_b, tile_b);
        __syncthreads();
        if (k0 + step < to) fetch(k0 + step);
        for (int at = 0; at < YL__MMA_WORDS; at += 8) yl__mma_step<T>(tile_a + row0, tile_b + col0, at, sum);
        __syncthreads();
    }
    yl__mma_store<Op>(g, z, part, m, n, m0 + row0, n0 + col0, (float(*)[33])tile_a + 16 * warp, sum, extra, c);
}

template <class Op>
yl_status yl__mma_gemm(const yl_ctx *ctx, const char *name, const typename Op::geom &g, int64_t m, int64_t n, int64_t k,
                       int products, int parts, const void *a, const void *b, const float *extra, void *c)
{
    dim3 blocks((unsigned)((m + YL__MMA_M - 1) / YL__MMA_M), (unsigned)((n + YL__MMA_N - 1) / YL__MMA_N),
                (unsigned)(products * parts));
    return yl__launch(ctx, name, blocks, dim3(YL__MMA_THREADS), yl__mma_kernel<Op>, g, m, n, k, products,
                      (const typename Op::number *)a, (const typename Op::number *)b, extra, (typename Op::out *)c);
}

#endif
