/* Darknet .weights: int32 major, minor, revision; seen (32 bits before version 0.2, then 64); float32 numbers per
 * section. A convolution has biases, [scales, means, variances,] weights {out, in/groups, kh, kw}; a connected layer
 * has biases, weights {out, in}, [scales, means, variances], where `in` runs over channels, rows, columns
 * (pjreddie/darknet, src/parser.c). */
#define _GNU_SOURCE
#include "formats/darknet.h"
#include "core/file.h"
#include "core/finite.h"
#include "core/memory.h"
#include "formats/darknet_sections.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) YL_MEMBER(yl_darknet_header, member)
static const yl_field fields[] = {
    {"major", YL_OPTION_INT, "0", "", "version", INT32_MIN, INT32_MAX, NULL, NULL, AT(major)},
    {"minor", YL_OPTION_INT, "2", "", "version", INT32_MIN, INT32_MAX, NULL, NULL, AT(minor)},
    {"revision", YL_OPTION_INT, "5", "", "version", INT32_MIN, INT32_MAX, NULL, NULL, AT(revision)},
    {"seen", YL_OPTION_INT, "0", "images", "how many images it was trained on", 0, 0, NULL, NULL, AT(seen)},
};
const yl_field_table yl_darknet_header_fields = YL_FIELD_TABLE("header", fields);

enum { MAX_PIECES = YL_MAX_PARAMS };

/* One run of numbers in the file: a range, and for weights how it is permuted. */
typedef struct piece {
    int range, section;
    int64_t c, hw; /* the file has {.., c, hw}, we have {.., hw, c}; c = 1: the same order */
} piece;

typedef struct pieces {
    int64_t count, capacity, numbers;
    int section; /* of the pieces that are being added */
    piece *at;
} pieces;

/* ---- which numbers, in which order ---- */

static int range_of(const yl_net *net, int layer, const char *name)
{
    if (layer < 0) return -1;
    const yl_layer *l = &net->layers[layer];
    for (int k = 0; k < l->n_params; k++) {
        const char *dot = strrchr(net->ranges[l->params[k]].name, '.');
        if (dot && strcmp(dot + 1, name) == 0) return l->params[k];
    }
    return -1;
}

static void append(const yl_net *net, pieces *p, int range, int64_t c, int64_t hw)
{
    if (range < 0) return; /* a layer without that parameter */
    p->at[p->count++] = (piece){range, p->section, c, hw};
    p->numbers += net->ranges[range].count;
}

static void append_norm(const yl_net *net, pieces *p, int bn)
{
    append(net, p, range_of(net, bn, "scale"), 1, 1);
    append(net, p, range_of(net, bn, "mean"), 1, 1);
    append(net, p, range_of(net, bn, "var"), 1, 1);
}

static yl_status append_section(const yl_net *net, const yl__section *s, const yl_shape *shapes, pieces *p)
{
    const yl_layer *l = &net->layers[s->head];
    int weight = range_of(net, s->head, "weight"), bias = range_of(net, s->head, "bias");
    if (s->bn >= 0 && bias >= 0)
        return yl__fail(YL_UNSUPPORTED, "%s has a bias and a batch-norm, a Darknet section has one of them", l->name);
    if (s->bn >= 0) bias = range_of(net, s->bn, "bias");
    append(net, p, bias, 1, 1);
    if (net->ranges[weight].n_dims == 4) {
        const int64_t *d = net->ranges[weight].dims; /* out, kh, kw, in/groups */
        append_norm(net, p, s->bn);
        append(net, p, weight, d[3], d[1] * d[2]);
        return YL_OK;
    }
    yl_shape in = l->inputs[0] < 0 ? (yl_shape){1, net->h, net->w, net->c} : shapes[l->inputs[0]];
    append(net, p, weight, in.c, in.h * in.w);
    append_norm(net, p, s->bn);
    return YL_OK;
}

/* [batchnorm]: biases, scales, means, variances. */
static void append_batchnorm(const yl_net *net, int layer, pieces *p)
{
    append(net, p, range_of(net, layer, "bias"), 1, 1);
    append_norm(net, p, layer);
}

/* The numbers of a kind that Darknet does not know stand as the layer has them, parameter by parameter. */
static void append_all(const yl_net *net, const yl_layer *l, pieces *p)
{
    for (int k = 0; k < l->n_params; k++) append(net, p, l->params[k], 1, 1);
}

static yl_status collect(const yl_net *net, const yl__sections *s, const yl_shape *shapes, int count, pieces *p)
{
    YL_TRY(yl__reserve((int64_t)count * MAX_PIECES, &p->capacity, sizeof *p->at, &p->at));
    for (int i = 0; i < count; i++) {
        const yl_layer *l = &net->layers[s->at[i].head];
        p->section = i;
        if (yl__section_is_own(l->kind->name))
            append_all(net, l, p);
        else if (range_of(net, s->at[i].head, "weight") >= 0)
            YL_TRY(append_section(net, &s->at[i], shapes, p));
        else if (strcmp(l->kind->name, "batchnorm") == 0)
            append_batchnorm(net, s->at[i].head, p);
    }
    return YL_OK;
}

static yl_status list_pieces(const yl_net *net, int sections, pieces *out)
{
    yl__sections s;
    yl_shape *shapes = NULL;
    *out = (pieces){0};
    YL_TRY(yl__sections_of(net, &s));
    yl_status status = yl__alloc(net->n_layers, sizeof *shapes, &shapes);
    if (status == YL_OK) status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    if (status == YL_OK && (sections < 0 || sections > s.count))
        status = yl__fail(YL_INVALID, "expected 0 to %d sections to load, got %d", s.count, sections);
    if (status == YL_OK) status = collect(net, &s, shapes, sections ? sections : s.count, out);
    yl__free(shapes);
    yl__sections_free(&s);
    if (status != YL_OK) yl__free(out->at);
    return status;
}

/* ---- numbers ---- */

static int64_t largest(const yl_net *net, const pieces *p)
{
    int64_t most = 0;
    for (int64_t i = 0; i < p->count; i++)
        if (net->ranges[p->at[i].range].count > most) most = net->ranges[p->at[i].range].count;
    return most;
}

/* to[o][b][a] = from[o][a][b] for every o. */
static void permute(const char *from, float *to, int64_t count, int64_t a_count, int64_t b_count)
{
    for (int64_t o = 0; o < count; o += a_count * b_count)
        for (int64_t a = 0; a < a_count; a++)
            for (int64_t b = 0; b < b_count; b++)
                memcpy(&to[o + b * a_count + a], from + (size_t)(o + a * b_count + b) * sizeof *to, sizeof *to);
}

/* values {the largest piece's numbers} is room to work in. */
static yl_status check_numbers(const yl_net *net, const pieces *p, const char *path, const char *numbers, float *values)
{
    for (int64_t i = 0; i < p->count; i++) {
        const yl_range *r = &net->ranges[p->at[i].range];
        size_t bytes = (size_t)r->count * sizeof *values;
        memcpy(values, numbers, bytes);
        int64_t at = yl__not_finite(values, r->count);
        if (at >= 0) return yl__fail(YL_NUMERIC, "%s: %s: number %lld is not finite", path, r->name, (long long)at + 1);
        numbers += bytes;
    }
    return YL_OK;
}

static yl_status fill(yl_net *net, const pieces *p, const char *path, const char *numbers)
{
    float *values;
    yl_slab *slab;
    YL_TRY(yl_net_slab(net, "value", &slab));
    YL_TRY(yl__alloc(largest(net, p), sizeof *values, &values));
    yl_status status = check_numbers(net, p, path, numbers, values);
    for (int64_t i = 0; i < p->count && status == YL_OK; i++) {
        yl_range *r = &net->ranges[p->at[i].range];
        permute(numbers, values, r->count, p->at[i].c, p->at[i].hw);
        status = net->device->to_device(net->device, yl_net_at(slab, r), values, (size_t)r->count * sizeof *values);
        if (status == YL_OK) status = yl__net_changed(net, slab, r);
        numbers += (size_t)r->count * sizeof *values;
    }
    yl__free(values);
    return status;
}

/* ---- the file ---- */

static bool wide_seen(const yl_darknet_header *h)
{
    return h->major < 1000 && h->minor < 1000 && (int64_t)h->major * 10 + h->minor >= 2;
}

/* Bytes of the header; 0 where it is not all there. */
static int64_t read_header(const char *data, int64_t size, yl_darknet_header *h)
{
    int32_t version[3], seen;
    if (size < 16) return 0;
    memcpy(version, data, sizeof version);
    *h = (yl_darknet_header){version[0], version[1], version[2], 0};
    if (wide_seen(h)) {
        if (size < 20) return 0;
        memcpy(&h->seen, data + 12, sizeof h->seen);
        return 20;
    }
    memcpy(&seen, data + 12, sizeof seen);
    h->seen = (uint32_t)seen;
    return 16;
}

static yl_status check_size(const char *path, int64_t size, int64_t header, int64_t numbers)
{
    int64_t expected = header + 4 * numbers;
    if (size == expected) return YL_OK;
    return yl__fail(YL_FORMAT,
                    "%s: too %s for this network: expected %lld numbers (%lld bytes), got %lld (%lld bytes)%s", path,
                    size < expected ? "short" : "long", (long long)numbers, (long long)expected,
                    (long long)((size - header) / 4), (long long)size,
                    size < expected ? "; partial=true loads a file of the first sections alone (NAME.conv.N)" : "");
}

/* A file that is far too long is refused before it is read. What cannot be looked at is left to the reading itself. */
static yl_status check_before(const char *path, int64_t numbers)
{
    char head[20];
    struct stat st;
    yl_darknet_header h;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return YL_OK;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t got = regular ? pread(fd, head, sizeof head, 0) : 0;
    close(fd);
    int64_t at = read_header(head, got, &h);
    return at && st.st_size > at + 4 * numbers ? check_size(path, (int64_t)st.st_size, at, numbers) : YL_OK;
}

/* Where the numbers begin. */
static yl_status check_header(const char *path, const char *data, int64_t size, yl_darknet_header *header, int64_t *at)
{
    *at = read_header(data, size, header);
    if (*at == 0)
        return yl__fail(YL_FORMAT, "%s: too short: expected a header of 16 or 20 bytes, got %lld bytes", path,
                        (long long)size);
    if (header->major < 0 || header->minor < 0 || header->major > 1000 || header->minor > 1000)
        return yl__fail(YL_FORMAT, "%s: not Darknet weights of a known kind: version %d.%d.%d", path,
                        (int)header->major, (int)header->minor, (int)header->revision);
    return YL_OK;
}

static yl_status load(yl_net *net, const pieces *p, const char *path, const char *data, int64_t size,
                      yl_darknet_header *h)
{
    yl_darknet_header header = {0};
    int64_t at;
    YL_TRY(check_header(path, data, size, &header, &at));
    YL_TRY(check_size(path, size, at, p->numbers));
    YL_TRY(fill(net, p, path, data + at));
    if (h) *h = header;
    return YL_OK;
}

/* The layer that a person knows the section of piece i by. */
static const char *layer_of(const yl_net *net, const pieces *p, int64_t i)
{
    return net->layers[net->ranges[p->at[i].range].layer].name;
}

/* Cuts the list to the first sections, which hold exactly the numbers of `size` bytes behind the header. */
static yl_status cut_to(const yl_net *net, const char *path, int64_t bytes, pieces *p)
{
    int64_t numbers = 0, first = 0, before = 0;
    for (int64_t i = 0; i < p->count; i++) {
        if (i > 0 && p->at[i].section != p->at[first].section) first = i, before = numbers;
        numbers += net->ranges[p->at[i].range].count;
        bool ends = i + 1 == p->count || p->at[i + 1].section != p->at[i].section;
        if (ends && 4 * numbers == bytes) {
            p->count = i + 1, p->numbers = numbers;
            return YL_OK;
        }
        if (ends && 4 * numbers > bytes)
            return yl__fail(YL_FORMAT,
                            "%s: ends inside the section of %s: sections of this network end at %lld and %lld numbers, "
                            "the file holds %lld bytes of them, which is %.9g",
                            path, layer_of(net, p, first), (long long)before, (long long)numbers, (long long)bytes,
                            (double)bytes / 4);
    }
    return yl__fail(YL_FORMAT, "%s: too long for this network: expected at most %lld numbers, got %lld", path,
                    (long long)numbers, (long long)(bytes / 4));
}

static yl_status load_first(yl_net *net, pieces *p, const char *path, const char *data, int64_t size,
                            yl_darknet_header *header)
{
    int64_t at;
    YL_TRY(check_header(path, data, size, header, &at));
    YL_TRY(cut_to(net, path, size - at, p));
    return fill(net, p, path, data + at);
}

yl_status yl_darknet_parse_weights(yl_net *net, const char *data, int64_t size, const char *path,
                                   yl_darknet_header *header)
{
    pieces p;
    yl_status status = list_pieces(net, 0, &p);
    if (status != YL_OK) return yl__fail_in(status, "%s", path);
    status = load(net, &p, path, data, size, header);
    yl__free(p.at);
    return status;
}

yl_status yl_darknet_load_weights(yl_net *net, const char *path, int sections, yl_darknet_header *header)
{
    pieces p;
    char *data = NULL;
    int64_t size;
    yl_status status = list_pieces(net, sections, &p);
    if (status != YL_OK) return yl__fail_in(status, "%s", path);
    status = check_before(path, p.numbers);
    if (status == YL_OK) status = yl__file_read(path, &data, &size);
    if (status == YL_OK) status = load(net, &p, path, data, size, header);
    yl__free(data);
    yl__free(p.at);
    return status;
}

yl_status yl_darknet_load_first_weights(yl_net *net, const char *path, yl_darknet_header *header, int *sections,
                                        int64_t *numbers)
{
    pieces p;
    char *data = NULL;
    int64_t size;
    yl_darknet_header h = {0};
    yl_status status = list_pieces(net, 0, &p);
    if (status != YL_OK) return yl__fail_in(status, "%s", path);
    status = check_before(path, p.numbers);
    if (status == YL_OK) status = yl__file_read(path, &data, &size);
    if (status == YL_OK) status = load_first(net, &p, path, data, size, &h);
    if (status == YL_OK && header) *header = h;
    if (status == YL_OK && sections) *sections = p.at[p.count - 1].section + 1;
    if (status == YL_OK && numbers) *numbers = p.numbers;
    yl__free(data);
    yl__free(p.at);
    return status;
}

static yl_status put_header(yl_file_writer *w, const yl_darknet_header *h)
{
    int32_t version[3] = {h->major, h->minor, h->revision}, narrow = (int32_t)(uint32_t)h->seen;
    YL_TRY(yl__file_put(w, version, sizeof version));
    if (wide_seen(h)) return yl__file_put(w, &h->seen, sizeof h->seen);
    return yl__file_put(w, &narrow, sizeof narrow);
}

static yl_status put_piece(const yl_net *net, const yl_slab *slab, const piece *p, float *ours, float *theirs,
                           yl_file_writer *w)
{
    const yl_range *r = &net->ranges[p->range];
    size_t bytes = (size_t)r->count * sizeof *ours;
    YL_TRY(net->device->from_device(net->device, ours, yl_net_at(slab, r), bytes));
    permute((const char *)ours, theirs, r->count, p->hw, p->c);
    return yl__file_put(w, theirs, (int64_t)bytes);
}

static yl_status put_numbers(const yl_net *net, const pieces *p, yl_file_writer *w)
{
    float *buffer;
    int64_t most = largest(net, p);
    const yl_slab *slab = yl_net_has_slab(net, "value");
    yl_status status = YL_OK;
    YL_TRY(yl__alloc(2 * most, sizeof *buffer, &buffer));
    for (int64_t i = 0; i < p->count && status == YL_OK; i++)
        status = put_piece(net, slab, &p->at[i], buffer, buffer + most, w);
    yl__free(buffer);
    return status;
}

yl_status yl_darknet_save_weights(const yl_net *net, const char *path, const yl_darknet_header *header)
{
    yl_darknet_header usual;
    pieces p;
    yl_file_writer w;
    YL_TRY(yl_options_defaults(&yl_darknet_header_fields, &usual));
    YL_TRY(yl__file_ending(path, ".weights", "Darknet weights"));
    YL_TRY(yl__sections_all_darknet(net));
    YL_TRY(list_pieces(net, 0, &p));
    yl_status status = yl__file_begin(path, &w);
    if (status == YL_OK) {
        status = put_header(&w, header ? header : &usual);
        if (status == YL_OK) status = put_numbers(net, &p, &w);
        if (status == YL_OK)
            status = yl__file_commit(&w);
        else
            yl__file_discard(&w);
    }
    yl__free(p.at);
    return status;
}
