/* The same without any file but the picture: the network is compiled in (`yolua export format=c`). */
#include <stdio.h>
#include "street.h"

int main(int count, char **words)
{
    yl_device *device;
    yl_net *net;
    yl_plan *plan;
    yl_image image;
    yl_detection *found;
    int64_t objects;
    yl_plan_options way = {.mode = YL_INFER, .batch = 1};
    yl_predict_options options = {.detect = {.conf = 0.05, .iou = 0.45}};
    if (count != 2 || yl_device_get("cpu", &device) != YL_OK || street_load(device, &net) != YL_OK ||
        yl_plan_create(net, &way, &plan) != YL_OK || yl_image_decode(words[1], &image) != YL_OK ||
        yl_predict(net, plan, &image, &options, &found, &objects) != YL_OK)
        return puts(yl_error()), 1;
    for (const yl_detection *d = found; d < found + objects; d++)
        printf("%s %.4f %.2f %.2f %.2f %.2f\n", street_names[d->class_index], d->score, d->box.x1, d->box.y1, d->box.x2,
               d->box.y2);
    yl_free(found);
    yl_image_free(&image), yl_plan_free(plan), yl_net_free(net);
    return 0;
}
