/* HDF5 files through HDF5's library, which is opened with the first file: linked to the program it would double the time of a start.
 * hdf5.h says what is taken from files. */
#include "formats/hdf5.h"
#include "core/child.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/f16.h"

#include <dlfcn.h>
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST = 1 << 30,
    READ_ONLY = 0,   /* H5F_ACC_RDONLY, whose macro calls into the library */
    INFLATES = 1032, /* deflate makes of a byte at most that many */
};

/* HDF5's headers give some of these names a version (H5Ovisit), so the list is expanded before it is quoted. */
/* clang-format off */
#define CALLS(X) \
    X(H5Aclose) X(H5Aexists) X(H5Aget_space) X(H5Aget_type) X(H5Aopen) X(H5Aread) X(H5Dclose) X(H5Dget_create_plist) \
    X(H5Dget_space) X(H5Dget_storage_size) X(H5Dget_type) X(H5Dopen2) X(H5Dread) X(H5Eset_auto2) X(H5Fclose) X(H5Fis_hdf5) X(H5Fopen) \
    X(H5Gclose) X(H5Gopen2) X(H5Lexists) X(H5Ovisit) X(H5Pclose) X(H5Pget_external_count) X(H5Pget_layout) X(H5Pget_nfilters) \
    X(H5Sclose) X(H5Sget_simple_extent_dims) X(H5Sget_simple_extent_ndims) X(H5Sget_simple_extent_npoints) \
    X(H5Tclose) X(H5Tcopy) X(H5Tget_class) X(H5Tget_ebias) X(H5Tget_fields) X(H5Tget_order) X(H5Tget_size) \
    X(H5Tis_variable_str) X(H5Tset_order) X(H5free_memory) X(H5open)
/* clang-format on */
#define FIELD(name) __typeof__(name) *name;
#define FIND(name) FIND_(name)
#define FIND_(name) find(library, #name, &h5.name, sizeof h5.name) &&

static struct {
    CALLS(FIELD)
    hid_t *native_float, *native_double; /* types that the library makes when it opens */
} h5;

static bool find(void *library, const char *name, void *out, size_t size)
{
    void *symbol = dlsym(library, name);
    memcpy(out, &symbol, size);
    return symbol != NULL;
}

static bool find_all(void *library)
{
    return CALLS(FIND) find(library, "H5T_NATIVE_FLOAT_g", &h5.native_float, sizeof h5.native_float) &&
           find(library, "H5T_NATIVE_DOUBLE_g", &h5.native_double, sizeof h5.native_double);
}

/* Of the library, as soon as H5open was called. */
static hid_t native_float(void)
{
    return *h5.native_float;
}

static yl_status open_library(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool opened;
    yl_status status = YL_OK;
    pthread_mutex_lock(&mutex);
    void *library = opened ? NULL : dlopen(YL_HDF5_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!opened && !library)
        status = yl__fail(YL_UNSUPPORTED, "HDF5's library cannot be opened: %s", dlerror());
    else if (!opened && !(find_all(library) && h5.H5open() >= 0))
        status = yl__fail(YL_UNSUPPORTED, "%s is no library of the HDF5 that this build knows", YL_HDF5_LIBRARY);
    opened = status == YL_OK;
    pthread_mutex_unlock(&mutex);
    return status;
}

/* While the file is walked. HDF5 calls back with plain names, so that a failure is kept here. */
typedef struct walk {
    yl_hdf5 *out;
    const char *path, *below; /* the file; the group that names begin with, "" or "model_weights" */
    hid_t group;
    yl_status (*take)(struct walk *w, hid_t set, hid_t type, const char *name); /* of each dataset of numbers */
    int64_t size, total; /* bytes of the file; numbers that were counted */
    yl_status status;
} walk;

static yl_status damaged(const char *path, const char *what)
{
    return yl__fail(YL_FORMAT, "%s: HDF5 cannot read %.200s", path, what);
}

/* Whether a type is binary16, in any order of bytes. */
static bool is_half(hid_t type)
{
    size_t sign, exponent, exponent_size, fraction, fraction_size;
    return h5.H5Tget_size(type) == 2 &&
           h5.H5Tget_fields(type, &sign, &exponent, &exponent_size, &fraction, &fraction_size) >= 0 && sign == 15 &&
           exponent == 10 && exponent_size == 5 && fraction == 0 && fraction_size == 10 && h5.H5Tget_ebias(type) == 15;
}

static yl_status read_halves(walk *w, hid_t set, hid_t type, const char *name, int64_t count, float *numbers)
{
    uint16_t *halves;
    YL_TRY(yl__alloc(count, sizeof *halves, &halves));
    hid_t native = h5.H5Tcopy(type);
    bool good = native >= 0 && h5.H5Tset_order(native, h5.H5Tget_order(native_float())) >= 0 &&
                h5.H5Dread(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, halves) >= 0;
    for (int64_t i = 0; good && i < count; i++) numbers[i] = yl_of_f16(halves[i]);
    if (native >= 0) h5.H5Tclose(native);
    yl__free(halves);
    return good ? YL_OK : damaged(w->path, name);
}

static yl_status narrow(const walk *w, const char *name, const double *wide, int64_t count, float *numbers)
{
    char what[512];
    snprintf(what, sizeof what, "%.200s: '%.200s'", w->path, name);
    for (int64_t i = 0; i < count; i++) YL_TRY(yl__state_narrow(what, i, wide[i], &numbers[i]));
    return YL_OK;
}

/* HDF5 itself would turn what f32 cannot hold into an infinity. */
static yl_status read_doubles(walk *w, hid_t set, const char *name, int64_t count, float *numbers)
{
    double *wide;
    YL_TRY(yl__alloc(count, sizeof *wide, &wide));
    bool good = h5.H5Dread(set, *h5.native_double, H5S_ALL, H5S_ALL, H5P_DEFAULT, wide) >= 0;
    yl_status status = good ? narrow(w, name, wide, count, numbers) : damaged(w->path, name);
    yl__free(wide);
    return status;
}

static yl_status read_shape(walk *w, hid_t set, const char *name, yl_state_tensor *t)
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t space = h5.H5Dget_space(set);
    if (space < 0) return damaged(w->path, name);
    int n = h5.H5Sget_simple_extent_ndims(space);
    bool good = n >= 0 && n <= YL_SAFETENSORS_DIMS && h5.H5Sget_simple_extent_dims(space, dims, NULL) == n;
    h5.H5Sclose(space);
    if (!good) return damaged(w->path, name);
    t->n_dims = n;
    for (int i = 0; i < n; i++) t->dims[i] = dims[i] > MOST ? MOST + (int64_t)1 : (int64_t)dims[i];
    return YL_OK;
}

/* Refuses a dataset whose numbers lie in another file, and one that claims more than its bytes in this file can hold. */
static yl_status check_place(walk *w, hid_t set, hid_t type, const char *name, int64_t count)
{
    hid_t properties = h5.H5Dget_create_plist(set);
    bool inside =
        properties >= 0 && h5.H5Pget_layout(properties) != H5D_VIRTUAL && h5.H5Pget_external_count(properties) == 0;
    int filters = inside ? h5.H5Pget_nfilters(properties) : 0;
    if (properties >= 0) h5.H5Pclose(properties);
    if (!inside) return yl__fail(YL_UNSUPPORTED, "%s: the numbers of %.200s lie outside the file", w->path, name);
    hsize_t stored = h5.H5Dget_storage_size(set), claimed = (hsize_t)count * h5.H5Tget_size(type);
    if (stored > (hsize_t)w->size || claimed > (filters ? INFLATES : 1) * stored)
        return yl__fail(YL_FORMAT, "%s: %.200s claims %lld numbers; the file holds only %lld bytes for them", w->path,
                        name, (long long)count, (long long)(stored < (hsize_t)w->size ? stored : (hsize_t)w->size));
    return YL_OK;
}

static yl_status measure(walk *w, hid_t set, hid_t type, const char *name)
{
    yl_state_tensor t = {0};
    YL_TRY(read_shape(w, set, name, &t));
    int64_t count = yl__product(t.n_dims, t.dims);
    if (count > MOST - w->total) return yl__fail(YL_FORMAT, "%s: more than 2^30 numbers, up to %.200s", w->path, name);
    w->total += count;
    return check_place(w, set, type, name, count);
}

static yl_status put_name(walk *w, const char *name, char **out)
{
    size_t below = strlen(w->below), size = strlen(name);
    YL_TRY(yl__alloc((int64_t)(below + size + 2), 1, out));
    memcpy(*out, w->below, below);
    if (below) (*out)[below++] = '/';
    memcpy(*out + below, name, size + 1);
    return YL_OK;
}

static yl_status read_numbers(walk *w, hid_t set, hid_t type, const char *name)
{
    yl_state_tensor t = {0};
    char *text = NULL;
    float *numbers = NULL;
    YL_TRY(read_shape(w, set, name, &t));
    int64_t count = yl__product(t.n_dims, t.dims);
    yl_status status = yl__alloc(count, sizeof *numbers, &numbers);
    if (status == YL_OK && is_half(type))
        status = read_halves(w, set, type, name, count, numbers);
    else if (status == YL_OK && h5.H5Tget_size(type) > sizeof(float))
        status = read_doubles(w, set, name, count, numbers);
    else if (status == YL_OK && h5.H5Dread(set, native_float(), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) < 0)
        status = damaged(w->path, name);
    if (status == YL_OK) status = put_name(w, name, &text);
    if (status == YL_OK) return yl__state_add(&w->out->state, t.n_dims, t.dims, text, numbers);
    yl__free(numbers);
    return status;
}

static yl_status read_dataset(walk *w, const char *name)
{
    hid_t set = h5.H5Dopen2(w->group, name, H5P_DEFAULT);
    if (set < 0) return damaged(w->path, name);
    hid_t type = h5.H5Dget_type(set);
    yl_status status = type < 0 ? damaged(w->path, name) : YL_OK;
    if (type >= 0 && h5.H5Tget_class(type) == H5T_FLOAT) status = w->take(w, set, type, name);
    if (type >= 0) h5.H5Tclose(type);
    h5.H5Dclose(set);
    return status;
}

static herr_t visit(hid_t group, const char *name, const H5O_info_t *info, void *data)
{
    walk *w = data;
    (void)group;
    if (info->type != H5O_TYPE_DATASET || strncmp(name, "optimizer", 9) == 0) return 0;
    w->status = read_dataset(w, name);
    return w->status == YL_OK ? 0 : -1;
}

/* The text of an attribute, of a fixed length or not. */
static yl_status read_text(const char *path, hid_t attribute, int64_t most, char **out)
{
    hid_t type = h5.H5Aget_type(attribute);
    size_t size = type < 0 ? 0 : h5.H5Tget_size(type);
    hid_t space = h5.H5Aget_space(attribute);
    bool one = space >= 0 && h5.H5Sget_simple_extent_npoints(space) == 1;
    if (space >= 0) h5.H5Sclose(space);
    yl_status status =
        !one || h5.H5Tget_class(type) != H5T_STRING || size > (size_t)most ? damaged(path, "its model_config") : YL_OK;
    if (status == YL_OK && h5.H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        if (h5.H5Aread(attribute, type, &text) < 0 || !text) status = damaged(path, "its model_config");
        if (status == YL_OK) status = yl__strdup(text, out);
        if (text) h5.H5free_memory(text);
    } else if (status == YL_OK) {
        status = yl__calloc((int64_t)size + 1, 1, out);
        if (status == YL_OK && h5.H5Aread(attribute, type, *out) < 0) status = damaged(path, "its model_config");
    }
    if (type >= 0) h5.H5Tclose(type);
    return status;
}

static yl_status read_config(const char *path, hid_t file, int64_t most, char **out)
{
    if (h5.H5Aexists(file, "model_config") <= 0) return YL_OK;
    hid_t attribute = h5.H5Aopen(file, "model_config", H5P_DEFAULT);
    if (attribute < 0) return damaged(path, "its model_config");
    yl_status status = read_text(path, attribute, most, out);
    h5.H5Aclose(attribute);
    return status;
}

/* Calls w->take with each dataset of numbers. */
static yl_status visit_all(walk *w, yl_status (*take)(walk *w, hid_t set, hid_t type, const char *name))
{
    w->take = take;
    herr_t good = h5.H5Ovisit(w->group, H5_INDEX_NAME, H5_ITER_NATIVE, visit, w);
    if (w->status != YL_OK) return w->status;
    return good < 0 ? damaged(w->path, "its groups") : YL_OK;
}

static yl_status read_all(const char *path, hid_t file, int64_t size, yl_hdf5 *out)
{
    YL_TRY(read_config(path, file, size, &out->config));
    bool whole = h5.H5Lexists(file, "model_weights", H5P_DEFAULT) > 0;
    walk w = {.out = out, .path = path, .below = whole ? "model_weights" : "", .size = size};
    w.group = h5.H5Gopen2(file, whole ? "model_weights" : "/", H5P_DEFAULT);
    if (w.group < 0) return damaged(path, "its groups");
    yl_status status = visit_all(&w, measure); /* before memory is taken for any */
    if (status == YL_OK) status = visit_all(&w, read_numbers);
    h5.H5Gclose(w.group);
    return status;
}

typedef struct job {
    const char *path;
    int64_t size;
    yl_hdf5 *out;
} job;

static yl_status read_file(void *data)
{
    job *j = data;
    htri_t is = h5.H5Fis_hdf5(j->path);
    if (is <= 0) return yl__fail(YL_FORMAT, "%s: not an HDF5 file", j->path);
    hid_t file = h5.H5Fopen(j->path, READ_ONLY, H5P_DEFAULT);
    if (file < 0) return damaged(j->path, "the file");
    yl_status status = read_all(j->path, file, j->size, j->out);
    h5.H5Fclose(file);
    return status;
}

/* Damaged files can crash HDF5's library, so a copy of this process reads them first. */
static yl_status rehearse(job *j)
{
    char how[80];
    int64_t most = (int64_t)MOST * 16, bytes = j->size < MOST ? MOST + 3 * INFLATES * j->size : most;
    int64_t seconds = 10 + (j->size >> 24);
    yl_child_limits limits = {.seconds = seconds, .clock = 20 * seconds, .bytes = bytes < most ? bytes : most};
    YL_TRY(yl__child_try(read_file, j, limits, how, sizeof how));
    if (!*how) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: HDF5's library fails on it with %s: is the file damaged?", j->path, how);
}

static yl_status size_of(const char *path, int64_t *size)
{
    struct stat s;
    if (stat(path, &s) == 0 && S_ISREG(s.st_mode)) {
        *size = (int64_t)s.st_size;
        return YL_OK;
    }
    char *bytes;
    YL_TRY(yl__file_read(path, &bytes, size)); /* tells why it cannot be read */
    yl__free(bytes);
    return yl__fail(YL_FORMAT, "%s: not an HDF5 file", path);
}

yl_status yl_hdf5_read(const char *path, yl_hdf5 *out)
{
    job j = {.path = path, .out = out};
    *out = (yl_hdf5){0};
    YL_TRY(yl__sandbox_reads(path));
    YL_TRY(open_library());
    YL_TRY(size_of(path, &j.size));
    h5.H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* it would print */
    YL_TRY(rehearse(&j));
    yl_status status = read_file(&j);
    if (status != YL_OK) yl_hdf5_free(out);
    return status;
}

void yl_hdf5_free(yl_hdf5 *file)
{
    yl_state_free(&file->state);
    yl__free(file->config);
    file->config = NULL;
}

bool yl_hdf5_available(void)
{
    return true;
}
