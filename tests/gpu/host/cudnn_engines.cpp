/* The engines of cuDNN's double: plain loops over any strides. Three of them must not be taken by who wants sums of f32 in one order, and
 * their numbers are wrong so that it is seen; one says that it suits and then makes no plan. */
#include "cudnn.h"
#include "core/half.h"

#include <cmath>
#include <cstring>

namespace cuda_double
{

namespace
{

enum { UNORDERED, NARROW, REDUCED, BROKEN, TENSOR_CORES, EXACT, SLOW };

struct place {
    const dnn_tensor &t;
    char *at;
    char *element(int64_t a, int64_t b, int64_t c, int64_t d) const
    {
        int64_t i = a * t.strides[0] + b * t.strides[1] + c * t.strides[2] + d * t.strides[3];
        return at + i * (t.type == YL_CUDNN_DATA_FLOAT ? 4 : 2);
    }
    float get(int64_t a, int64_t b, int64_t c, int64_t d) const
    {
        const char *from = element(a, b, c, d);
        if (t.type == YL_CUDNN_DATA_FLOAT) {
            float value;
            memcpy(&value, from, 4);
            return value;
        }
        uint16_t bits;
        memcpy(&bits, from, 2);
        return t.type == YL_CUDNN_DATA_HALF ? yl_of_f16(bits) : yl_of_bf16(bits);
    }
    void put(int64_t a, int64_t b, int64_t c, int64_t d, float value) const
    {
        char *to = element(a, b, c, d);
        if (t.type == YL_CUDNN_DATA_FLOAT) {
            memcpy(to, &value, 4);
            return;
        }
        uint16_t bits = t.type == YL_CUDNN_DATA_HALF ? yl_to_f16(value) : yl_to_bf16(value);
        memcpy(to, &bits, 2);
    }
};

float factor(int engine, float value)
{
    if (engine != TENSOR_CORES) return value;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = to_tf32(bits); /* numbers of 16 bits stay what they are */
    memcpy(&value, &bits, 4);
    return value;
}

/* Calls f(x's row and column, y's, tap) for each pixel and tap that meet. */
template <class F> void each_tap(const dnn_convolution &c, F f)
{
    for (int64_t p = 0; p < c.y.dims[2]; p++)
        for (int64_t q = 0; q < c.y.dims[3]; q++)
            for (int64_t r = 0; r < c.w.dims[2]; r++)
                for (int64_t s = 0; s < c.w.dims[3]; s++) {
                    int64_t i = p * c.stride[0] - c.before[0] + r * c.dilation[0];
                    int64_t j = q * c.stride[1] - c.before[1] + s * c.dilation[1];
                    if (i >= 0 && i < c.x.dims[2] && j >= 0 && j < c.x.dims[3]) f(i, j, p, q, r, s);
                }
}

/* The sums, densely in the order of the output's dimensions. */
std::vector<float> sums_of(int engine, const dnn_convolution &c, const place &x, const place &w, const place &y)
{
    const dnn_tensor &out = c.direction == 0 ? c.y : c.direction == 1 ? c.x : c.w;
    std::vector<float> sums(size_t(out.dims[0] * out.dims[1] * out.dims[2] * out.dims[3]), 0.0f);
    auto sum = [&](int64_t a, int64_t b, int64_t i, int64_t j) -> float & {
        return sums[size_t(((a * out.dims[1] + b) * out.dims[2] + i) * out.dims[3] + j)];
    };
    int64_t in = c.w.dims[1], per_group = c.w.dims[0] / (c.x.dims[1] / in);
    for (int64_t n = 0; n < c.x.dims[0]; n++)
        for (int64_t o = 0; o < c.w.dims[0]; o++)
            for (int64_t k = 0; k < in; k++)
                each_tap(c, [&](int64_t i, int64_t j, int64_t p, int64_t q, int64_t r, int64_t s) {
                    int64_t channel = o / per_group * in + k;
                    auto take = [&](const place &t, int64_t a, int64_t b, int64_t d, int64_t e) {
                        return factor(engine, t.get(a, b, d, e));
                    };
                    if (c.direction == 0)
                        sum(n, o, p, q) += take(x, n, channel, i, j) * take(w, o, k, r, s);
                    else if (c.direction == 1)
                        sum(n, channel, i, j) += take(y, n, o, p, q) * take(w, o, k, r, s);
                    else
                        sum(o, k, r, s) += take(y, n, o, p, q) * take(x, n, channel, i, j);
                });
    return sums;
}

float ended(const dnn_graph &g, float value, float bias)
{
    value += bias;
    if (g.activation == YL_CUDNN_POINTWISE_RELU_FWD) return value > 0 ? value : float(g.slope) * value;
    if (g.activation == YL_CUDNN_POINTWISE_SWISH_FWD) return value / (1 + std::exp(-value));
    return value;
}

void compute(int engine, const dnn_graph &g, const std::map<int64_t, void *> &at)
{
    auto find = [&](int64_t id) {
        auto found = at.find(id);
        return place{g.tensors.at(id), found == at.end() ? nullptr : static_cast<char *>(found->second)};
    };
    const dnn_convolution &c = g.convolution;
    std::vector<float> sums = sums_of(engine, c, find(c.x.id), find(c.w.id), find(c.y.id));
    place to = find(g.out);
    size_t next = 0;
    bool wrong = engine == UNORDERED || engine == NARROW || engine == REDUCED;
    for (int64_t a = 0; a < to.t.dims[0]; a++)
        for (int64_t b = 0; b < to.t.dims[1]; b++) {
            float bias = g.bias ? find(g.bias).get(0, b, 0, 0) : 0;
            for (int64_t i = 0; i < to.t.dims[2]; i++)
                for (int64_t j = 0; j < to.t.dims[3]; j++) {
                    float value = wrong ? 1e4f : ended(g, c.alpha * sums[next++], bias);
                    to.put(a, b, i, j, c.beta == 0 ? value : value + c.beta * to.get(a, b, i, j));
                }
        }
}

} // namespace

/* As the library has it (9.19): of the fused graphs those with a bias of the tensors' type and virtual tensors of f32; gradients of weights in
 * the type of the activations. */
std::vector<int> dnn_engines(const dnn_graph &g)
{
    const dnn_convolution &c = g.convolution;
    const dnn_tensor &out = g.tensors.at(g.out);
    bool one_type = c.x.type == c.w.type && (c.y.is_virtual || c.y.type == c.x.type) && out.type == c.x.type;
    bool fused = g.bias || g.activation >= 0;
    if (!one_type || (fused && c.beta != 0) || (g.bias && g.tensors.at(g.bias).type != c.x.type)) return {};
    for (const auto &each : g.tensors)
        if (each.second.is_virtual && each.second.type != YL_CUDNN_DATA_FLOAT) return {};
    if (fused && c.x.type == YL_CUDNN_DATA_BFLOAT16 && g.activation == YL_CUDNN_POINTWISE_SWISH_FWD) return {};
    return {UNORDERED, NARROW, REDUCED, BROKEN, TENSOR_CORES, EXACT, SLOW};
}

std::vector<int> dnn_notes(int engine, const dnn_graph &)
{
    switch (engine) {
    case UNORDERED:
        return {YL_CUDNN_NUMERICAL_NOTE_TENSOR_CORE, YL_CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
    case NARROW:
        return {YL_CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS};
    case REDUCED:
        return {YL_CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION};
    case TENSOR_CORES:
        return {YL_CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
    default:
        return {};
    }
}

/* A number that is no multiple of anything. */
int64_t dnn_workspace(int engine, const dnn_graph &g)
{
    return engine == EXACT ? 1000 + g.convolution.w.bytes() : engine == SLOW ? 77 : 0;
}

bool dnn_makes_plan(int engine)
{
    return engine != BROKEN;
}

void dnn_queue(int engine, const dnn_graph &g, const std::map<int64_t, void *> &at, void *workspace,
               cudaStream_t stream)
{
    int64_t bytes = dnn_workspace(engine, g);
    auto work = [=] {
        if (bytes) memset(workspace, 0xEE, size_t(bytes));
        compute(engine, g, at);
    };
    if (launch(dim3(1), dim3(1), 0, stream, work) != cudaSuccess) die("cuDNN: a plan cannot be queued");
}

} // namespace cuda_double
