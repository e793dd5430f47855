/* Stretches of a step that make the same calls each time. A device that can (core/device.h) captures such a stretch and launches it as
 * one from then on: hundreds of launches cost what one does. */
#ifndef YL_NET_GRAPH_H
#define YL_NET_GRAPH_H

#include "core/device.h"

/* All that the stretch's calls depend on, other than what lies in device memory: two runs of equal keys make equal calls. */
typedef struct yl_graph_key {
    const void *at[8];
    uint64_t numbers[4];
} yl_graph_key;

typedef struct yl_graph {
    yl_graph_key key; /* of the last run */
    bool known;       /* whether there was one */
    bool refused;     /* the device could not make a graph of it */
    void *captured;   /* the device's graph, or NULL */
} yl_graph;

/* Runs `run(what)`. The second run in a row with one key is captured, and those after it are launches of what was captured. */
yl_status yl__graph_run(yl_device *device, yl_graph *graph, const yl_graph_key *key, yl_status (*run)(void *what),
                        void *what);
void yl__graph_free(yl_device *device, yl_graph *graph);

#endif
