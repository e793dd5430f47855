/* The double of cuDNN's graph API: the descriptors that convolutions use, checked against what the library's documentation says of them, and
 * engines of plain loops. A mistake ends the process with one sentence, since the library's own answer (a status) would make the caller
 * take another algorithm. What is checked:
 *   - an attribute belongs to its descriptor, has its type and count, is set once, and before the descriptor is finalised; those that have
 *     to be set are; whatever refers to a descriptor refers to a live, finalised one of the right type, also when a plan runs;
 *   - dimensions, strides, types and ids fit each other: an id is one tensor, a virtual tensor is made once and read, and is not given;
 *   - a plan runs with the handle that it was made for, on a stream that was set, with exactly the tensors that are not virtual, aligned as
 *     they promise, in memory that holds all of them, and with as much workspace as it asked for.
 * Of its engines, some must not be taken: their numbers are wrong. */
#include "cudnn_descriptors.h"

#include <algorithm>
#include <cstring>

namespace
{

/* ---- tensors ---- */

void check_tensor(const descriptor *d)
{
    const int64_t *dims = all_of<int64_t>(d, A(TENSOR_DIMENSIONS)), *strides = all_of<int64_t>(d, A(TENSOR_STRIDES));
    int64_t n = count_of(d, A(TENSOR_DIMENSIONS)), align = one_of<int64_t>(d, A(TENSOR_BYTE_ALIGNMENT));
    int type = one_of<int>(d, A(TENSOR_DATA_TYPE));
    if (n != 4 || count_of(d, A(TENSOR_STRIDES)) != 4)
        die("cuDNN: a tensor of convolutions has 4 dimensions and strides");
    if (type != YL_CUDNN_DATA_FLOAT && type != YL_CUDNN_DATA_HALF && type != YL_CUDNN_DATA_BFLOAT16)
        die("cuDNN: a tensor has type %d; expected that of f32, f16 or bf16", type);
    if (align < (type == YL_CUDNN_DATA_FLOAT ? 4 : 2) || (align & (align - 1)))
        die("cuDNN: a tensor is aligned to %lld bytes; expected a power of two, an element at least", (long long)align);
    std::vector<std::pair<int64_t, int64_t>> order;
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || strides[i] < 1)
            die("cuDNN: dimension %d is %lld with stride %lld", i, (long long)dims[i], (long long)strides[i]);
        if (dims[i] > 1) order.push_back({strides[i], dims[i]});
    }
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i + 1 < order.size(); i++)
        if (order[i + 1].first < order[i].first * order[i].second) die("cuDNN: elements of a tensor lie on each other");
}

dnn_tensor tensor_of(const descriptor *d)
{
    dnn_tensor t = {};
    memcpy(t.dims, all_of<int64_t>(d, A(TENSOR_DIMENSIONS)), sizeof t.dims);
    memcpy(t.strides, all_of<int64_t>(d, A(TENSOR_STRIDES)), sizeof t.strides);
    t.id = one_of<int64_t>(d, A(TENSOR_UNIQUE_ID)), t.alignment = one_of<int64_t>(d, A(TENSOR_BYTE_ALIGNMENT));
    t.type = one_of<int>(d, A(TENSOR_DATA_TYPE)), t.is_virtual = one_of<bool>(d, A(TENSOR_IS_VIRTUAL));
    return t;
}

/* ---- operations ---- */

const int first_attribute[] = {A(OPERATION_CONVOLUTION_FORWARD_ALPHA), A(OPERATION_CONVOLUTION_BWD_DATA_ALPHA),
                               A(OPERATION_CONVOLUTION_BWD_FILTER_ALPHA)};
const int attributes_of[3][3] = {
    {A(OPERATION_CONVOLUTION_FORWARD_X), A(OPERATION_CONVOLUTION_FORWARD_W), A(OPERATION_CONVOLUTION_FORWARD_Y)},
    {A(OPERATION_CONVOLUTION_BWD_DATA_DX), A(OPERATION_CONVOLUTION_BWD_DATA_W), A(OPERATION_CONVOLUTION_BWD_DATA_DY)},
    {A(OPERATION_CONVOLUTION_BWD_FILTER_X), A(OPERATION_CONVOLUTION_BWD_FILTER_DW),
     A(OPERATION_CONVOLUTION_BWD_FILTER_DY)}};

int direction_of(int type)
{
    return type == D(OPERATION_CONVOLUTION_FORWARD)           ? 0
           : type == D(OPERATION_CONVOLUTION_BACKWARD_DATA)   ? 1
           : type == D(OPERATION_CONVOLUTION_BACKWARD_FILTER) ? 2
                                                              : -1;
}

dnn_convolution convolution_of(const descriptor *d)
{
    dnn_convolution c = {};
    c.direction = direction_of(d->type);
    const int *names = attributes_of[c.direction], first = first_attribute[c.direction];
    c.x = tensor_of(other(d, names[0])), c.w = tensor_of(other(d, names[1])), c.y = tensor_of(other(d, names[2]));
    c.alpha = one_of<float>(d, first), c.beta = one_of<float>(d, first + 1);
    const descriptor *p = other(d, first + 2);
    for (int i = 0; i < 2; i++) {
        c.stride[i] = all_of<int64_t>(p, A(CONVOLUTION_FILTER_STRIDES))[i];
        c.dilation[i] = all_of<int64_t>(p, A(CONVOLUTION_DILATIONS))[i];
        c.before[i] = all_of<int64_t>(p, A(CONVOLUTION_PRE_PADDINGS))[i];
        c.behind[i] = all_of<int64_t>(p, A(CONVOLUTION_POST_PADDINGS))[i];
    }
    return c;
}

void check_convolution(const descriptor *d)
{
    dnn_convolution c = convolution_of(d);
    if (c.x.dims[0] != c.y.dims[0] || c.w.dims[0] != c.y.dims[1] || c.x.dims[1] % c.w.dims[1] ||
        c.w.dims[0] % (c.x.dims[1] / c.w.dims[1]))
        die("cuDNN: images or channels of x, w and y do not fit each other");
    for (int i = 0; i < 2; i++) {
        if (c.stride[i] < 1 || c.dilation[i] < 1 || c.before[i] < 0 || c.behind[i] < 0)
            die("cuDNN: a stride, a dilation or a padding is out of range");
        int64_t room = c.x.dims[2 + i] + c.before[i] + c.behind[i] - c.dilation[i] * (c.w.dims[2 + i] - 1) - 1;
        if (room < 0 || room / c.stride[i] + 1 != c.y.dims[2 + i])
            die("cuDNN: y has %lld rows or columns; expected %lld", (long long)c.y.dims[2 + i],
                (long long)(room / c.stride[i] + 1));
    }
}

void check_pointwise(const descriptor *d)
{
    dnn_tensor x = tensor_of(other(d, A(OPERATION_POINTWISE_XDESC)));
    dnn_tensor y = tensor_of(other(d, A(OPERATION_POINTWISE_YDESC)));
    int mode = one_of<int>(other(d, A(OPERATION_POINTWISE_PW_DESCRIPTOR)), A(POINTWISE_MODE));
    const descriptor *b = other(d, A(OPERATION_POINTWISE_BDESC));
    if ((mode == YL_CUDNN_POINTWISE_ADD) != (b != nullptr)) die("cuDNN: a sum has two tensors, and an activation one");
    for (int i = 0; i < 4; i++) {
        if (x.dims[i] != y.dims[i]) die("cuDNN: x and y of a pointwise operation have other dimensions");
        int64_t other_dim = b ? tensor_of(b).dims[i] : 1;
        if (other_dim != 1 && other_dim != y.dims[i]) die("cuDNN: b of a sum can neither be added nor repeated");
    }
}

/* The tensors of a graph by id; dies where two descriptors share one, or a virtual one is not made once and read. */
std::map<int64_t, dnn_tensor> tensors_of(const descriptor *graph)
{
    std::map<int64_t, const void *> seen;
    std::map<int64_t, dnn_tensor> tensors;
    std::map<int64_t, int> made, read;
    void *const *ops = all_of<void *>(graph, A(OPERATIONGRAPH_OPS));
    for (int64_t i = 0; i < count_of(graph, A(OPERATIONGRAPH_OPS)); i++) {
        const descriptor *op = checked(ops[i], "an operation");
        if (!op->finalised) die("cuDNN: an operation of a graph was not finalised");
        int direction = direction_of(op->type);
        if (direction < 0 && op->type != D(OPERATION_POINTWISE)) die("cuDNN: a graph is made of operations");
        for (const auto &each : op->values) {
            const rule *r = rule_of(each.first);
            if (r->refers != D(TENSOR)) continue;
            const descriptor *d = other(op, each.first);
            dnn_tensor t = tensor_of(d);
            if (seen.count(t.id) && seen[t.id] != d) die("cuDNN: two tensors have the id %lld", (long long)t.id);
            seen[t.id] = d, tensors[t.id] = t;
            bool out = direction < 0 ? each.first == A(OPERATION_POINTWISE_YDESC)
                                     : each.first == attributes_of[direction][direction == 0   ? 2
                                                                              : direction == 1 ? 0
                                                                                               : 1];
            out ? made[t.id]++ : read[t.id]++;
        }
    }
    for (const auto &each : tensors)
        if (each.second.is_virtual && (made[each.first] != 1 || !read[each.first]))
            die("cuDNN: the virtual tensor %lld is not made once and read", (long long)each.first);
    return tensors;
}

/* The operations in order: a convolution, and what is done to what it makes. */
dnn_graph graph_of(const descriptor *d)
{
    dnn_graph g = {tensors_of(d), {}, 0, -1, 0, 0};
    void *const *ops = all_of<void *>(d, A(OPERATIONGRAPH_OPS));
    for (int64_t i = 0; i < count_of(d, A(OPERATIONGRAPH_OPS)); i++) {
        const descriptor *op = checked(ops[i], "an operation");
        if ((i == 0) != (direction_of(op->type) >= 0))
            die("cuDNN: the double takes graphs of a convolution and what follows it");
        if (i == 0) {
            g.convolution = convolution_of(op);
            const dnn_convolution &c = g.convolution;
            g.out = c.direction == 0 ? c.y.id : c.direction == 1 ? c.x.id : c.w.id;
            continue;
        }
        const descriptor *p = other(op, A(OPERATION_POINTWISE_PW_DESCRIPTOR));
        const descriptor *b = other(op, A(OPERATION_POINTWISE_BDESC));
        if (tensor_of(other(op, A(OPERATION_POINTWISE_XDESC))).id != g.out)
            die("cuDNN: an operation does not follow the one before it");
        if (b)
            g.bias = tensor_of(b).id;
        else
            g.activation = one_of<int>(p, A(POINTWISE_MODE)),
            g.slope = one_of<double>(p, A(POINTWISE_RELU_LOWER_CLIP_SLOPE));
        g.out = tensor_of(other(op, A(OPERATION_POINTWISE_YDESC))).id;
    }
    return g;
}

/* The graph that heuristics, an engine, a configuration or a plan is about; everything on the way is live. */
const descriptor *whose_graph(const descriptor *d)
{
    if (d->type == D(EXECUTION_PLAN)) d = other(d, A(EXECUTION_PLAN_ENGINE_CONFIG));
    if (d->type == D(ENGINECFG)) d = other(d, A(ENGINECFG_ENGINE));
    void *const *at = all_of<void *>(d, A(ENGINEHEUR_OPERATION_GRAPH));
    if (!at) die("cuDNN: a descriptor of type %d has no graph", d->type);
    return checked(*at, "the graph of an engine");
}

void check_handle(const descriptor *d, int attribute)
{
    if (!handles.count(one_of<void *>(d, attribute))) die("cuDNN: attribute %d is no handle", attribute);
}

int check_plan(const descriptor *d)
{
    check_handle(d, A(EXECUTION_PLAN_HANDLE));
    const descriptor *engine = other(other(d, A(EXECUTION_PLAN_ENGINE_CONFIG)), A(ENGINECFG_ENGINE)),
                     *graph = whose_graph(d);
    if (one_of<void *>(graph, A(OPERATIONGRAPH_HANDLE)) != one_of<void *>(d, A(EXECUTION_PLAN_HANDLE)))
        die("cuDNN: a plan and its graph have different handles");
    return dnn_makes_plan(engine->engine) ? YL_CUDNN_STATUS_SUCCESS : YL_CUDNN_STATUS_NOT_SUPPORTED;
}

void check_pack(const descriptor *d)
{
    int64_t count = count_of(d, A(VARIANT_PACK_UNIQUE_IDS));
    const int64_t *ids = all_of<int64_t>(d, A(VARIANT_PACK_UNIQUE_IDS));
    if (count != count_of(d, A(VARIANT_PACK_DATA_POINTERS))) die("cuDNN: a pack has not as many pointers as ids");
    if (int64_t(std::set<int64_t>(ids, ids + count).size()) != count) die("cuDNN: a pack names an id twice");
}

int check(descriptor *d)
{
    for (const rule &r : rules)
        if (r.owner == d->type && r.required && !d->values.count(r.attribute))
            die("cuDNN: attribute %d was not set", r.attribute);
    for (const auto &each : d->values)
        if (rule_of(each.first)->refers != ANY) other(d, each.first);
    if (d->type == D(TENSOR)) check_tensor(d);
    if (direction_of(d->type) >= 0) check_convolution(d);
    if (d->type == D(OPERATION_POINTWISE)) check_pointwise(d);
    if (d->type == D(OPERATIONGRAPH)) check_handle(d, A(OPERATIONGRAPH_HANDLE)), graph_of(d);
    if (d->type == D(VARIANT_PACK)) check_pack(d);
    if (d->type == D(ENGINE) || d->type == D(ENGINECFG)) die("cuDNN: the double's engines come from its heuristics");
    return d->type == D(EXECUTION_PLAN) ? check_plan(d) : YL_CUDNN_STATUS_SUCCESS;
}

void put(descriptor *d, int attribute, const void *bytes, size_t size)
{
    const char *from = static_cast<const char *>(bytes);
    d->values[attribute] = {T(BACKEND_DESCRIPTOR), 1, std::vector<char>(from, from + size)};
}

/* Fills the descriptors that the caller has made for the heuristics' answer. An engine's descriptor belongs to the configuration. */
int64_t give_results(const descriptor *heuristics, int64_t requested, void *const *into)
{
    const descriptor *graph = whose_graph(heuristics);
    std::vector<int> engines = dnn_engines(graph_of(graph));
    for (size_t i = 0; i < engines.size() && int64_t(i) < requested; i++) {
        descriptor *configuration = checked(into[i], "a configuration"),
                   *engine = new descriptor{D(ENGINE), true, {}, engines[i]};
        if (configuration->type != D(ENGINECFG) || configuration->finalised)
            die("cuDNN: results are put into new configurations");
        live.insert(engine);
        const void *pointer = graph;
        put(engine, A(ENGINEHEUR_OPERATION_GRAPH), &pointer, sizeof pointer);
        pointer = engine;
        put(configuration, A(ENGINECFG_ENGINE), &pointer, sizeof pointer);
        configuration->finalised = true;
    }
    return int64_t(engines.size());
}

template <class V> int64_t give(const std::vector<V> &list, int64_t requested, void *into)
{
    std::copy_n(list.data(), std::min(requested, int64_t(list.size())), static_cast<V *>(into));
    return int64_t(list.size());
}

void check_pointers(const dnn_graph &g, const std::map<int64_t, void *> &at)
{
    for (const auto &each : g.tensors) {
        auto found = at.find(each.first);
        if (each.second.is_virtual != (found == at.end()))
            die("cuDNN: tensor %lld is %s", (long long)each.first,
                each.second.is_virtual ? "virtual, and is given" : "not given");
        if (each.second.is_virtual) continue;
        check_range(found->second, size_t(each.second.bytes()), "a tensor of cuDNN");
        if (reinterpret_cast<uintptr_t>(found->second) % uintptr_t(each.second.alignment))
            die("cuDNN: tensor %lld is not aligned as its descriptor says", (long long)each.first);
    }
    for (const auto &each : at)
        if (!g.tensors.count(each.first))
            die("cuDNN: a pack names the id %lld, which the graph has not", (long long)each.first);
}

} // namespace

/* ---- the library's functions ---- */

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED size_t cudnnGetVersion(void)
{
    return 91900;
}

EXPORTED const char *cudnnGetErrorString(int status)
{
    return status == YL_CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM";
}

EXPORTED int cudnnCreate(void **out)
{
    handles.insert(*out = new handle);
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnSetStream(void *h, cudaStream_t stream)
{
    if (!handles.count(h)) die("cuDNN: a stream is set for what is no handle");
    static_cast<handle *>(h)->stream = stream;
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnBackendCreateDescriptor(int type, void **out)
{
    bool known = type == D(ENGINE);
    for (const rule &r : rules) known |= r.owner == type;
    if (!known) die("cuDNN: the double has no descriptors of type %d", type);
    live.insert(*out = new descriptor{type, false, {}, -1});
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnBackendDestroyDescriptor(void *at)
{
    descriptor *d = checked(at, "what is destroyed");
    if (d->type == D(ENGINECFG) && d->finalised) {
        descriptor *engine = static_cast<descriptor *>(one_of<void *>(d, A(ENGINECFG_ENGINE)));
        live.erase(engine);
        delete engine;
    }
    live.erase(at);
    delete d;
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnBackendSetAttribute(void *at, int name, int type, int64_t count, const void *elements)
{
    descriptor *d = checked(at, "what an attribute is set of");
    const rule *r = rule_of(name);
    if (!r || r->owner != d->type) die("cuDNN: a descriptor of type %d has no attribute %d", d->type, name);
    if (d->finalised) die("cuDNN: attribute %d is set after its descriptor was finalised", name);
    if (d->values.count(name)) die("cuDNN: attribute %d is set twice", name);
    if (type != r->type) die("cuDNN: attribute %d is of type %d; expected %d", name, type, r->type);
    if (count < r->least || count > r->most || !elements)
        die("cuDNN: attribute %d has %lld elements", name, (long long)count);
    const char *from = static_cast<const char *>(elements);
    d->values[name] = {type, count, std::vector<char>(from, from + count * r->bytes)};
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnBackendFinalize(void *at)
{
    descriptor *d = checked(at, "what is finalised");
    if (d->finalised) die("cuDNN: a descriptor is finalised twice");
    int status = check(d);
    d->finalised = status == YL_CUDNN_STATUS_SUCCESS;
    return status;
}

EXPORTED int cudnnBackendGetAttribute(void *const at, int name, int type, int64_t requested, int64_t *count,
                                      void *elements)
{
    const descriptor *d = checked(at, "what an attribute is read of");
    if (!d->finalised) die("cuDNN: attribute %d is read of a descriptor that was not finalised", name);
    if (name == A(ENGINEHEUR_RESULTS) && d->type == D(ENGINEHEUR) && type == T(BACKEND_DESCRIPTOR)) {
        *count = give_results(d, requested, static_cast<void *const *>(elements));
    } else if (name == A(ENGINECFG_ENGINE) && d->type == D(ENGINECFG) && type == T(BACKEND_DESCRIPTOR)) {
        descriptor *into = checked(*static_cast<void **>(elements), "an engine"),
                   *engine = other(d, A(ENGINECFG_ENGINE));
        if (into->type != D(ENGINE) || into->finalised)
            die("cuDNN: an engine is put into a new descriptor of its type");
        *into = *engine, *count = 1;
    } else if (name == A(ENGINE_NUMERICAL_NOTE) && d->type == D(ENGINE) && type == T(NUMERICAL_NOTE)) {
        *count = give(dnn_notes(d->engine, graph_of(whose_graph(d))), requested, elements);
    } else if (name == A(EXECUTION_PLAN_WORKSPACE_SIZE) && d->type == D(EXECUTION_PLAN) && type == T(INT64)) {
        int engine = other(other(d, A(EXECUTION_PLAN_ENGINE_CONFIG)), A(ENGINECFG_ENGINE))->engine;
        *count = give(std::vector<int64_t>{dnn_workspace(engine, graph_of(whose_graph(d)))}, requested, elements);
    } else {
        die("cuDNN: attribute %d of a descriptor of type %d cannot be read as type %d", name, d->type, type);
    }
    return YL_CUDNN_STATUS_SUCCESS;
}

EXPORTED int cudnnBackendExecute(void *h, void *plan_at, void *pack_at)
{
    const descriptor *plan = checked(plan_at, "a plan"), *pack = checked(pack_at, "a pack");
    if (plan->type != D(EXECUTION_PLAN) || !plan->finalised || pack->type != D(VARIANT_PACK) || !pack->finalised)
        die("cuDNN: a finalised plan runs with a finalised pack");
    if (one_of<void *>(plan, A(EXECUTION_PLAN_HANDLE)) != h)
        die("cuDNN: a plan runs with a handle that it was not made for");
    dnn_graph g = graph_of(whose_graph(plan));
    std::map<int64_t, void *> at;
    for (int64_t i = 0; i < count_of(pack, A(VARIANT_PACK_UNIQUE_IDS)); i++)
        at[all_of<int64_t>(pack, A(VARIANT_PACK_UNIQUE_IDS))[i]] =
            all_of<void *>(pack, A(VARIANT_PACK_DATA_POINTERS))[i];
    check_pointers(g, at);
    int engine = other(other(plan, A(EXECUTION_PLAN_ENGINE_CONFIG)), A(ENGINECFG_ENGINE))->engine;
    int64_t bytes = dnn_workspace(engine, g);
    void *workspace = one_of<void *>(pack, A(VARIANT_PACK_WORKSPACE));
    if (bytes) check_range(workspace, size_t(bytes), "the workspace of cuDNN");
    dnn_queue(engine, g, at, workspace, static_cast<handle *>(h)->stream);
    return YL_CUDNN_STATUS_SUCCESS;
}
