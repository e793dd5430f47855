/* KITTI's matching of truths and detections: what the protocol's curves (eval/kitti.c) are counted from. */
#ifndef YL_EVAL_KITTI_MATCH_H
#define YL_EVAL_KITTI_MATCH_H

#include "eval/classes.h"
#include "eval/kitti.h"

typedef struct yl__kitti_level {
    double height, occluded, truncated; /* least height of a box; most occlusion and truncation of a truth */
} yl__kitti_level;
extern const yl__kitti_level yl__kitti_levels[YL_KITTI_LEVELS];

enum yl__kitti_state { YL__KITTI_VALID, YL__KITTI_IGNORED, YL__KITTI_ABSENT };

/* A detection whose overlap with a truth suffices. */
typedef struct yl__kitti_link {
    int64_t det;
    double iou;
} yl__kitti_link;

/* A truth of the class or of its neighbour, in file order, with its links. */
typedef struct yl__kitti_target {
    int64_t truth, frame, link, links;
    bool own;
} yl__kitti_target;

/* A detection, by what counts of it. */
typedef struct yl__kitti_hit {
    double score;
    int64_t frame;
} yl__kitti_hit;

typedef struct yl__kitti_matcher {
    const yl_eval_set *set;
    const yl__class_map *map;
    int class_index;
    const yl__kitti_level *level;
    yl__kitti_target *targets;
    int64_t target_count, target_capacity;
    yl__kitti_link *links;
    int64_t link_count, link_capacity;
    bool *in_dont_care; /* of each detection: it lies in a DontCare region */
    int32_t *used;      /* of each detection: the last matching that used it */
    int32_t matching;
    yl__kitti_hit *hits; /* true positives of the first pass, by falling score */
    int64_t hit_count;
    yl__kitti_hit *candidate; /* valid detections outside DontCare, by falling score */
    int64_t candidates;
} yl__kitti_matcher;

/* What is counted at a threshold. cleared: used detections that would else be false positives. */
typedef struct yl__kitti_tally {
    int64_t tp, fn, cleared;
    double similarity, frame_similarity;
    int64_t frame;
} yl__kitti_tally;

/* Memory for a matcher that has its set; free it also after a failure. */
yl_status yl__kitti_matcher_alloc(yl__kitti_matcher *m);
void yl__kitti_matcher_free(yl__kitti_matcher *m);

/* Lists the targets and links of m->class_index, at all levels. */
yl_status yl__kitti_gather(yl__kitti_matcher *m);
enum yl__kitti_state yl__kitti_target_state(const yl__kitti_matcher *m, const yl__kitti_target *t);
/* Of the gathered class at m->level: fills m->candidate. */
void yl__kitti_list_candidates(yl__kitti_matcher *m);
/* The first pass, at no threshold: fills m->hits and returns the number of valid truths. */
int64_t yl__kitti_collect(yl__kitti_matcher *m);
/* The second pass: one target at a threshold, in a matching that m->matching counts. */
void yl__kitti_match(yl__kitti_matcher *m, const yl__kitti_target *t, double threshold, yl__kitti_tally *n);

#endif
