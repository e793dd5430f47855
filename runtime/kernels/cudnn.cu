/* cuDNN: the library, and plans out of graphs. cudnn.cuh says what this is. */
#include "kernels/cudnn.cuh"

#include <dlfcn.h>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FILE_NAME[] = "libcudnn.so.9";
enum { MOST_DEVICES = 64, MOST_CONFIGURATIONS = 32, MOST_NOTES = 16 };

static std::mutex mutex; /* guards what follows */
static yl__cudnn_functions functions;
static bool looked;
static char missing[512]; /* why there is none; "": there is one */
static yl__cudnn devices[MOST_DEVICES];
static bool opened[MOST_DEVICES];

template <class T> static bool find(void *library, const char *name, T &out)
{
    void *symbol = dlsym(library, name);
    memcpy(&out, &symbol, sizeof out);
    return symbol != NULL;
}

/* `file` NULL: by the loader's search. */
static void open_library(const char *file)
{
    void *library = dlopen(file ? file : FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        snprintf(missing, sizeof missing, "cuDNN cannot be opened: %s", why ? why : "unknown error");
        return;
    }
    const char *absent = NULL;
#define F(name, result, parameters)                                                                                    \
    if (!find(library, "cudnn" #name, functions.name)) absent = "cudnn" #name;
    YL_CUDNN_FUNCTIONS(F)
#undef F
    if (absent)
        snprintf(missing, sizeof missing, "%s has no function %s", file ? file : FILE_NAME, absent);
    else if (functions.GetVersion() / 10000 != 9)
        snprintf(missing, sizeof missing, "%s is cuDNN %zu; expected version 9", file ? file : FILE_NAME,
                 functions.GetVersion() / 10000);
}

static void look_once(void)
{
    const char *chosen = getenv("YOLUA_CUDNN");
    if (looked) return;
    looked = true;
    if (chosen && strcmp(chosen, "none") == 0)
        snprintf(missing, sizeof missing, "cuDNN is not used: YOLUA_CUDNN is none");
    else
        open_library(chosen && *chosen ? chosen : NULL);
}

yl_status yl__cudnn_version(int *version)
{
    std::lock_guard<std::mutex> lock(mutex);
    look_once();
    if (missing[0]) return yl__fail(YL_UNSUPPORTED, "%s", missing);
    *version = (int)functions.GetVersion();
    return YL_OK;
}

/* YOLUA_CUDNN_ABSENT names a file that describes a GPU in cuDNN's JSON: plans are then made for that one, which needs no driver. */
static void *absent_device(const char *path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    std::string json = text.str();
    void *descriptor = NULL;
    if (functions.BackendCreateDescriptor(YL_CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &descriptor) ||
        functions.BackendSetAttribute(descriptor, YL_CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, YL_CUDNN_TYPE_CHAR,
                                      (int64_t)json.size() + 1, json.c_str()) ||
        functions.BackendFinalize(descriptor))
        return NULL;
    return descriptor;
}

static void open_device(int index)
{
    const char *absent = getenv("YOLUA_CUDNN_ABSENT");
    yl__cudnn *d = &devices[index];
    if (opened[index]) return;
    opened[index] = true;
    if (absent && *absent)
        d->absent = absent_device(absent);
    else if (cudaSetDevice(index) != cudaSuccess || functions.Create(&d->handle) != YL_CUDNN_STATUS_SUCCESS)
        d->handle = NULL;
    if (d->absent || d->handle) d->call = &functions;
}

const yl__cudnn *yl__cudnn_on(const yl_ctx *ctx)
{
    const yl__cuda_state *state = yl__cuda_state_of(ctx);
    if (state->notes || state->index >= MOST_DEVICES) return NULL;
    std::lock_guard<std::mutex> lock(mutex);
    look_once();
    if (missing[0]) return NULL;
    open_device(state->index);
    return devices[state->index].call ? &devices[state->index] : NULL;
}

/* ---- descriptors ---- */

yl__cudnn_descriptors::~yl__cudnn_descriptors()
{
    for (size_t i = all_.size(); i > 0; i--) dnn_->call->BackendDestroyDescriptor(all_[i - 1]);
}

void *yl__cudnn_descriptors::make(int type)
{
    void *descriptor = NULL;
    if (!failed()) status_ = dnn_->call->BackendCreateDescriptor(type, &descriptor);
    if (!failed()) all_.push_back(descriptor);
    return descriptor;
}

void yl__cudnn_descriptors::set(void *descriptor, int name, int type, int64_t count, const void *elements)
{
    if (!failed()) status_ = dnn_->call->BackendSetAttribute(descriptor, name, type, count, elements);
}

void yl__cudnn_descriptors::set(void *descriptor, int name, void *other)
{
    set(descriptor, name, YL_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other);
}

void *yl__cudnn_descriptors::finalise(void *descriptor)
{
    if (!failed()) status_ = dnn_->call->BackendFinalize(descriptor);
    return descriptor;
}

void *yl__cudnn_tensor(yl__cudnn_descriptors &all, int64_t uid, int type, int64_t n, int64_t c, int64_t h, int64_t w,
                       bool is_virtual)
{
    const int64_t dims[] = {n, c, h, w}, strides[] = {h * w * c, 1, w * c, c}, alignment = 16;
    void *t = all.make(YL_CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    all.set(t, YL_CUDNN_ATTR_TENSOR_UNIQUE_ID, YL_CUDNN_TYPE_INT64, 1, &uid);
    all.set(t, YL_CUDNN_ATTR_TENSOR_DATA_TYPE, YL_CUDNN_TYPE_DATA_TYPE, 1, &type);
    all.set(t, YL_CUDNN_ATTR_TENSOR_DIMENSIONS, YL_CUDNN_TYPE_INT64, 4, dims);
    all.set(t, YL_CUDNN_ATTR_TENSOR_STRIDES, YL_CUDNN_TYPE_INT64, 4, strides);
    all.set(t, YL_CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, YL_CUDNN_TYPE_INT64, 1, &alignment);
    if (is_virtual) all.set(t, YL_CUDNN_ATTR_TENSOR_IS_VIRTUAL, YL_CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    return all.finalise(t);
}

/* ---- plans ---- */

/* Whether the engine of a configuration computes as is asked for. */
static bool suits(const yl__cudnn *dnn, void *configuration, bool tensor_cores)
{
    yl__cudnn_descriptors own(dnn);
    void *engine = own.make(YL_CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int notes[MOST_NOTES] = {0};
    int64_t count = 0;
    if (own.failed() ||
        dnn->call->BackendGetAttribute(configuration, YL_CUDNN_ATTR_ENGINECFG_ENGINE, YL_CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       1, &count, &engine) ||
        dnn->call->BackendGetAttribute(engine, YL_CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, YL_CUDNN_TYPE_NUMERICAL_NOTE,
                                       MOST_NOTES, &count, notes))
        return false;
    for (int64_t i = 0; i < count && i < MOST_NOTES; i++)
        if (notes[i] == YL_CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
            notes[i] == YL_CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
            notes[i] == YL_CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
            (notes[i] == YL_CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !tensor_cores))
            return false;
    return true;
}

/* The configurations that a mode of the heuristics names, best first. */
static std::vector<void *> configurations(yl__cudnn_descriptors &all, void *graph, int mode)
{
    const yl__cudnn *dnn = all.dnn();
    void *heuristics = all.make(YL_CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    all.set(heuristics, YL_CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    all.set(heuristics, YL_CUDNN_ATTR_ENGINEHEUR_MODE, YL_CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (dnn->absent) all.set(heuristics, YL_CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, dnn->absent);
    all.finalise(heuristics);
    std::vector<void *> list;
    for (int i = 0; i < MOST_CONFIGURATIONS; i++) list.push_back(all.make(YL_CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    int64_t count = 0;
    if (all.failed() ||
        dnn->call->BackendGetAttribute(heuristics, YL_CUDNN_ATTR_ENGINEHEUR_RESULTS, YL_CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       MOST_CONFIGURATIONS, &count, list.data()))
        count = 0;
    if (count < MOST_CONFIGURATIONS) list.resize((size_t)count);
    return list;
}

static bool make_plan(const yl__cudnn *dnn, void *configuration, yl__cudnn_plan *out)
{
    int64_t bytes = 0, count = 0;
    auto own = std::make_shared<yl__cudnn_descriptors>(dnn);
    void *plan = own->make(YL_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (dnn->absent)
        own->set(plan, YL_CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, dnn->absent);
    else
        own->set(plan, YL_CUDNN_ATTR_EXECUTION_PLAN_HANDLE, YL_CUDNN_TYPE_HANDLE, 1, &dnn->handle);
    own->set(plan, YL_CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    own->finalise(plan);
    if (own->failed() || dnn->call->BackendGetAttribute(plan, YL_CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                                        YL_CUDNN_TYPE_INT64, 1, &count, &bytes))
        return false;
    out->plan = plan, out->workspace = (size_t)bytes, out->own = own;
    return true;
}

std::vector<yl__cudnn_plan> yl__cudnn_plans(std::shared_ptr<yl__cudnn_descriptors> graph, int64_t operations,
                                            void *const *list, bool tensor_cores, bool fallback, size_t most)
{
    const yl__cudnn *dnn = graph->dnn();
    std::vector<yl__cudnn_plan> plans;
    void *whole = graph->make(YL_CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    if (!dnn->absent) graph->set(whole, YL_CUDNN_ATTR_OPERATIONGRAPH_HANDLE, YL_CUDNN_TYPE_HANDLE, 1, &dnn->handle);
    graph->set(whole, YL_CUDNN_ATTR_OPERATIONGRAPH_OPS, YL_CUDNN_TYPE_BACKEND_DESCRIPTOR, operations, list);
    graph->finalise(whole);
    for (int mode : {YL_CUDNN_HEUR_MODE_A, YL_CUDNN_HEUR_MODE_FALLBACK}) {
        auto found = std::make_shared<yl__cudnn_descriptors>(dnn);
        if (graph->failed() || !plans.empty() || (mode == YL_CUDNN_HEUR_MODE_FALLBACK && !fallback)) break;
        for (void *configuration : configurations(*found, whole, mode)) {
            yl__cudnn_plan plan = {NULL, 0, graph, found, NULL};
            if (plans.size() < most && suits(dnn, configuration, tensor_cores) && make_plan(dnn, configuration, &plan))
                plans.push_back(plan);
        }
    }
    return plans;
}

yl_status yl__cudnn_run(const yl_ctx *ctx, const yl__cudnn_plan &plan, int64_t count, const int64_t *uids,
                        void *const *pointers, void *workspace)
{
    const yl__cudnn *dnn = plan.own->dnn();
    if (dnn->absent) return yl__fail(YL_UNSUPPORTED, "cuDNN: the GPU of YOLUA_CUDNN_ABSENT is not there");
    yl__cudnn_descriptors own(dnn);
    void *pack = own.make(YL_CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    own.set(pack, YL_CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, YL_CUDNN_TYPE_INT64, count, uids);
    own.set(pack, YL_CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, YL_CUDNN_TYPE_VOID_PTR, count, pointers);
    own.set(pack, YL_CUDNN_ATTR_VARIANT_PACK_WORKSPACE, YL_CUDNN_TYPE_VOID_PTR, 1, &workspace);
    own.finalise(pack);
    YL_TRY(yl__cuda_check(cudaSetDevice(yl__cuda_state_of(ctx)->index), "cuDNN"));
    int status = own.failed() ? YL_CUDNN_STATUS_BAD_PARAM : dnn->call->SetStream(dnn->handle, yl__cuda_stream(ctx));
    if (!status) status = dnn->call->BackendExecute(dnn->handle, plan.plan, pack);
    if (status) return yl__fail(YL_UNSUPPORTED, "cuDNN says: %s", dnn->call->GetErrorString(status));
    return YL_OK;
}
