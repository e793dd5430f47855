/* Darknet cfg to network: no input breaks the import, and what it builds survives being written and read again. The
 * device gives out little memory, so that large networks fail fast. */
#include "fuzz.h"
#include "backend/device.h"
#include "formats/darknet.h"

#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("[net]\nwidth=8\nheight=8\nchannels=3\nbatch=1\n[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\nstride="
         "1\npad=1\n"
         "activation=leaky\n[maxpool]\nsize=2\nstride=2\n[convolutional]\nfilters=14\nsize=1\nactivation=linear\n"
         "[region]\nanchors=1,2,3,4\nclasses=2\nnum=2\nsoftmax=1\n"),
    FUZZ("[net]\nwidth=16\nheight=8\n[convolutional]\nfilters=4\ngroups=1\nstride=2\nactivation=swish\n[convolutional]"
         "\nfilters=4\n"
         "activation=linear\n[shortcut]\nfrom=-2\nactivation=linear\n[upsample]\nstride=2\n[route]\nlayers=-1\ngroups="
         "2\ngroup_id=1\n"
         "[dropout]\nprobability=.2\n[route]\nlayers=-1,3\n[convolutional]\nfilters=21\nactivation=linear\n"
         "[yolo]\nmask=0,1,2\nanchors=1,2,3,4,5,6\nclasses=2\nnum=3\niou_loss=ciou\nnms_kind=greedynms\n"),
    FUZZ("[net]\nwidth=4\nheight=4\n[upsample]\nstride=1024\n[upsample]\nstride=1024\n[upsample]\nstride=1024\n["
         "upsample]\nstride=1024\n"
         "[upsample]\nstride=1024\n[upsample]\nstride=1024\n[upsample]\nstride=1024\n"),
    FUZZ("[net]\nwidth=8\nheight=8\nchannels=4\n[reorg]\nstride=2\n[avgpool]\n[connected]\noutput=3\nactivation=relu\n["
         "softmax]\n"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("[sam]\nfrom=-1\n"),
    FUZZ("[scale_channels]\nfrom=0\nscale_wh=1\n"),
    FUZZ("[batchnorm]\n[activation]\nactivation=gelu\n"),
    FUZZ("[empty]\n"),
    FUZZ("[local_avg]\n"),
    FUZZ("xnor=1\n"),
    FUZZ("clip=1\n"),
    FUZZ("[route]\nlayers=-1,-1\n"),
    FUZZ("[route]\nlayers=-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1\n"),
    FUZZ("[upsample]\nstride=1024\n"),
    FUZZ("[convolutional]\nfilters=65536\nsize=255\n"),
    FUZZ("65536"),
    FUZZ("=0"),
    FUZZ("=-1"),
    FUZZ("=1e9"),
    FUZZ("9223372036854775807"),
    FUZZ("groups=3\n"),
    FUZZ("[maxpool]\nstride=2\npadding=65536\n"),
    FUZZ("[shortcut]\nfrom=0\n"),
    FUZZ("[yolo]\n"),
    FUZZ("[region]\nanchors=1,1\n"),
    FUZZ("dilation=255\n"),
    FUZZ("\n["),
    FUZZ(","),
    FUZZ("stride_x=3\n"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static yl_device *cpu;

static yl_status little(yl_device *device, size_t bytes, void **out)
{
    if (bytes > 1 << 24) return yl__fail(YL_MEMORY, "fuzz: no memory for %zu bytes", bytes);
    return cpu->alloc(device, bytes, out);
}

static void written_and_read(yl_device *device, const yl_net *net)
{
    yl_text once = {0}, twice = {0};
    yl_net *again;
    if (yl_darknet_cfg_text(net, &once) == YL_OK) {
        yl_status status = yl_darknet_parse_cfg(device, once.data, once.length, "again", &again);
        if (status != YL_OK) fprintf(stderr, "%s\n%s\n", yl_error(), once.data);
        FUZZ_CHECK(status == YL_OK);
        FUZZ_CHECK(yl_darknet_cfg_text(again, &twice) == YL_OK);
        FUZZ_CHECK(once.length == twice.length && memcmp(once.data, twice.data, (size_t)once.length) == 0);
        FUZZ_CHECK(net->n_layers == again->n_layers && net->n_values == again->n_values);
        yl_net_free(again);
    }
    yl__text_free(&once);
    yl__text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static yl_device device;
    yl_net *net;
    if (!cpu) {
        FUZZ_CHECK(yl_device_get("cpu", &cpu) == YL_OK);
        device = *cpu;
        device.alloc = little;
    }
    if (yl_darknet_parse_cfg(&device, (const char *)data, (int64_t)size, "fuzz", &net) != YL_OK) {
        FUZZ_CHECK(strncmp(yl_error(), "fuzz:", 5) == 0 && !net);
        return 0;
    }
    written_and_read(&device, net);
    yl_net_free(net);
    return 0;
}
