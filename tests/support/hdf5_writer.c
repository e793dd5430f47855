/* Writes an HDF5 file for tests, with HDF5's own library: writer OUT <SPEC. A line of the specification is one of
 *   text NAME THE TEXT                an attribute of the file, of fixed length; "vtext": of variable length
 *   set TYPE PATH FILE D1 D2 ...      a dataset; TYPE f16, f32, f64 or i32; FILE holds its bytes as they are stored
 *   outside PATH FILE D1              a dataset of f32 whose numbers stay in FILE
 *   unwritten PATH - D1               a dataset of f32, in deflated chunks of 1000, that was never written */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int good, const char *what)
{
    if (good) return;
    fprintf(stderr, "hdf5_writer: %s\n", what);
    exit(1);
}

/* IEEE 754 binary16, as numpy's float16 is stored. */
static hid_t half(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    check(H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(t, 2) >= 0 && H5Tset_ebias(t, 15) >= 0, "half");
    return t;
}

static hid_t type_of(const char *name)
{
    if (strcmp(name, "f16") == 0) return half();
    if (strcmp(name, "f64") == 0) return H5Tcopy(H5T_IEEE_F64LE);
    if (strcmp(name, "i32") == 0) return H5Tcopy(H5T_STD_I32LE);
    return H5Tcopy(H5T_IEEE_F32LE);
}

static void put_text(hid_t file, const char *name, const char *text, int variable)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text));
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    check(a >= 0 && H5Awrite(a, type, variable ? (const void *)&text : text) >= 0, name);
    H5Aclose(a), H5Sclose(space), H5Tclose(type);
}

static int sizes(hsize_t dims[8])
{
    int n = 0;
    for (char *word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n")) dims[n++] = strtoull(word, NULL, 10);
    return n;
}

static void put_set(hid_t file, const char *kind)
{
    hsize_t dims[8], chunk = 1000;
    const char *path = strtok(NULL, " "), *source = strtok(NULL, " \n");
    int n = sizes(dims);
    hid_t type = type_of(kind), space = n ? H5Screate_simple(n, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t links = H5Pcreate(H5P_LINK_CREATE), how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    size_t bytes = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
    if (strcmp(kind, "outside") == 0) check(H5Pset_external(how, source, 0, bytes) >= 0, source);
    if (strcmp(kind, "unwritten") == 0) check(H5Pset_chunk(how, 1, &chunk) >= 0 && H5Pset_deflate(how, 1) >= 0, path);
    hid_t set = H5Dcreate2(file, path, type, space, links, how, H5P_DEFAULT);
    check(set >= 0, path);
    if (strcmp(kind, "outside") != 0 && strcmp(kind, "unwritten") != 0) {
        void *data = malloc(bytes + 1);
        FILE *f = fopen(source, "rb");
        check(f && fread(data, 1, bytes, f) == bytes, source);
        check(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, path);
        fclose(f), free(data);
    }
    H5Dclose(set), H5Sclose(space), H5Tclose(type), H5Pclose(links), H5Pclose(how);
}

int main(int count, char **words)
{
    static char line[1 << 20];
    check(count == 2, "usage: hdf5_writer OUT <SPEC");
    hid_t file = H5Fcreate(words[1], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    check(file >= 0, words[1]);
    while (fgets(line, sizeof line, stdin)) {
        const char *word = strtok(line, " ");
        if (strcmp(word, "set") == 0)
            put_set(file, strtok(NULL, " "));
        else if (strcmp(word, "outside") == 0 || strcmp(word, "unwritten") == 0)
            put_set(file, word);
        else {
            const char *name = strtok(NULL, " ");
            put_text(file, name, strtok(NULL, "\n"), word[0] == 'v');
        }
    }
    return H5Fclose(file) < 0;
}
