/* Finds objects in a picture: detect CHECKPOINT.safetensors PICTURE [LOWEST_SCORE]. Prints a line an object: class, score, corners in
 * pixels. Build: cc detect.c $(pkg-config --cflags --libs yolua) */
#include <stdio.h>
#include <yolua.h>

static int failed(void)
{
    fprintf(stderr, "%s\n", yl_error());
    return 1;
}

int main(int count, char **words)
{
    yl_device *device;
    yl_net *net;
    yl_plan *plan;
    yl_image image;
    yl_detection *found;
    char **names;
    int64_t classes, objects;
    yl_plan_options way = {.mode = YL_INFER, .batch = 1};
    yl_predict_options options = {.detect = {.conf = 0.25, .iou = 0.45}};

    if (count < 3) return fprintf(stderr, "usage: detect CHECKPOINT.safetensors PICTURE [LOWEST_SCORE]\n"), 2;
    if (count > 3) options.detect.conf = atof(words[3]);
    if (yl_device_get("cpu", &device) != YL_OK || yl_checkpoint_load(device, words[1], &net) != YL_OK) return failed();
    if (yl_checkpoint_names(words[1], &names, &classes) != YL_OK) return failed();
    if (yl_plan_create(net, &way, &plan) != YL_OK || yl_image_decode(words[2], &image) != YL_OK) return failed();
    if (yl_predict(net, plan, &image, &options, &found, &objects) != YL_OK) return failed();

    for (const yl_detection *d = found; d < found + objects; d++)
        printf("%s %.4f %.2f %.2f %.2f %.2f\n", d->class_index < classes ? names[d->class_index] : "?", d->score,
               d->box.x1, d->box.y1, d->box.x2, d->box.y2);
    yl_free(found), yl_free(names);
    yl_image_free(&image), yl_plan_free(plan), yl_net_free(net);
    return 0;
}
