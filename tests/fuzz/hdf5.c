/* HDF5 files, as Keras writes them: no file breaks the reader; what is read has the size that its shape says. The first byte of an input
 * chooses one of the valid files that this target writes with HDF5's own library, two more how many of its 64ths stay, and the others are
 * written over its bytes: place (two bytes), value, ... */
#include "fuzz.h"
#include "formats/hdf5.h"

#include <hdf5.h>
#include <string.h>

enum { FILES = 4, MOST = 1 << 15 };

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\0\x40"),
    FUZZ("\1\x40"),
    FUZZ("\2\x40"),
    FUZZ("\3\x40"),
    FUZZ("\0\x40\x10\x00\xff\x20\x01\x7f\x08\x02\x01"),
    FUZZ("\1\x40\x40\x00\x01\x60\x00\x00\x80\x01\xff"),
    FUZZ("\2\x20\x00\x03\x01"),
    FUZZ("\3\x3f\x18\x00\x80\x19\x00\x01\x00\x04\x03"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\x00\x00\x00"), FUZZ("\x08\x00\x01"),
    FUZZ("\x20\x00\xff"), FUZZ("\x60\x00\xff\x61\x00\xff"),
    FUZZ("\x00\x01\x80"), FUZZ("\x00\x02\x00"),
    FUZZ("\x00\x03\x7f"), FUZZ("\x80\x03\xff\x81\x03\xff\x82\x03\xff\x83\x03\xff"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static struct file {
    uint8_t bytes[MOST];
    size_t size;
} files[FILES];

static void put_text(hid_t file, const char *text, bool variable)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text));
    hid_t a = H5Acreate2(file, "model_config", type, space, H5P_DEFAULT, H5P_DEFAULT);
    FUZZ_CHECK(a >= 0 && H5Awrite(a, type, variable ? (const void *)&text : text) >= 0);
    H5Aclose(a), H5Sclose(space), H5Tclose(type);
}

/* Twelve numbers {3, 4}; chunked ones are deflated. */
static void put_set(hid_t file, const char *path, hid_t type, bool chunked)
{
    const float numbers[12] = {1, -2, 3, 0.5f};
    const hsize_t dims[2] = {3, 4}, chunk[2] = {2, 2};
    hid_t space = H5Screate_simple(2, dims, NULL), links = H5Pcreate(H5P_LINK_CREATE),
          how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    if (chunked) H5Pset_chunk(how, 2, chunk), H5Pset_shuffle(how), H5Pset_deflate(how, 1), H5Pset_fletcher32(how);
    hid_t set = H5Dcreate2(file, path, type, space, links, how, H5P_DEFAULT);
    FUZZ_CHECK(set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    H5Dclose(set), H5Sclose(space), H5Pclose(links), H5Pclose(how);
}

static hid_t half(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    FUZZ_CHECK(H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(t, 2) >= 0 && H5Tset_ebias(t, 15) >= 0);
    return t;
}

static void fill(hid_t file, int which)
{
    hid_t sixteen = half();
    if (which == 0) {
        put_text(file, "{\"class_name\": \"Model\", \"config\": {}}", false);
        put_set(file, "model_weights/conv2d_1/conv2d_1/kernel:0", H5T_IEEE_F32LE, false);
        put_set(file, "model_weights/conv2d_1/conv2d_1/bias:0", H5T_IEEE_F64LE, false);
        put_set(file, "optimizer_weights/a", H5T_IEEE_F32LE, false);
    } else if (which == 1) {
        put_text(file, "{}", true);
        put_set(file, "model_weights/a/b", sixteen, false);
        put_set(file, "model_weights/a/c", H5T_STD_I32LE, false);
    } else if (which == 2)
        put_set(file, "layers/conv2d/vars/0", H5T_IEEE_F32BE, true);
    else
        put_set(file, "layers/dense/vars/0", H5T_IEEE_F32LE, false);
    H5Tclose(sixteen);
}

/* A file in memory, as the library would have written it to a disk; the last is in the newest format. */
static void make(int which)
{
    hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    FUZZ_CHECK(H5Pset_fapl_core(how, 1 << 12, 0) >= 0);
    if (which == FILES - 1) H5Pset_libver_bounds(how, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate("fuzz.h5", H5F_ACC_TRUNC, H5P_DEFAULT, how);
    FUZZ_CHECK(file >= 0);
    fill(file, which);
    FUZZ_CHECK(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0);
    ssize_t size = H5Fget_file_image(file, files[which].bytes, MOST);
    FUZZ_CHECK(size > 0 && size <= MOST);
    files[which].size = (size_t)size;
    H5Fclose(file), H5Pclose(how);
}

static void check_read(const yl_hdf5 *file)
{
    volatile double sum = 0; /* each number is there */
    FUZZ_CHECK(!file->config || strlen(file->config) < MOST);
    for (int64_t t = 0; t < file->state.count; t++) {
        const yl_state_tensor *tensor = &file->state.tensors[t];
        int64_t count = 1;
        for (int d = 0; d < tensor->n_dims; d++) count *= tensor->dims[d];
        for (int64_t i = 0; i < count; i++) sum += (double)tensor->numbers[i];
        FUZZ_CHECK(strlen(tensor->name) < MOST);
    }
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct file copy;
    yl_hdf5 out;
    if (size < 2) return 0;
    for (int i = 0; i < FILES && !files[i].size; i++) make(i);
    const struct file *from = &files[data[0] % FILES];
    copy.size = data[1] >= 64 ? from->size : from->size * data[1] / 64;
    memcpy(copy.bytes, from->bytes, copy.size);
    for (size_t i = 2; i + 2 < size && copy.size; i += 3)
        copy.bytes[(size_t)(data[i] | data[i + 1] << 8) % copy.size] = data[i + 2];
    const char *path = fuzz_file(copy.bytes, copy.size);
    if (yl_hdf5_read(path, &out) == YL_OK)
        check_read(&out);
    else
        FUZZ_CHECK(strncmp(yl_error(), path, strlen(path)) == 0 && !out.state.tensors && !out.config);
    yl_hdf5_free(&out);
    return 0;
}
