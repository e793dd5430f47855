/* Descriptors of cuDNN's double: what they hold, and which attributes there are. Part of cudnn.cpp. */
#ifndef DOUBLE_CUDNN_DESCRIPTORS_H
#define DOUBLE_CUDNN_DESCRIPTORS_H

#include "cudnn.h"

#include <set>

using namespace cuda_double;

namespace
{

struct value {
    int type;
    int64_t count;
    std::vector<char> bytes;
};

struct descriptor {
    int type;
    bool finalised = false;
    std::map<int, value> values;
    int engine = -1; /* of engines and what is made of them */
};

struct handle {
    cudaStream_t stream = nullptr;
};

std::set<const void *> live, handles;

enum { ANY = -1 };

/* What an attribute is: of which descriptor, its elements' type and bytes, how many, whether it has to be set, and the type of descriptor
 * that it refers to. */
struct rule {
    int attribute, owner, type, bytes;
    int64_t least, most;
    bool required;
    int refers;
};

#define A(name) YL_CUDNN_ATTR_##name
#define T(name) YL_CUDNN_TYPE_##name
#define D(name) YL_CUDNN_BACKEND_##name##_DESCRIPTOR
#define REFERS(attribute, owner, required, to)                                                                         \
    {                                                                                                                  \
        attribute, owner, T(BACKEND_DESCRIPTOR), 8, 1, 1, required, to                                                 \
    }
#define CONVOLVES(prefix, owner, x, w, y)                                                                              \
    REFERS(A(prefix##_##x), owner, true, D(TENSOR)), REFERS(A(prefix##_##w), owner, true, D(TENSOR)),                  \
        REFERS(A(prefix##_##y), owner, true, D(TENSOR)), REFERS(A(prefix##_CONV_DESC), owner, true, D(CONVOLUTION)),   \
        {A(prefix##_ALPHA), owner, T(FLOAT), 4, 1, 1, true, ANY},                                                      \
    {                                                                                                                  \
        A(prefix##_BETA), owner, T(FLOAT), 4, 1, 1, true, ANY                                                          \
    }

const rule rules[] = {
    {A(TENSOR_UNIQUE_ID), D(TENSOR), T(INT64), 8, 1, 1, true, ANY},
    {A(TENSOR_DATA_TYPE), D(TENSOR), T(DATA_TYPE), 4, 1, 1, true, ANY},
    {A(TENSOR_DIMENSIONS), D(TENSOR), T(INT64), 8, 1, 8, true, ANY},
    {A(TENSOR_STRIDES), D(TENSOR), T(INT64), 8, 1, 8, true, ANY},
    {A(TENSOR_BYTE_ALIGNMENT), D(TENSOR), T(INT64), 8, 1, 1, true, ANY},
    {A(TENSOR_IS_VIRTUAL), D(TENSOR), T(BOOLEAN), 1, 1, 1, false, ANY},
    {A(CONVOLUTION_COMP_TYPE), D(CONVOLUTION), T(DATA_TYPE), 4, 1, 1, true, ANY},
    {A(CONVOLUTION_CONV_MODE), D(CONVOLUTION), T(CONVOLUTION_MODE), 4, 1, 1, true, ANY},
    {A(CONVOLUTION_SPATIAL_DIMS), D(CONVOLUTION), T(INT64), 8, 1, 1, true, ANY},
    {A(CONVOLUTION_DILATIONS), D(CONVOLUTION), T(INT64), 8, 2, 2, true, ANY},
    {A(CONVOLUTION_FILTER_STRIDES), D(CONVOLUTION), T(INT64), 8, 2, 2, true, ANY},
    {A(CONVOLUTION_PRE_PADDINGS), D(CONVOLUTION), T(INT64), 8, 2, 2, true, ANY},
    {A(CONVOLUTION_POST_PADDINGS), D(CONVOLUTION), T(INT64), 8, 2, 2, true, ANY},
    CONVOLVES(OPERATION_CONVOLUTION_FORWARD, D(OPERATION_CONVOLUTION_FORWARD), X, W, Y),
    CONVOLVES(OPERATION_CONVOLUTION_BWD_DATA, D(OPERATION_CONVOLUTION_BACKWARD_DATA), DX, W, DY),
    CONVOLVES(OPERATION_CONVOLUTION_BWD_FILTER, D(OPERATION_CONVOLUTION_BACKWARD_FILTER), X, DW, DY),
    {A(POINTWISE_MODE), D(POINTWISE), T(POINTWISE_MODE), 4, 1, 1, true, ANY},
    {A(POINTWISE_MATH_PREC), D(POINTWISE), T(DATA_TYPE), 4, 1, 1, true, ANY},
    {A(POINTWISE_RELU_LOWER_CLIP_SLOPE), D(POINTWISE), T(DOUBLE), 8, 1, 1, false, ANY},
    REFERS(A(OPERATION_POINTWISE_PW_DESCRIPTOR), D(OPERATION_POINTWISE), true, D(POINTWISE)),
    REFERS(A(OPERATION_POINTWISE_XDESC), D(OPERATION_POINTWISE), true, D(TENSOR)),
    REFERS(A(OPERATION_POINTWISE_BDESC), D(OPERATION_POINTWISE), false, D(TENSOR)),
    REFERS(A(OPERATION_POINTWISE_YDESC), D(OPERATION_POINTWISE), true, D(TENSOR)),
    {A(OPERATIONGRAPH_HANDLE), D(OPERATIONGRAPH), T(HANDLE), 8, 1, 1, true, ANY},
    {A(OPERATIONGRAPH_OPS), D(OPERATIONGRAPH), T(BACKEND_DESCRIPTOR), 8, 1, 100, true, ANY},
    {A(ENGINEHEUR_MODE), D(ENGINEHEUR), T(HEUR_MODE), 4, 1, 1, true, ANY},
    REFERS(A(ENGINEHEUR_OPERATION_GRAPH), D(ENGINEHEUR), true, D(OPERATIONGRAPH)),
    REFERS(A(ENGINECFG_ENGINE), D(ENGINECFG), true, D(ENGINE)),
    {A(EXECUTION_PLAN_HANDLE), D(EXECUTION_PLAN), T(HANDLE), 8, 1, 1, true, ANY},
    REFERS(A(EXECUTION_PLAN_ENGINE_CONFIG), D(EXECUTION_PLAN), true, D(ENGINECFG)),
    {A(VARIANT_PACK_UNIQUE_IDS), D(VARIANT_PACK), T(INT64), 8, 1, 100, true, ANY},
    {A(VARIANT_PACK_DATA_POINTERS), D(VARIANT_PACK), T(VOID_PTR), 8, 1, 100, true, ANY},
    {A(VARIANT_PACK_WORKSPACE), D(VARIANT_PACK), T(VOID_PTR), 8, 1, 1, true, ANY},
};

const rule *rule_of(int attribute)
{
    for (const rule &r : rules)
        if (r.attribute == attribute) return &r;
    return nullptr;
}

descriptor *checked(const void *at, const char *what)
{
    if (!live.count(at)) die("cuDNN: %s is a descriptor that was destroyed, or never made", what);
    return static_cast<descriptor *>(const_cast<void *>(at));
}

template <class V> const V *all_of(const descriptor *d, int attribute)
{
    auto at = d->values.find(attribute);
    return at == d->values.end() ? nullptr : reinterpret_cast<const V *>(at->second.bytes.data());
}

template <class V> V one_of(const descriptor *d, int attribute, V otherwise = V())
{
    const V *found = all_of<V>(d, attribute);
    return found ? *found : otherwise;
}

int64_t count_of(const descriptor *d, int attribute)
{
    auto at = d->values.find(attribute);
    return at == d->values.end() ? 0 : at->second.count;
}

/* The descriptor that an attribute refers to: live, finalised, and of the type that the rule says. */
descriptor *other(const descriptor *d, int attribute)
{
    void *const *at = all_of<void *>(d, attribute);
    if (!at) return nullptr;
    descriptor *o = checked(*at, "what an attribute refers to");
    const rule *r = rule_of(attribute);
    if (!o->finalised) die("cuDNN: attribute %d refers to a descriptor that was not finalised", attribute);
    if (r->refers != ANY && o->type != r->refers)
        die("cuDNN: attribute %d refers to a descriptor of type %d; expected type %d", attribute, o->type, r->refers);
    return o;
}

} // namespace

#endif
