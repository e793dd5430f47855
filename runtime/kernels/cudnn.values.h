/* The numbers of cuDNN's binary interface, version 9, that the plug-in uses: it is built without the library's headers. Where those are found,
 * tests/gpu/cudnn_values.cpp compares. */
#pragma once

#define YL_CUDNN_VALUES(V)                                                                                             \
    V(STATUS_SUCCESS, 0)                                                                                               \
    V(STATUS_BAD_PARAM, 2000)                                                                                          \
    V(STATUS_NOT_SUPPORTED, 3000)                                                                                      \
    V(DATA_FLOAT, 0)                                                                                                   \
    V(DATA_HALF, 2)                                                                                                    \
    V(DATA_BFLOAT16, 9)                                                                                                \
    V(CROSS_CORRELATION, 1)                                                                                            \
    V(POINTWISE_ADD, 0)                                                                                                \
    V(POINTWISE_RELU_FWD, 100)                                                                                         \
    V(POINTWISE_SWISH_FWD, 106)                                                                                        \
    V(HEUR_MODE_FALLBACK, 2)                                                                                           \
    V(HEUR_MODE_A, 3)                                                                                                  \
    V(NUMERICAL_NOTE_TENSOR_CORE, 0)                                                                                   \
    V(NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, 1)                                                                           \
    V(NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, 2)                                                                   \
    V(NUMERICAL_NOTE_NONDETERMINISTIC, 4)                                                                              \
    V(TYPE_HANDLE, 0)                                                                                                  \
    V(TYPE_DATA_TYPE, 1)                                                                                               \
    V(TYPE_BOOLEAN, 2)                                                                                                 \
    V(TYPE_INT64, 3)                                                                                                   \
    V(TYPE_FLOAT, 4)                                                                                                   \
    V(TYPE_DOUBLE, 5)                                                                                                  \
    V(TYPE_VOID_PTR, 6)                                                                                                \
    V(TYPE_CONVOLUTION_MODE, 7)                                                                                        \
    V(TYPE_HEUR_MODE, 8)                                                                                               \
    V(TYPE_NUMERICAL_NOTE, 11)                                                                                         \
    V(TYPE_POINTWISE_MODE, 14)                                                                                         \
    V(TYPE_BACKEND_DESCRIPTOR, 15)                                                                                     \
    V(TYPE_CHAR, 24)                                                                                                   \
    V(BACKEND_POINTWISE_DESCRIPTOR, 0)                                                                                 \
    V(BACKEND_CONVOLUTION_DESCRIPTOR, 1)                                                                               \
    V(BACKEND_ENGINE_DESCRIPTOR, 2)                                                                                    \
    V(BACKEND_ENGINECFG_DESCRIPTOR, 3)                                                                                 \
    V(BACKEND_ENGINEHEUR_DESCRIPTOR, 4)                                                                                \
    V(BACKEND_EXECUTION_PLAN_DESCRIPTOR, 5)                                                                            \
    V(BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, 10)                                                            \
    V(BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, 11)                                                    \
    V(BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, 12)                                                      \
    V(BACKEND_OPERATION_POINTWISE_DESCRIPTOR, 13)                                                                      \
    V(BACKEND_OPERATIONGRAPH_DESCRIPTOR, 15)                                                                           \
    V(BACKEND_VARIANT_PACK_DESCRIPTOR, 16)                                                                             \
    V(BACKEND_TENSOR_DESCRIPTOR, 17)                                                                                   \
    V(BACKEND_DEVICEPROP_DESCRIPTOR, 38)                                                                               \
    V(ATTR_POINTWISE_MODE, 0)                                                                                          \
    V(ATTR_POINTWISE_MATH_PREC, 1)                                                                                     \
    V(ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 5)                                                                         \
    V(ATTR_CONVOLUTION_COMP_TYPE, 100)                                                                                 \
    V(ATTR_CONVOLUTION_CONV_MODE, 101)                                                                                 \
    V(ATTR_CONVOLUTION_DILATIONS, 102)                                                                                 \
    V(ATTR_CONVOLUTION_FILTER_STRIDES, 103)                                                                            \
    V(ATTR_CONVOLUTION_POST_PADDINGS, 104)                                                                             \
    V(ATTR_CONVOLUTION_PRE_PADDINGS, 105)                                                                              \
    V(ATTR_CONVOLUTION_SPATIAL_DIMS, 106)                                                                              \
    V(ATTR_ENGINEHEUR_MODE, 200)                                                                                       \
    V(ATTR_ENGINEHEUR_OPERATION_GRAPH, 201)                                                                            \
    V(ATTR_ENGINEHEUR_RESULTS, 202)                                                                                    \
    V(ATTR_ENGINEHEUR_DEVICEPROP, 204)                                                                                 \
    V(ATTR_ENGINECFG_ENGINE, 300)                                                                                      \
    V(ATTR_EXECUTION_PLAN_HANDLE, 400)                                                                                 \
    V(ATTR_EXECUTION_PLAN_ENGINE_CONFIG, 401)                                                                          \
    V(ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 402)                                                                         \
    V(ATTR_EXECUTION_PLAN_DEVICEPROP, 407)                                                                             \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 700)                                                                   \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 701)                                                                    \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, 702)                                                               \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_W, 703)                                                                       \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_X, 704)                                                                       \
    V(ATTR_OPERATION_CONVOLUTION_FORWARD_Y, 705)                                                                       \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 706)                                                                  \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 707)                                                                   \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, 708)                                                              \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, 709)                                                                      \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, 710)                                                                     \
    V(ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, 711)                                                                     \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 712)                                                                \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 713)                                                                 \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, 714)                                                            \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, 715)                                                                   \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, 716)                                                                    \
    V(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, 717)                                                                   \
    V(ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, 750)                                                                     \
    V(ATTR_OPERATION_POINTWISE_XDESC, 751)                                                                             \
    V(ATTR_OPERATION_POINTWISE_BDESC, 752)                                                                             \
    V(ATTR_OPERATION_POINTWISE_YDESC, 753)                                                                             \
    V(ATTR_OPERATIONGRAPH_HANDLE, 800)                                                                                 \
    V(ATTR_OPERATIONGRAPH_OPS, 801)                                                                                    \
    V(ATTR_TENSOR_BYTE_ALIGNMENT, 900)                                                                                 \
    V(ATTR_TENSOR_DATA_TYPE, 901)                                                                                      \
    V(ATTR_TENSOR_DIMENSIONS, 902)                                                                                     \
    V(ATTR_TENSOR_STRIDES, 903)                                                                                        \
    V(ATTR_TENSOR_UNIQUE_ID, 906)                                                                                      \
    V(ATTR_TENSOR_IS_VIRTUAL, 907)                                                                                     \
    V(ATTR_VARIANT_PACK_UNIQUE_IDS, 1000)                                                                              \
    V(ATTR_VARIANT_PACK_DATA_POINTERS, 1001)                                                                           \
    V(ATTR_VARIANT_PACK_WORKSPACE, 1003)                                                                               \
    V(ATTR_ENGINE_NUMERICAL_NOTE, 1303)                                                                                \
    V(ATTR_DEVICEPROP_JSON_REPRESENTATION, 2702)

enum yl__cudnn_value {
#define V(name, value) YL_CUDNN_##name = value,
    YL_CUDNN_VALUES(V)
#undef V
};
