/* The double of cuDNN: what a checked graph comes to (cudnn.cpp), and computing it (cudnn_engines.cpp). */
#ifndef DOUBLE_CUDNN_H
#define DOUBLE_CUDNN_H

#include "double.h"
#include "kernels/cudnn.values.h"

#include <map>
#include <vector>

namespace cuda_double
{

struct dnn_tensor {
    int64_t id, dims[4], strides[4], alignment;
    int type;
    bool is_virtual;
    int64_t bytes() const
    {
        int64_t last = 0;
        for (int i = 0; i < 4; i++) last += (dims[i] - 1) * strides[i];
        return (last + 1) * (type == YL_CUDNN_DATA_FLOAT ? 4 : 2);
    }
};

struct dnn_convolution {
    int direction; /* 0 forward, 1 data, 2 weights */
    dnn_tensor x, w, y;
    int64_t stride[2], dilation[2], before[2], behind[2];
    float alpha, beta;
};

/* A convolution, and what is done to its output. */
struct dnn_graph {
    std::map<int64_t, dnn_tensor> tensors;
    dnn_convolution convolution;
    int64_t bias;   /* id; 0: none */
    int activation; /* a pointwise mode; -1: none */
    double slope;
    int64_t out; /* id of what is made */
};

/* The engines that the heuristics name for a graph, in order; empty where no engine takes it. What each says of itself, how much workspace it
 * wants, and whether a plan can be made of it. */
std::vector<int> dnn_engines(const dnn_graph &g);
std::vector<int> dnn_notes(int engine, const dnn_graph &g);
int64_t dnn_workspace(int engine, const dnn_graph &g);
bool dnn_makes_plan(int engine);

/* Queues the graph's work; pointers by the tensors' ids. */
void dnn_queue(int engine, const dnn_graph &g, const std::map<int64_t, void *> &at, void *workspace,
               cudaStream_t stream);

} // namespace cuda_double

#endif
