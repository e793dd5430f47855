/* A network's numbers as other programs name and order them: PyTorch's state dict.
 *
 *   conv1.weight          {out, in / groups, kh, kw}     connected1.weight   {out, in}, the inputs in the order channel, row, column
 *   conv1.bias            {out}
 *   conv1.bn.weight, conv1.bn.bias, conv1.bn.running_mean, conv1.bn.running_var   {channels}
 *
 * A tensor's own name in this program (conv1.bn.scale, .mean, .var) is understood too. */
#ifndef YL_FORMATS_STATE_DICT_H
#define YL_FORMATS_STATE_DICT_H

#include "formats/safetensors.h"
#include "net/net.h"

/* A tensor of f32 in host memory. */
typedef struct yl_state_tensor {
    const char *name;
    int n_dims;
    int64_t dims[YL_SAFETENSORS_DIMS];
    const float *numbers;
} yl_state_tensor;

/* Tensors that were read from a file; release with yl_state_free. */
typedef struct yl_state {
    yl_state_tensor *tensors;
    char **names;
    float **numbers;
    int64_t count, capacity;
} yl_state;

/* Appends a tensor of these dims; the name and the numbers (yl__alloc) belong to the state from now on, also after a failure. */
yl_status yl__state_add(yl_state *state, int n_dims, const int64_t *dims, char *name, float *numbers);
void yl_state_free(yl_state *state);
/* For networks' numbers. Errors: NUMERIC naming the first that is not finite. */
yl_status yl__state_finite(const char *path, const yl_state_tensor *tensor);
/* *to = from, the number at `index` of what is read as f64; `what` is for the sentence. Errors: NUMERIC where f32 cannot hold it. */
yl_status yl__state_narrow(const char *what, int64_t index, double from, float *to);
/* Whether that name is a batch-norm's num_batches_tracked, an integer that no network here has. */
bool yl__state_uncounted(const char *name);

/* Writes the values as safetensors; the file's name ends in .safetensors. Errors: IO, INVALID for another ending. */
yl_status yl_state_dict_save(const yl_net *net, const char *path, const yl_safetensors_note *notes, int64_t n_notes);
/* Fills the network's values from `count` tensors, each of which must be one of the network's parameters, as each of those must be there
 * (a batch-norm's num_batches_tracked is left out). Nothing is changed unless everything fits. `path` is for sentences. Errors: FORMAT,
 * naming what is surplus, missing or of another shape, and the nearest names; NUMERIC for a number that is not finite. */
yl_status yl_state_dict_fill(yl_net *net, const char *path, const yl_state_tensor *tensors, int64_t count);
/* The tensors of a safetensors file, of f32, f64, bf16 or f16. Errors: as opening has them; UNSUPPORTED for integers; NUMERIC for a number
 * that f32 cannot hold. */
yl_status yl_state_dict_read(const char *path, yl_state *out);
/* Reads and fills. */
yl_status yl_state_dict_load(yl_net *net, const char *path);

#endif
