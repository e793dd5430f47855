/* State dicts: no file breaks the reader; one that is refused leaves the network's numbers alone, of one that is taken each number arrives
 * where it belongs. */
#include "fuzz.h"
#include "backend/device.h"
#include "formats/darknet.h"
#include "formats/state_dict.h"

#include <math.h>
#include <string.h>

/* conv1.weight {2, 1, 1, 2}, conv1.bn.* {2}; connected1.weight {1, 8}, connected1.bias {1}. */
static const char cfg[] =
    "[net]\nwidth=2\nheight=2\nchannels=2\n[convolutional]\nbatch_normalize=1\nfilters=2\nactivation=linear\n"
    "[connected]\noutput=1\nactivation=linear\n";
#define CONV(dtype, w, a, b, c, d, e)                                                                                  \
    "\"conv1.weight\":{\"dtype\":\"" dtype "\",\"shape\":[2,2,1,1],\"data_offsets\":[0," w "]},"                       \
    "\"conv1.bn.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" w "," a "]},"                            \
    "\"conv1.bn.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" a "," b "]},"                              \
    "\"conv1.bn.running_mean\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" b "," c "]},"                      \
    "\"conv1.bn.running_var\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" c "," d "]},"                       \
    "\"connected1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" d "," e "]},"
#define CONNECTED(dtype, from, to)                                                                                     \
    "\"connected1.weight\":{\"dtype\":\"" dtype "\",\"shape\":[1,8],\"data_offsets\":[" from "," to "]}"
#define EIGHT "\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@"
#define FOUR "\0\0\x80\x3f\0\0\0@\0\0\x80?\0\0\0@"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("{" CONV("F32", "16", "24", "32", "40", "48", "52") CONNECTED("F32", "52", "84") "}\n" EIGHT EIGHT FOUR
                                                                                          "\0\0\x80?"),
    FUZZ("{" CONV("F64", "32", "40", "48", "56", "64", "68") CONNECTED("BF16", "68", "84") "}\n" EIGHT EIGHT FOUR
                                                                                           "\0\0\x80?"),
    FUZZ("{\"__metadata__\":{\"format\":\"pt\"},"
         "\"conv1.bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[60,68]}," CONV(
             "F16", "8", "16", "24", "32", "40", "44") CONNECTED("F16", "44", "60") "}\n" EIGHT EIGHT "\0\0\0\0"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("F64"),
    FUZZ("BF16"),
    FUZZ("F16"),
    FUZZ("I64"),
    FUZZ("U8"),
    FUZZ("[2,2]"),
    FUZZ("[1,2,2,2]"),
    FUZZ("[4]"),
    FUZZ("[]"),
    FUZZ("[0]"),
    FUZZ("[2,2,1,1,1]"),
    FUZZ("[9223372036854775807,2]"),
    FUZZ("\"conv1.bn.scale\""),
    FUZZ("\"conv1.bn.mean\""),
    FUZZ("\"conv1.bias\""),
    FUZZ(".num_batches_tracked\""),
    FUZZ("\"\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"),
    FUZZ("\0\0\xc0\x7f"),
    FUZZ("\0\0\0\0\0\0\xf0\x7f"),
    FUZZ("\\u0000"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

enum { MOST = 1 << 10 }; /* numbers of a slab */

static void read(const yl_net *net, float out[MOST])
{
    FUZZ_CHECK(net->n_values <= MOST);
    const void *from = net->slabs[YL_SLAB_value].data;
    FUZZ_CHECK(net->device->from_device(net->device, out, from, (size_t)net->n_values * sizeof *out) == YL_OK);
}

static void add(const float *numbers, int64_t count, double *sum, double *most)
{
    for (int64_t i = 0; i < count; i++) {
        *sum += (double)numbers[i];
        *most = fmax(*most, fabs((double)numbers[i]));
    }
}

/* Orders differ, sums do not, but for the order of adding. */
static void check_sum(const yl_net *net, const yl_state *state, const float now[MOST])
{
    double ours = 0, theirs = 0, most = 0;
    for (int r = 0; r < net->n_ranges; r++) add(now + net->ranges[r].offset, net->ranges[r].count, &ours, &most);
    for (int64_t t = 0; t < state->count; t++) {
        int64_t count = 1;
        for (int d = 0; d < state->tensors[t].n_dims; d++) count *= state->tensors[t].dims[d];
        add(state->tensors[t].numbers, count, &theirs, &most);
    }
    FUZZ_CHECK(!(fabs(ours - theirs) > 1e-9 * most));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static yl_net *net;
    yl_device *device;
    yl_state state;
    float before[MOST], now[MOST];
    const char *path = fuzz_safetensors_file(data, size);
    if (!net) {
        FUZZ_CHECK(yl_device_get("cpu", &device) == YL_OK);
        FUZZ_CHECK(yl_darknet_parse_cfg(device, cfg, (int64_t)strlen(cfg), "fuzz", &net) == YL_OK);
    }
    if (yl_state_dict_read(path, &state) != YL_OK) {
        FUZZ_CHECK(strstr(yl_error(), path) && !state.tensors && !state.count);
        return 0;
    }
    read(net, before);
    yl_status status = yl_state_dict_fill(net, path, state.tensors, state.count);
    read(net, now);
    if (status == YL_OK)
        check_sum(net, &state, now);
    else
        FUZZ_CHECK(strncmp(yl_error(), path, strlen(path)) == 0 &&
                   memcmp(before, now, (size_t)net->n_values * sizeof *now) == 0);
    yl_state_free(&state);
    return 0;
}
