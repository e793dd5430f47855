/* Class lists of the protocols, and their resolution against the names of a set. */
#include "eval/classes.h"
#include "core/memory.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const yl_eval_class kitti[] = {
    {.name = "Car"},     {.name = "Van"},  {.name = "Truck"}, {.name = "Pedestrian"}, {.name = "Person_sitting"},
    {.name = "Cyclist"}, {.name = "Tram"}, {.name = "Misc"},
};
static const yl_eval_class neighbours[] = {
    {.name = "Car", .crowd = NAMES("Van")},
    {.name = "Pedestrian", .members = NAMES("person"), .crowd = NAMES("Person_sitting")},
    {.name = "Cyclist", .members = NAMES("bicycle")},
};
static const yl_eval_class coco[] = {
    {.name = "car", .members = NAMES("Van")},
    {.name = "truck"},
    {.name = "person", .members = NAMES("Pedestrian", "Person_sitting")},
    {.name = "bicycle", .members = NAMES("Cyclist")},
    {.name = "train", .members = NAMES("Tram")},
};
const yl_eval_classes yl_classes_kitti = {kitti, sizeof kitti / sizeof *kitti};
const yl_eval_classes yl_classes_neighbours = {neighbours, sizeof neighbours / sizeof *neighbours};
const yl_eval_classes yl_classes_coco = {coco, sizeof coco / sizeof *coco};

static yl_status claim(const yl_eval_set *set, const yl_eval_classes *classes, int64_t index, const char *name,
                       int32_t *of)
{
    int32_t number = yl__names_find(&set->names, name);
    if (number < 0) return YL_OK;
    int32_t holder = of[number];
    if (holder >= 0 && holder != (int32_t)index)
        return yl__fail(YL_INVALID, "classes: '%s' was given to '%s' and to '%s', one class was expected", name,
                        classes->at[holder].name, classes->at[index].name);
    of[number] = (int32_t)index;
    return YL_OK;
}

static yl_status claim_all(const yl_eval_set *set, const yl_eval_classes *classes, int64_t index,
                           const char *const *names, int32_t *of)
{
    for (; names && *names; names++) YL_TRY(claim(set, classes, index, *names, of));
    return YL_OK;
}

yl_status yl__class_map_make(const yl_eval_set *set, const yl_eval_classes *classes, yl__class_map *out)
{
    *out = (yl__class_map){0};
    YL_TRY(yl__alloc(set->names.count, sizeof *out->of, &out->of));
    YL_TRY(yl__alloc(set->names.count, sizeof *out->crowd, &out->crowd));
    for (int64_t i = 0; i < set->names.count; i++) out->of[i] = out->crowd[i] = -1;
    for (int64_t i = 0; i < classes->count; i++) {
        YL_TRY(claim(set, classes, i, classes->at[i].name, out->of));
        YL_TRY(claim_all(set, classes, i, classes->at[i].members, out->of));
        YL_TRY(claim_all(set, classes, i, classes->at[i].crowd, out->crowd));
    }
    return YL_OK;
}

void yl__class_map_free(yl__class_map *map)
{
    yl__free(map->of);
    yl__free(map->crowd);
    *map = (yl__class_map){0};
}
