/* cuDNN's graph API as far as convolutions need it: graphs of operations, and plans that run them. The library is opened when a device is first
 * asked for a plan: libcudnn.so.9, or the file that YOLUA_CUDNN names ("none": not at all). The plug-in is built without its headers. */
#pragma once

#include "kernels/cudnn.values.h"
#include "kernels/launch.cuh"

#include <memory>
#include <vector>

/* The library's functions: name, result, parameters. Its enumerations are ints; handles and descriptors are pointers. */
#define YL_CUDNN_FUNCTIONS(F)                                                                                          \
    F(GetVersion, size_t, (void))                                                                                      \
    F(GetErrorString, const char *, (int status))                                                                      \
    F(Create, int, (void **handle))                                                                                    \
    F(SetStream, int, (void *handle, cudaStream_t stream))                                                             \
    F(BackendCreateDescriptor, int, (int type, void **descriptor))                                                     \
    F(BackendDestroyDescriptor, int, (void *descriptor))                                                               \
    F(BackendFinalize, int, (void *descriptor))                                                                        \
    F(BackendSetAttribute, int, (void *descriptor, int name, int type, int64_t count, const void *elements))           \
    F(BackendGetAttribute, int,                                                                                        \
      (void *const descriptor, int name, int type, int64_t requested, int64_t *count, void *elements))                 \
    F(BackendExecute, int, (void *handle, void *plan, void *pack))

struct yl__cudnn_functions {
#define F(name, result, parameters) result(*name) parameters;
    YL_CUDNN_FUNCTIONS(F)
#undef F
};

/* cuDNN on a device. */
struct yl__cudnn {
    const yl__cudnn_functions *call;
    void *handle;
    void *
        absent; /* the description of a GPU that is not there: plans are made for it and cannot run. NULL: a real one */
};

/* The library's version, 10000 * major + 100 * minor + patch. Errors: UNSUPPORTED: it is not there, or is none of version 9. */
yl_status yl__cudnn_version(int *version);
/* cuDNN on ctx's device; NULL where it cannot be used. */
const yl__cudnn *yl__cudnn_on(const yl_ctx *ctx);

/* Descriptors that belong together; those of a plan live as long as it. */
class yl__cudnn_descriptors
{
  public:
    explicit yl__cudnn_descriptors(const yl__cudnn *dnn) : dnn_(dnn)
    {
    }
    ~yl__cudnn_descriptors();
    yl__cudnn_descriptors(const yl__cudnn_descriptors &) = delete;
    yl__cudnn_descriptors &operator=(const yl__cudnn_descriptors &) = delete;
    void *make(int type);
    void set(void *descriptor, int name, int type, int64_t count, const void *elements);
    void set(void *descriptor, int name, void *other); /* another descriptor */
    void *finalise(void *descriptor);
    bool failed() const
    {
        return status_ != YL_CUDNN_STATUS_SUCCESS;
    }
    const yl__cudnn *dnn() const
    {
        return dnn_;
    }

  private:
    const yl__cudnn *dnn_;
    int status_ = YL_CUDNN_STATUS_SUCCESS; /* the first failure, after which nothing more is done */
    std::vector<void *> all_;
};

/* A tensor with the channels innermost: {n, c, h, w} elements of `type`; weights are {oc, c, kh, kw}. */
void *yl__cudnn_tensor(yl__cudnn_descriptors &all, int64_t uid, int type, int64_t n, int64_t c, int64_t h, int64_t w,
                       bool is_virtual);

struct yl__cudnn_plan {
    void *plan;
    size_t workspace;
    std::shared_ptr<yl__cudnn_descriptors> graph, found, own; /* all that the plan was made of */
};

/* The first `most` plans, in the order that cuDNN expects to be best, for the graph of these operations. Left out are those that add in an
 * order that changes from run to run or in less than f32, that compute with a narrower type, and on tensor cores unless `tensor_cores`. */
std::vector<yl__cudnn_plan> yl__cudnn_plans(std::shared_ptr<yl__cudnn_descriptors> graph, int64_t operations,
                                            void *const *list, bool tensor_cores, bool fallback, size_t most);

/* Queues a plan; pointers[i] is the tensor of uids[i]. */
yl_status yl__cudnn_run(const yl_ctx *ctx, const yl__cudnn_plan &plan, int64_t count, const int64_t *uids,
                        void *const *pointers, void *workspace);
