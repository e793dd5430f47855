/* Checkpoints: whatever the structure, notes and tensors of a file, the loader takes them or refuses in one sentence that names the file,
 * and a network that a refused file was to fill stays as it was. An input is lines: the notes "structure", "names", "int8" and "steps" (JSON
 * as it is, empty where there is no such note; "steps" comes with the average of the weights), the header's entries, and then the tensors'
 * bytes. An input that begins with '!' is a whole file behind that. The device gives out little memory, so that large networks fail
 * fast. */
#include "fuzz.h"
#include "backend/device.h"
#include "core/memory.h"
#include "core/text.h"
#include "formats/checkpoint.h"

#include <string.h>

#define FEED                                                                                                           \
    "{\"kind\":\"conv2d\",\"name\":\"conv1\",\"inputs\":[0],\"options\":{\"filters\":\"7\",\"size\":\"1\"},"           \
    "\"section\":-1}"
#define HEAD                                                                                                           \
    "{\"kind\":\"region\",\"name\":\"region1\",\"inputs\":[\"conv1\"],\"options\":{\"anchors\":\"1,1\",\"classes\":"   \
    "\"2\",\"num\":\"1\"}}"
#define SMALL "{\"c\":1,\"h\":2,\"w\":2,\"layers\":[" FEED "," HEAD "],\"header\":\"0 2 5 0\"}"
#define ENTRY(name, dtype, shape, from, to)                                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"
#define MODEL ENTRY("conv1.weight", "F32", "7,1,1,1", "0", "28") "," ENTRY("conv1.bias", "F32", "7", "28", "56")
#define ONE "\0\0\x80?"
#define SEVEN ONE ONE ONE ONE ONE ONE ONE
#define PACKED                                                                                                         \
    "\131\114\120\061\000\004\000\000\002\000\000\000\200\000\000\000\000\000\000\000\020\000\000\000\000\000\000\000" \
    "\001\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000" \
    "\000\000\000\077\001\001\020\000\000\000\000\000\000\000\004\010\020\040\100\201\002\004\010\020\040\100\201\002" \
    "\004\010\113\230\122\204\363\305\160\161"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ(SMALL "\n[\"a\",\"b\"]\n\n\n" MODEL "\n" SEVEN SEVEN),
    FUZZ(SMALL "\n[]\n{\"input\":[0,1],\"layers\":{\"conv1\":[-1.5,2],\"region1\":[0,1]},\"f32\":[\"conv1\"],"
               "\"method\":\"mse\"}\n\n" MODEL
               "," ENTRY("mask/conv1.weight", "U8", "7,1,1,1", "56", "63") "\n" SEVEN SEVEN "\1\0\1\1\1\1\1"),
    FUZZ(SMALL "\n[\"a\"]\n\n3 4\n" MODEL "," ENTRY("ema/conv1.weight", "F32", "7,1,1,1", "56", "84") "," ENTRY(
        "ema/conv1.bias", "F32", "7", "84", "112") "," ENTRY("adam_m/conv1.bias", "F32", "7", "112",
                                                             "140") "\n" SEVEN SEVEN SEVEN SEVEN SEVEN),
    FUZZ("{\"c\":8,\"h\":2,\"w\":2,\"layers\":[{\"kind\":\"conv2d\",\"name\":\"conv1\",\"inputs\":[0],\"options\":{"
         "\"filters\":\"16\",\"size\":\"1\",\"bias\":\"false\"}}]}\n[]\n\n\n" ENTRY("conv1.weight", "U8", "94", "0",
                                                                                    "94") "\n" PACKED),
    FUZZ("{\"c\":2,\"h\":4,\"w\":4,\"layers\":[{\"kind\":\"batchnorm\",\"name\":\"bn1\",\"inputs\":[0],\"options\":{}},"
         "{\"kind\":\"maxpool\",\"name\":\"pool1\",\"inputs\":[\"bn1\"],\"options\":{\"size\":\"2\",\"stride\":\"2\"}},"
         "{\"kind\":\"upsample\",\"name\":\"up1\",\"inputs\":[\"pool1\"],\"options\":{\"stride\":\"2\"}},"
         "{\"kind\":\"route\",\"name\":\"route1\",\"inputs\":[\"up1\",\"bn1\"],\"options\":[]}]}\n[\"a\"]\n\n\n" ENTRY(
             "bn1.scale", "F32", "2", "0", "8") "," ENTRY("bn1.bias", "F32", "2", "8",
                                                          "16") "," ENTRY("bn1.mean", "F32", "2", "16",
                                                                          "24") "," ENTRY("bn1.var", "F32", "2", "24",
                                                                                          "32") "\n" SEVEN ONE),
    FUZZ("!not a checkpoint"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\"kind\":\"yolo\""),
    FUZZ("\"kind\":\"shortcut\""),
    FUZZ("\"kind\":\"connected\""),
    FUZZ("\"kind\":\"reorg\""),
    FUZZ("\"kind\":\"tensor_train\""),
    FUZZ("\"kind\":\"wild\""),
    FUZZ("\"filters\":\"65536\""),
    FUZZ("\"groups\":\"7\""),
    FUZZ("\"stride\":\"0\""),
    FUZZ("\"size\":\"255\""),
    FUZZ("\"attributes\":\"occlusion,truncation\""),
    FUZZ("\"inputs\":[\"conv1\",\"conv1\"]"),
    FUZZ("\"inputs\":[0,0,0,0,0,0,0,0,0,0]"),
    FUZZ("\"inputs\":[1]"),
    FUZZ("\"section\":9223372036854775807"),
    FUZZ("\"options\":{}"),
    FUZZ("\"name\":\"\""),
    FUZZ("\"name\":\"a/b.c\""),
    FUZZ("," FEED),
    FUZZ("," HEAD),
    FUZZ("65536"),
    FUZZ("-1"),
    FUZZ("1e999"),
    FUZZ("9223372036854775807"),
    FUZZ("null"),
    FUZZ("[[[["),
    FUZZ("\\u0000"),
    FUZZ("\n"),
    FUZZ(","),
    FUZZ("adam_v/"),
    FUZZ("momentum/"),
    FUZZ("mask/"),
    FUZZ("fake/"),
    FUZZ("\"U8\""),
    FUZZ("[0,28]"),
    FUZZ("\0\0\xc0\x7f"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

enum { NOTES = 4, ENTRIES = NOTES, LINES };
static const char *const keys[NOTES] = {"structure", "names", "int8", "steps"};

static void add_note(yl_text *header, const char *key, const char *value, size_t length)
{
    FUZZ_CHECK(yl__text_add(header, "%s\"%s\":\"", header->data[header->length - 1] == '{' ? "" : ",", key) == YL_OK);
    for (size_t i = 0; i < length; i++) {
        bool quoted = value[i] == '"' || value[i] == '\\';
        FUZZ_CHECK(yl__text_add(header, "%s%c", quoted ? "\\" : "", value[i] ? value[i] : '?') == YL_OK);
    }
    FUZZ_CHECK(yl__text_add(header, "\"") == YL_OK);
}

static const char *as_file(const uint8_t *data, size_t size)
{
    const uint8_t *line[LINES], *at = data, *end = data + size;
    size_t length[LINES];
    if (size && *data == '!') return fuzz_file(data + 1, size - 1);
    for (int i = 0; i < LINES; i++) {
        const uint8_t *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        line[i] = at, length[i] = (size_t)((stop ? stop : end) - at);
        at = stop ? stop + 1 : end;
    }
    yl_text header = {0};
    FUZZ_CHECK(yl__text_add(&header, "{\"__metadata__\":{") == YL_OK);
    for (int i = 0; i < NOTES; i++)
        if (length[i]) add_note(&header, keys[i], (const char *)line[i], length[i]);
    if (length[NOTES - 1]) add_note(&header, "averaged", "true", 4);
    FUZZ_CHECK(yl__text_add(&header, "}%s%.*s}", length[ENTRIES] ? "," : "", (int)length[ENTRIES],
                            (const char *)line[ENTRIES]) == YL_OK);
    const char *file = fuzz_headed_file(header.data, (size_t)header.length, at, (size_t)(end - at));
    yl__text_free(&header);
    return file;
}

static yl_device *cpu;
static const char *path;

static yl_status little(yl_device *device, size_t bytes, void **out)
{
    if (bytes > 1 << 24) return yl__fail(YL_MEMORY, "%s: no memory for %zu bytes", path, bytes);
    return cpu->alloc(device, bytes, out);
}

static void check_sentence(void)
{
    if (!strstr(yl_error(), path)) fprintf(stderr, "%s\n", yl_error());
    FUZZ_CHECK(strstr(yl_error(), path) && !strchr(yl_error(), '\n'));
}

static void check_load(yl_device *device)
{
    yl_net *net;
    char **names;
    int64_t count;
    if (yl_checkpoint_load(device, path, &net) != YL_OK) {
        FUZZ_CHECK(!net);
        check_sentence();
    } else {
        FUZZ_CHECK(net->n_layers > 0 || net->n_values == 0);
        yl_net_free(net);
    }
    if (yl_checkpoint_names(path, &names, &count) == YL_OK) {
        size_t all = 0;
        for (int64_t i = 0; i < count; i++) all += strlen(names[i]);
        FUZZ_CHECK(all < 1 << 16);
        yl__free(names);
    } else {
        check_sentence();
        FUZZ_CHECK(!names);
    }
}

/* Into a network that is there: as in training, with everything. */
static void check_restore(yl_device *device)
{
    static yl_net *net;
    enum { MOST = 1 << 10 };
    float before[MOST];
    bool had[YL_SLABS];
    if (!net) {
        path = as_file((const uint8_t *)fuzz_seeds[0].data, fuzz_seeds[0].size);
        FUZZ_CHECK(yl_checkpoint_load(device, path, &net) == YL_OK && net->n_values <= MOST);
        return;
    }
    for (int i = 0; i < YL_SLABS; i++) had[i] = net->slabs[i].data;
    size_t bytes = (size_t)net->n_values * sizeof *before;
    memcpy(before, net->slabs[YL_SLAB_value].data, bytes);
    if (yl_checkpoint_restore(net, path, true) == YL_OK) {
        FUZZ_CHECK(yl_net_drop_training(net) == YL_OK);
        return;
    }
    check_sentence();
    FUZZ_CHECK(memcmp(before, net->slabs[YL_SLAB_value].data, bytes) == 0);
    for (int i = 0; i < YL_SLABS; i++) FUZZ_CHECK(had[i] == (net->slabs[i].data != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static yl_device device;
    if (!cpu) {
        FUZZ_CHECK(yl_device_get("cpu", &cpu) == YL_OK);
        device = *cpu;
        device.alloc = little;
        check_restore(&device);
    }
    path = as_file(data, size);
    check_load(&device);
    check_restore(&device);
    return 0;
}
