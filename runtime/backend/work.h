/* How many numbers a kernel of the table moves at least, each operand once, and what it computes: from its geometry and from what its
 * parameters are called in the table. C++, for notes.cu. */
#ifndef YL_BACKEND_WORK_H
#define YL_BACKEND_WORK_H

#include "kernels/kernels.h"

#include <string>
#include <type_traits>
#include <vector>

/* Numbers of what parameters are called x, dx, from, a, b, teacher; y, dy, to, taken; weight, dweight; and of those with one number per
 * channel or the like. */
struct yl__operands {
    double in, out, weights, rest;
    double flops; /* of matrix products; 0: one per number moved */
    yl_dtype dtype;
};

static inline yl__operands yl__operands_of(double in, double out, double rest, yl_dtype dtype)
{
    return {in, out, 0, rest, 0, dtype};
}

static inline yl__operands yl__operands_of(int64_t count)
{
    return yl__operands_of((double)count, 0, (double)count, YL_F32);
}
static inline yl__operands yl__operands_of(const yl_flat_geom *g)
{
    return yl__operands_of((double)g->count, (double)g->count, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_activation_geom *g)
{
    return yl__operands_of((double)g->count, (double)g->count, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_dropout_geom *g)
{
    double count = (double)(g->images * g->count);
    return yl__operands_of(count, count, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_step_geom *g)
{
    return yl__operands_of((double)g->count, 0, (double)g->count, YL_F32);
}
static inline yl__operands yl__operands_of(const yl_columns_geom *g)
{
    return yl__operands_of((double)(g->rows * g->cols), 0, (double)g->cols, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_softmax_geom *g)
{
    return yl__operands_of((double)(g->n * g->c), (double)(g->n * g->c), 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_batchnorm_geom *g)
{
    return yl__operands_of((double)(g->rows * g->c), (double)(g->rows * g->c), (double)g->c, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_pool_geom *g)
{
    return yl__operands_of((double)(g->n * g->h * g->w * g->c), (double)(g->n * g->oh * g->ow * g->c), 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_route_geom *g)
{
    return yl__operands_of((double)(g->pixels * g->count), (double)(g->pixels * g->count), 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_scale_geom *g)
{
    double all = (double)(g->n * g->pixels * g->c);
    double factor = (double)(g->n * (g->per_pixel ? g->pixels : 1) * (g->per_channel ? g->c : 1));
    return yl__operands_of(all, all, factor, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_upsample_geom *g)
{
    double in = (double)(g->n * g->h * g->w * g->c);
    return yl__operands_of(in, in * g->stride * g->stride, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_shortcut_geom *g)
{
    return yl__operands_of((double)(g->n * g->h * g->w * g->c), (double)(g->n * g->h * g->w * g->c), 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_reorg_geom *g)
{
    return yl__operands_of((double)(g->n * g->h * g->w * g->c), (double)(g->n * g->h * g->w * g->c), 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_warp_batch_geom *g)
{
    double count = (double)(g->n * g->h * g->w * 3);
    return yl__operands_of(count, count, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_head_geom *g)
{
    double all = (double)(g->n * g->h * g->w) * g->anchors * (double)yl_head_size(g);
    return yl__operands_of(all, all, 0, g->dtype);
}
static inline yl__operands yl__operands_of(const yl_region_geom *g)
{
    return yl__operands_of(&g->head);
}
static inline yl__operands yl__operands_of(const yl_yolo_geom *g)
{
    return yl__operands_of(&g->head);
}
static inline yl__operands yl__operands_of(const yl_connected_geom *g)
{
    double n = (double)g->n, in = (double)g->in, out = (double)g->out;
    return {n * in, n * out, in * out, out, 2 * n * in * out, g->dtype};
}
static inline yl__operands yl__operands_of(const yl_tensor_train_geom *g)
{
    double pixels = (double)(g->batch * g->rest), rows = (double)g->rows, inner = (double)g->inner;
    return {pixels * inner, pixels * rows, rows * inner, (double)g->outputs, 2 * pixels * rows * inner, g->dtype};
}
static inline yl__operands yl__operands_of(const yl_conv2d_geom *g)
{
    double pixels = (double)(g->n * g->oh * g->ow);
    return {(double)(g->n * g->h * g->w * g->c),
            pixels * (double)g->oc,
            (double)(g->oc * g->kh * g->kw * (g->c / g->groups)),
            (double)g->oc,
            2 * yl_conv2d_work(g),
            g->dtype};
}

/* Of a call: bytes moved, and operations. */
struct yl__work {
    double bytes, flops;
};

/* A parameter of the table's text: "const void *dy" is {"dy", true}. */
struct yl__parameter {
    std::string name;
    bool is_const;
};

static inline std::vector<yl__parameter> yl__parameters(const char *text)
{
    std::vector<yl__parameter> list;
    std::string rest = std::string(text).substr(1); /* behind "(" */
    while (!rest.empty()) {
        size_t end = rest.find_first_of(",)");
        std::string one = rest.substr(0, end);
        size_t last = one.find_last_of(" *");
        list.push_back({one.substr(last + 1), one.find("const ") != std::string::npos});
        rest = end == std::string::npos || rest[end] == ')' ? "" : rest.substr(end + 1);
    }
    return list;
}

static inline bool yl__one_of(const std::string &name, const char *words)
{
    return (std::string(" ") + words + " ").find(" " + name + " ") != std::string::npos;
}

/* Numbers of an operand of that name. Scratch, losses' parts and truth are small, or the algorithm's own affair. */
static inline double yl__count_of(const yl__operands &o, const std::string &name)
{
    if (yl__one_of(name, "scratch partial parts first sum out index bytes truth list")) return 0;
    if (yl__one_of(name, "x dx from a b teacher")) return o.in;
    if (yl__one_of(name, "y dy to taken")) return o.out;
    if (yl__one_of(name, "weight dweight")) return o.weights;
    return o.rest;
}

template <class T> double yl__bytes_of(const yl__operands &o, const yl__parameter &p, const T &value, float beta)
{
    if constexpr (std::is_pointer_v<T>) {
        typedef std::remove_cv_t<std::remove_pointer_t<T>> element;
        double size = 0;
        if constexpr (std::is_void_v<element>) size = (double)yl_dtype_bytes(o.dtype);
        if constexpr (std::is_arithmetic_v<element>) size = (double)sizeof(element);
        double moves = !p.is_const && beta != 0 ? 2 : 1; /* what is added to is read as well */
        return value ? size * moves * yl__count_of(o, p.name) : 0;
    }
    return 0;
}

/* Of a call of the table's kernel with these parameters: `text` as the table has it, `geometry` or a count second. */
template <class G, class... P>
yl__work yl__work_of(const char *text, const yl_ctx *ctx, const G &geometry, const P &...rest)
{
    yl__operands o = yl__operands_of(geometry);
    std::vector<yl__parameter> list = yl__parameters(text);
    float beta = 0;
    size_t at = 2;
    auto find_beta = [&](const auto &value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, float>)
            if (list[at].name == "beta") beta = value;
        at++;
    };
    (find_beta(rest), ...);
    yl__work work = {0, 0};
    at = 2;
    ((work.bytes += yl__bytes_of(o, list[at], rest, beta), at++), ...);
    work.flops = o.flops > 0 ? o.flops : work.bytes / (double)yl_dtype_bytes(o.dtype);
    (void)ctx;
    return work;
}

#endif
