/* Picture -> record -> warp -> forward -> detections. */
#include "detect/predict.h"
#include "backend/device.h"
#include "core/memory.h"
#include "loader/sample.h"

#define AT(member) YL_MEMBER(yl_predict_options, member)
static const yl_field fields[] = {
    {"resize", YL_OPTION_ENUM, "stretch", "", "how the picture is fitted to the input size", 0, 0, "stretch|letterbox",
     NULL, AT(letterbox)},
};
const yl_field_table yl_predict_fields = YL_FIELD_TABLE("predict", fields);

static yl_status check(const yl_net *net, yl_plan *plan, const yl_image *image)
{
    const yl_plan_options *o = yl_plan_get_options(plan);
    if (o->mode != YL_INFER || o->part != YL_WHOLE)
        return yl__fail(YL_INVALID, "predict: expected a plan of the whole network for inference");
    if (net->c != 3)
        return yl__fail(YL_INVALID, "predict: the network takes %d channels, a picture has 3", (int)net->c);
    if (!image->data || image->w < 1 || image->h < 1) return yl__fail(YL_INVALID, "predict: the picture is empty");
    return YL_OK;
}

/* The picture into slot 0 of the plan's input; it is laid out on the host. */
static yl_status feed(const yl_net *net, yl_plan *plan, const yl_image *image, const yl_record *record)
{
    yl_device *host;
    float *input = NULL;
    yl_view slot;
    void *scratch = NULL;
    int64_t count = record->warp.w * record->warp.h * 3, scratch_bytes = 0;
    YL_TRY(yl_device_get("cpu", &host));
    yl_ctx ctx = yl__ctx(host);
    yl_status status = yl__alloc(count, sizeof *input, &input);
    if (status == YL_OK) status = yl__sample_place(&ctx, image, record, input, &scratch, &scratch_bytes);
    if (status == YL_OK) status = yl_plan_input(plan, &slot);
    if (status == YL_OK) status = yl_view_write(net->device, yl_view_image(slot, 0), input);
    yl__free(scratch);
    yl__free(input);
    return status;
}

yl_status yl_predict(const yl_net *net, yl_plan *plan, const yl_image *image, const yl_predict_options *options,
                     yl_detection **list, int64_t *count)
{
    *list = NULL;
    *count = 0;
    YL_TRY(check(net, plan, image));
    const yl_plan_options *o = yl_plan_get_options(plan);
    yl_record record;
    yl_record_fit(&record, options->letterbox, image->w, image->h, o->w, o->h);
    YL_TRY(feed(net, plan, image, &record));
    YL_TRY(yl_plan_forward(plan, &(yl_step_info){0}));
    double to_image[1][4];
    int64_t size[1][2] = {{image->w, image->h}};
    yl_record_inverse(&record, to_image[0]);
    yl_batch batch = {.n = 1, .count = 1, .w = o->w, .h = o->h, .to_image = to_image, .image_size = size};
    return yl_detect_image(net, plan, &batch, 0, &options->detect, list, count);
}
