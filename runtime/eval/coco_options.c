/* The options of COCO's protocol, and the class list that they ask for. */
#include "eval/coco.h"

#define AT(member) YL_MEMBER(yl_coco_options, member)
static const yl_field fields[] = {
    {"dontcare", YL_OPTION_ENUM, "crowd", "", "regions to ignore: crowd regions of every class, or left out", 0, 0,
     "crowd|drop", NULL, AT(drop_ignored)},
    {"neighbours", YL_OPTION_BOOL, "false", "",
     "Car, Pedestrian and Cyclist only; Van and Person_sitting are crowd regions", 0, 0, NULL, NULL, AT(neighbours)},
};
const yl_field_table yl_coco_fields = YL_FIELD_TABLE("coco", fields);

const yl_eval_classes *yl_coco_classes(const yl_coco_options *options)
{
    return options->neighbours ? &yl_classes_neighbours : &yl_classes_kitti;
}
