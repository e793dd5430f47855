// What tests of mistakes share: a mistake, and device memory with numbers in it.
#ifndef GPU_BUGS_H
#define GPU_BUGS_H

#include "host/double.h"

#include <cstring>
#include <vector>

struct test {
    const char *name;
    bool (*run)(bool bug);
    const char *sentence; // what the mistake's process says; "": its numbers are wrong
};

const std::vector<test> &cudnn_tests(); // bugs_cudnn.cpp
const std::vector<test> &nccl_tests();  // bugs_nccl.cpp

inline cudaStream_t stream_a, stream_b;

struct device_array {
    float *at = nullptr;
    explicit device_array(int count)
    {
        cudaMalloc(reinterpret_cast<void **>(&at), size_t(count) * sizeof(float));
    }
};

inline void give(float *to, const std::vector<float> &x)
{
    cudaMemcpyAsync(to, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice, stream_a);
}

inline std::vector<float> take(const float *from, int count, cudaStream_t stream = nullptr)
{
    std::vector<float> y(size_t(count), -1.0f);
    cudaMemcpyAsync(y.data(), from, y.size() * sizeof(float), cudaMemcpyDeviceToHost, stream ? stream : stream_a);
    cudaStreamSynchronize(stream ? stream : stream_a);
    return y;
}

inline bool same(const std::vector<float> &a, const std::vector<float> &b)
{
    return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

#endif
