/* The types of activations as kernels see them: computed with as float, stored as what they are. A kernel is a template over the type,
 * and yl__typed chooses it by the geometry's dtype. */
#ifndef YL_KERNELS_NUMBER_CUH
#define YL_KERNELS_NUMBER_CUH

#include "core/half.h"
#include "core/status.h"

/* There is no constructor from float, so that mixed expressions are of type float and a number is rounded once, where it is assigned. */
struct yl__bf16 {
    uint16_t bits;
    YL_BOTH operator float() const
    {
        return yl_of_bf16(bits);
    }
    YL_BOTH yl__bf16 &operator=(float value)
    {
        bits = yl_to_bf16(value);
        return *this;
    }
};

struct yl__f16 {
    uint16_t bits;
    YL_BOTH operator float() const
    {
        return yl_of_f16(bits);
    }
    YL_BOTH yl__f16 &operator=(float value)
    {
        bits = yl_to_f16(value);
        return *this;
    }
};

/* The types that the plug-in's devices accept, as bits of yl_device.dtypes. */
enum { YL__CUDA_DTYPES = 1 << YL_F32 | 1 << YL_BF16 | 1 << YL_F16 };

static inline bool yl__cuda_accepts(yl_dtype dtype)
{
    return YL__CUDA_DTYPES >> dtype & 1;
}

/* Calls launch with a number of that type. A plan has asked whether the device accepts it. */
template <class F> yl_status yl__typed(yl_dtype dtype, const F &launch)
{
    if (dtype == YL_BF16) return launch(yl__bf16());
    return dtype == YL_F16 ? launch(yl__f16()) : launch(0.0f);
}

/* The value of an expression in which T is the type that stands in the geometry: YL_TYPED(g->dtype, T, yl__launch_each(ctx, "copy",
 * count, copy<T>, (const T *)x, (T *)y)). */
#define YL_TYPED(dtype, T, ...)                                                                                        \
    yl__typed(dtype, [&]([[maybe_unused]] auto number) {                                                               \
        typedef decltype(number) T;                                                                                    \
        return __VA_ARGS__;                                                                                            \
    })

#endif
