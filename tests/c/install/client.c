/* Says which yolua it was built with, and that a network can be made and run. C and C++ alike. */
#include <stdio.h>
#include <yolua.h>

static const char cfg[] =
    "[net]\nwidth=16\nheight=16\nchannels=3\n[convolutional]\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n";

static const float pixels[16 * 16 * 3] = {0};

static yl_status run(yl_shape *shape)
{
    yl_device *device;
    yl_net *net = NULL;
    yl_plan *plan = NULL;
    yl_plan_options options;
    yl_step_info info;
    memset(&options, 0, sizeof options);
    memset(&info, 0, sizeof info);
    options.batch = 1;
    yl_status status = yl_device_get("cpu", &device);
    if (status == YL_OK) status = yl_darknet_parse_cfg(device, cfg, (int64_t)strlen(cfg), "client", &net);
    if (status == YL_OK) status = yl_net_init(net, 1);
    if (status == YL_OK) status = yl_plan_create(net, &options, &plan);
    if (status == YL_OK) status = yl_plan_feed(plan, pixels);
    if (status == YL_OK) status = yl_plan_forward(plan, &info);
    if (status == YL_OK) *shape = yl_plan_shape(plan, net->n_layers - 1);
    yl_plan_free(plan);
    yl_net_free(net);
    return status;
}

int main(void)
{
    yl_shape shape = {0, 0, 0, 0};
    if (run(&shape) != YL_OK) {
        printf("%s\n", yl_error());
        return 1;
    }
    printf("yolua %s: %d x %d x %d\n", yl_version(), (int)shape.h, (int)shape.w, (int)shape.c);
    return shape.c == 4 ? 0 : 1;
}
