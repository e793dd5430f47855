/* The tape: how operations are noted, so that gradients can be walked back.
 *
 * The history belongs to a memory, not to a tensor: every view of it sees the same one. A node is one write to a memory: it knows which
 * part was written (a window), what the memory's history was before (none if all of it was overwritten), and of each operand the node that
 * had written it and the window that was read. So views cost nothing, and what is done in place, through whichever view, is noted like
 * anything else. A gradient has the size of the whole memory; what an operation takes or gives is a window of it.
 *
 * Nodes hold nodes before them and, as detached tensors, the values that their gradient needs; never a tensor that follows a
 * history. So there are no circles, and a history goes with the last tensor over its memory. */
#ifndef YL_TENSOR_TAPE_H
#define YL_TENSOR_TAPE_H

#include "tensor/rows.h"

/* Most operands of one operation, and values that it needs: a layer has up to 16 inputs and 8 parameters, and needs them all and its
 * output. */
enum { YL__INPUTS = 24, YL__SAVED = YL__INPUTS + 1 };

typedef struct yl__window {
    int n_dims;
    int64_t dims[YL_TENSOR_DIMS], strides[YL_TENSOR_DIMS], offset; /* of the elements of a memory */
} yl__window;

/* Gives gradients to the node's operands: dy is that of what it wrote. */
typedef yl_status yl__pull(const yl_node *node, const yl_tensor *dy);

/* What an operation says of itself. */
typedef struct yl__note {
    const char *name;
    yl__pull *pull; /* NULL: it has no gradient */
    const yl_tensor *inputs[YL__INPUTS];
    const yl_tensor *saved[YL__SAVED]; /* values that the gradient needs, or NULL; &result: those that were written */
    int64_t number[2];                 /* the operation's own */
} yl__note;

/* An operand: the node that wrote it (NULL: a constant), and what was read of its memory. */
typedef struct yl__operand {
    yl_node *node;
    yl__window window;
} yl__operand;

/* A value that the gradient needs. */
typedef struct yl__needed {
    yl_tensor *t;
    int64_t version; /* -1: this write has overwritten it */
} yl__needed;

struct yl_node {
    const char *name;
    yl__pull *pull;
    int64_t references, order; /* order: a node's operands have lower ones */
    yl_dtype dtype;            /* of gradients: f32 or f64 */
    int64_t extent;            /* elements of the memory */
    yl__window window;         /* what was written */
    yl_node *before;           /* owned, as are the operands' */
    int n_inputs, n_saved;
    yl__operand *inputs; /* in the memory behind the node, as `saved` is */
    yl__needed *saved;
    int64_t number[2];
    void *context;
    void (*drop)(void *context);
    yl_tensor *gradient; /* {extent}; of a leaf it stays, of others for the walk */
    bool leaf, dropped;  /* dropped: a leaf whose gradient is no longer asked for */
    bool wanted;         /* in this walk: some leaf before it wants a gradient */
    int64_t visited;     /* by which walk */
    yl_node *next;
};

/* Notes an operation whose result was written into `result`; nothing is noted where no operand has a history. Call it after the write. */
yl_status yl__tape_note(yl_tensor *result, const yl__note *note);
/* The same for an operation that keeps more than tensors and numbers: `context`, which the tape takes over, whatever happens, and frees with
 * `drop`. */
yl_status yl__tape_note_with(yl_tensor *result, const yl__note *note, void *context, void (*drop)(void *context));
/* Notes that constants were written. */
yl_status yl__tape_constant(yl_tensor *result);
/* The note of a copy. */
yl_status yl__tape_copy(const char *name, const yl_tensor *from, yl_tensor *result);

/* A tensor for the gradient of an operand, of the dims that were read. */
yl_status yl__tape_new(const yl_node *node, int input, yl_tensor **out);
/* Adds dx, whose dims broadcast to those that were read, to the gradient of an operand. */
yl_status yl__tape_give(const yl_node *node, int input, const yl_tensor *dx);
/* The same, with the caller's reference; its memory may become the gradient. */
yl_status yl__tape_give_new(const yl_node *node, int input, yl_tensor *dx);
/* Adds dx to the gradient of a window of what a node wrote. */
yl_status yl__node_give(yl_node *to, const yl__window *window, const yl_tensor *dx);
static inline bool yl__tape_wants(const yl_node *node, int input)
{
    const yl_node *operand = input < node->n_inputs ? node->inputs[input].node : NULL;
    return operand && operand->wanted;
}

/* A value that was saved, or NULL. */
static inline yl_tensor *yl__tape_saved(const yl_node *node, int i)
{
    return i < node->n_saved ? node->saved[i].t : NULL;
}

/* A view of a window of the gradient. */
yl_status yl__node_view(const yl_node *node, const yl__window *window, yl_tensor **out);
/* The gradient's memory, zeros at first. */
yl_status yl__node_room(yl_node *node);
yl__window yl__tensor_window(const yl_tensor *t);

#endif
