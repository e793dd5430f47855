// The numbers that the plug-in takes for cuDNN's are those of its header: compiled where that is found, and never run.
#include "kernels/cudnn.values.h"

#include <cudnn_graph.h>

#define V(name, value) static_assert(int(CUDNN_##name) == int(YL_CUDNN_##name), #name);
YL_CUDNN_VALUES(V)
#undef V
