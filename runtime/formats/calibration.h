/* A calibration (net/calibration.h) as text: the note "int8" of a checkpoint, JSON:
 *
 *   {"input": [low, high], "layers": {"conv1.act": [low, high], ...}, "f32": ["conv10", ...], "method": "mse", "frames": 64, ...}
 *
 * with the range of the network's input and of each layer's output in pictures, as the method chose it, and the layers that compute in f32.
 * A byte q of an activation stands for scale * (q - zero), where scale = (high - low) / 255 and zero = round(-low / scale), the range being
 * widened to hold 0. The scales of weights are not in it: they follow from the weights (kernels/quant.h), batch-norm folded in. */
#ifndef YL_FORMATS_CALIBRATION_H
#define YL_FORMATS_CALIBRATION_H

#include "net/net.h"

/* Calibrates the network. `where` names the file in errors. Errors: FORMAT: another network's, an invalid range; the network keeps
 * what it had. */
yl_status yl_calibration_decode(yl_net *net, const char *text, const char *where);

#endif
