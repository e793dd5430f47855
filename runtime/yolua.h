/* yolua's public C interface: load a detector, find objects, train a step. Nothing here needs Lua.
 *
 * This header gathers the parts that a program uses; each function is described where it is declared, with shapes, units and
 * errors. Names that begin with yl_ and YL_ are public; yl__ is internal.
 *
 *   what                            where                    begins with
 *   status, the error's sentence    core/status.h            yl_error, yl_status_name
 *   version, warnings               core/version.h, log.h    yl_version, yl_set_warn_hook
 *   devices, threads                backend/, core/threads.h yl_device_get, yl_set_threads
 *   pictures                        image/                   yl_image_decode, yl_image_new, yl_image_draw, yl_image_write_png
 *   networks                        net/net.h                yl_net_init, yl_net_freeze, yl_net_flops, yl_net_free
 *   Darknet's files                 formats/darknet.h        yl_darknet_load_cfg, yl_darknet_load_weights, yl_darknet_save_cfg
 *   checkpoints (safetensors)       formats/checkpoint.h     yl_checkpoint_load, yl_checkpoint_names, yl_checkpoint_save
 *   other programs' formats         formats/onnx.h, ncnn.h   yl_onnx_save, yl_ncnn_save; state_dict.h: yl_state_dict_load
 *   plans: one way to run a network net/plan.h               yl_plan_create, yl_plan_forward, yl_plan_loss, yl_plan_backward
 *   the optimizer                   net/step.h               yl_net_step
 *   detections                      detect/                  yl_predict, yl_detect_image, yl_suppress
 *
 * Conventions. A function that can fail returns yl_status; YL_OK is 0. yl_error() returns the failure's sentence (who, what, expected,
 * got) until the next failure on that thread. Release objects with their ..._free and lists with yl_free; both accept NULL.
 * Sizes count elements and are int64_t; images and activations are laid out as {n, h, w, c}, weights as {out, kh, kw, in / groups}. Pixels
 * are RGB bytes in a yl_image and 0..1 in a network's input. Boxes are pixels of the image in a yl_detection, and fractions of the
 * network's input in a yl_truth. Class indices count from 0.
 *
 * Threads. Make calls from one thread at a time; yl_set_threads sets how many threads the kernels use. A program that shares its
 * machine sets GOMP_SPINCOUNT=300 in the environment before it starts: OpenMP's spinning threads take the cores from others.
 *
 * To detect:
 *
 *   yl_device *device;  yl_net *net;  yl_plan *plan;  yl_image image;  yl_detection *found;  int64_t count;
 *   yl_device_get("cpu", &device);
 *   yl_checkpoint_load(device, "best.safetensors", &net);      or yl_darknet_load_cfg and yl_darknet_load_weights
 *   yl_plan_options way = {.mode = YL_INFER, .batch = 1};
 *   yl_plan_create(net, &way, &plan);
 *   yl_image_decode("street.jpg", &image);
 *   yl_predict_options options = {.detect = {.conf = 0.25, .iou = 0.45}};
 *   yl_predict(net, plan, &image, &options, &found, &count);
 *
 * Values in a plan are returned as a yl_view {data, type, shape}: data is device memory, and yl_view_read copies it to the host.
 *
 *   yl_view output;
 *   yl_plan_output(plan, net->n_layers - 1, &output);
 *   yl_view_read(device, yl_view_image(output, 0), numbers);      yl_shape_count of its shape
 *
 * To train a step on a batch, with .mode = YL_TRAIN:
 *
 *   yl_plan_feed(plan, pixels);      {batch, h, w, 3}
 *   yl_step_info info = {.seed = 1, .step = 0};
 *   yl_plan_forward(plan, &info);
 *   yl_plan_loss(plan, &truth, parts);
 *   yl_plan_backward(plan, NULL);
 *   yl_step_options step = {.rule = YL_SGD, .lr = 1e-3, .momentum = 0.9, .images = batch};
 *   yl_net_step(net, &step, &norm);
 *
 * tests/c/install/detect.c is a whole program that detects, tests/c/api.c one that trains. Build with
 * `pkg-config --cflags --libs yolua`, or with CMake:
 * find_package(yolua) and the target yolua::yolua. */
#ifndef YL_YOLUA_H
#define YL_YOLUA_H

/* The system's headers come first: C++ does not allow them inside extern "C". */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "backend/device.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/status.h"
#include "core/threads.h"
#include "core/version.h"
#include "detect/predict.h"
#include "detect/suppress.h"
#include "formats/checkpoint.h"
#include "formats/darknet.h"
#include "formats/ncnn.h"
#include "formats/onnx.h"
#include "formats/state_dict.h"
#include "image/decode.h"
#include "image/draw.h"
#include "image/encode.h"
#include "net/net.h"
#include "net/plan.h"
#include "net/step.h"

/* Releases a list or text that a function gave away. NULL is fine. */
static inline void yl_free(void *pointer)
{
    yl__free(pointer);
}

#ifdef __cplusplus
}
#endif
#endif
