// Mistakes with cuDNN's descriptors, each beside the correct call: the double of the library ends the process with a sentence.
#include "bugs.h"
#include "kernels/cudnn.values.h"

#include <cstdint>
#include <vector>

extern "C" {
int cudnnCreate(void **handle);
int cudnnSetStream(void *handle, cudaStream_t stream);
int cudnnBackendCreateDescriptor(int type, void **descriptor);
int cudnnBackendDestroyDescriptor(void *descriptor);
int cudnnBackendFinalize(void *descriptor);
int cudnnBackendSetAttribute(void *descriptor, int name, int type, int64_t count, const void *elements);
int cudnnBackendGetAttribute(void *descriptor, int name, int type, int64_t requested, int64_t *count, void *elements);
int cudnnBackendExecute(void *handle, void *plan, void *pack);
}

namespace
{

enum mistake {
    NONE,
    SET_TWICE,
    SET_LATE,
    WRONG_TYPE,
    WRONG_COUNT,
    FOREIGN_ATTRIBUTE,
    MISSING,
    NOT_FINALISED,
    OVERLAPPING,
    ONE_ID,
    WRONG_OUTPUT,
    DESTROYED,
    HOST_MEMORY,
    SHORT_WORKSPACE,
    UNALIGNED,
    NOT_GIVEN,
    NO_STREAM,
};

#define A(name) YL_CUDNN_ATTR_##name
#define T(name) YL_CUDNN_TYPE_##name
#define D(name) YL_CUDNN_BACKEND_##name##_DESCRIPTOR

void *make(int type)
{
    void *d = nullptr;
    cudnnBackendCreateDescriptor(type, &d);
    return d;
}

void set(void *d, int name, int type, int64_t count, const void *elements)
{
    cudnnBackendSetAttribute(d, name, type, count, elements);
}

void refer(void *d, int name, void *other)
{
    set(d, name, T(BACKEND_DESCRIPTOR), 1, &other);
}

// {1, c, 1, w} of f32, channels innermost.
void *tensor(int64_t id, int64_t c, int64_t w, mistake m = NONE)
{
    int64_t dims[] = {1, c, 1, w}, strides[] = {w * c, 1, w * c, m == OVERLAPPING ? c - 1 : c}, align = 16;
    int type = YL_CUDNN_DATA_FLOAT;
    void *t = make(D(TENSOR));
    set(t, A(TENSOR_UNIQUE_ID), m == WRONG_TYPE ? T(FLOAT) : T(INT64), 1, &id);
    if (m == SET_TWICE) set(t, A(TENSOR_UNIQUE_ID), T(INT64), 1, &id);
    if (m != MISSING) set(t, A(TENSOR_DATA_TYPE), T(DATA_TYPE), 1, &type);
    set(t, A(TENSOR_DIMENSIONS), T(INT64), m == WRONG_COUNT ? 3 : 4, dims);
    set(t, A(TENSOR_STRIDES), T(INT64), 4, strides);
    if (m == FOREIGN_ATTRIBUTE) set(t, A(CONVOLUTION_SPATIAL_DIMS), T(INT64), 1, &id);
    set(t, A(TENSOR_BYTE_ALIGNMENT), T(INT64), 1, &align);
    if (m != NOT_FINALISED) cudnnBackendFinalize(t);
    return t;
}

void *convolution()
{
    int type = YL_CUDNN_DATA_FLOAT, mode = YL_CUDNN_CROSS_CORRELATION;
    int64_t dims = 2, ones[] = {1, 1}, zeros[] = {0, 0};
    void *c = make(D(CONVOLUTION));
    set(c, A(CONVOLUTION_COMP_TYPE), T(DATA_TYPE), 1, &type);
    set(c, A(CONVOLUTION_CONV_MODE), T(CONVOLUTION_MODE), 1, &mode);
    set(c, A(CONVOLUTION_SPATIAL_DIMS), T(INT64), 1, &dims);
    set(c, A(CONVOLUTION_DILATIONS), T(INT64), 2, ones);
    set(c, A(CONVOLUTION_FILTER_STRIDES), T(INT64), 2, ones);
    set(c, A(CONVOLUTION_PRE_PADDINGS), T(INT64), 2, zeros);
    set(c, A(CONVOLUTION_POST_PADDINGS), T(INT64), 2, zeros);
    cudnnBackendFinalize(c);
    return c;
}

struct plan {
    void *handle, *x, *configuration, *at;
};

// y {1, 1, 1, 3} of x {1, 2, 1, 4} and weights {1, 2, 1, 2}, by the last engine that the double names; it wants 77 bytes of workspace.
plan make_plan(mistake m)
{
    plan p = {};
    float one = 1, zero = 0;
    int64_t count = 0;
    int mode = YL_CUDNN_HEUR_MODE_A;
    cudnnCreate(&p.handle);
    p.x = tensor(1, 2, 4, m);
    bool is_virtual = false;
    if (m == SET_LATE) set(p.x, A(TENSOR_IS_VIRTUAL), T(BOOLEAN), 1, &is_virtual);
    void *op = make(D(OPERATION_CONVOLUTION_FORWARD)), *graph = make(D(OPERATIONGRAPH)),
         *heuristics = make(D(ENGINEHEUR));
    refer(op, A(OPERATION_CONVOLUTION_FORWARD_X), p.x);
    refer(op, A(OPERATION_CONVOLUTION_FORWARD_W), tensor(m == ONE_ID ? 1 : 2, 2, 2));
    refer(op, A(OPERATION_CONVOLUTION_FORWARD_Y), tensor(3, 1, m == WRONG_OUTPUT ? 4 : 3));
    refer(op, A(OPERATION_CONVOLUTION_FORWARD_CONV_DESC), convolution());
    set(op, A(OPERATION_CONVOLUTION_FORWARD_ALPHA), T(FLOAT), 1, &one);
    set(op, A(OPERATION_CONVOLUTION_FORWARD_BETA), T(FLOAT), 1, &zero);
    cudnnBackendFinalize(op);
    set(graph, A(OPERATIONGRAPH_HANDLE), T(HANDLE), 1, &p.handle);
    refer(graph, A(OPERATIONGRAPH_OPS), op);
    cudnnBackendFinalize(graph);
    refer(heuristics, A(ENGINEHEUR_OPERATION_GRAPH), graph);
    set(heuristics, A(ENGINEHEUR_MODE), T(HEUR_MODE), 1, &mode);
    cudnnBackendFinalize(heuristics);
    std::vector<void *> list(16);
    for (void *&each : list) each = make(D(ENGINECFG));
    cudnnBackendGetAttribute(heuristics, A(ENGINEHEUR_RESULTS), T(BACKEND_DESCRIPTOR), 16, &count, list.data());
    p.configuration = list[size_t(count - 1)], p.at = make(D(EXECUTION_PLAN));
    set(p.at, A(EXECUTION_PLAN_HANDLE), T(HANDLE), 1, &p.handle);
    refer(p.at, A(EXECUTION_PLAN_ENGINE_CONFIG), p.configuration);
    cudnnBackendFinalize(p.at);
    return p;
}

bool runs_with(mistake m)
{
    plan p = make_plan(m);
    std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8}, w = {1, 10, 100, 1000}, want = {4321, 6543, 8765};
    device_array at_x(9), at_w(4), at_y(3), workspace(m == SHORT_WORKSPACE ? 19 : 20);
    give(at_x.at, x), give(at_w.at, w);
    int64_t ids[] = {1, 2, 3};
    float *pointers[] = {m == HOST_MEMORY ? x.data() : m == UNALIGNED ? at_x.at + 1 : at_x.at, at_w.at, at_y.at};
    void *pack = make(D(VARIANT_PACK)), *space = workspace.at;
    set(pack, A(VARIANT_PACK_UNIQUE_IDS), T(INT64), m == NOT_GIVEN ? 2 : 3, ids);
    set(pack, A(VARIANT_PACK_DATA_POINTERS), T(VOID_PTR), m == NOT_GIVEN ? 2 : 3, pointers);
    set(pack, A(VARIANT_PACK_WORKSPACE), T(VOID_PTR), 1, &space);
    cudnnBackendFinalize(pack);
    if (m == DESTROYED) cudnnBackendDestroyDescriptor(p.configuration);
    if (m != NO_STREAM) cudnnSetStream(p.handle, stream_a);
    cudnnBackendExecute(p.handle, p.at, pack);
    return same(take(at_y.at, 3), want);
}

template <mistake m> bool wrong(bool bug)
{
    return runs_with(bug ? m : NONE);
}

} // namespace

const std::vector<test> &cudnn_tests()
{
    static const std::vector<test> tests = {
        {"cuDNN: attribute set twice", wrong<SET_TWICE>, "attribute 906 is set twice"},
        {"cuDNN: attribute set late", wrong<SET_LATE>, "attribute 907 is set after its descriptor was finalised"},
        {"cuDNN: attribute of another type", wrong<WRONG_TYPE>, "attribute 906 is of type 4; expected 3"},
        {"cuDNN: three dimensions", wrong<WRONG_COUNT>, "has 4 dimensions and strides"},
        {"cuDNN: attribute of another descriptor", wrong<FOREIGN_ATTRIBUTE>, "of type 17 has no attribute 106"},
        {"cuDNN: missing attribute", wrong<MISSING>, "attribute 901 was not set"},
        {"cuDNN: descriptor that is not finalised", wrong<NOT_FINALISED>, "a descriptor that was not finalised"},
        {"cuDNN: stride too small", wrong<OVERLAPPING>, "elements of a tensor lie on each other"},
        {"cuDNN: one id for two tensors", wrong<ONE_ID>, "two tensors have the id 1"},
        {"cuDNN: output of another size", wrong<WRONG_OUTPUT>, "y has 4 rows or columns; expected 3"},
        {"cuDNN: plan whose configuration was destroyed", wrong<DESTROYED>, "a descriptor that was destroyed"},
        {"cuDNN: host memory", wrong<HOST_MEMORY>, "a tensor of cuDNN: "},
        {"cuDNN: workspace too small", wrong<SHORT_WORKSPACE>, "the workspace of cuDNN: 77 bytes are more than the 76"},
        {"cuDNN: unaligned tensor", wrong<UNALIGNED>, "tensor 1 is not aligned"},
        {"cuDNN: tensor that is not given", wrong<NOT_GIVEN>, "tensor 3 is not given"},
        {"cuDNN: no stream", wrong<NO_STREAM>, "the default stream is used"},
    };
    return tests;
}
