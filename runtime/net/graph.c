/* Capturing what repeats. */
#include "net/graph.h"

#include <string.h>

void yl__graph_free(yl_device *device, yl_graph *graph)
{
    if (graph->captured) device->graph_release(device, graph->captured);
    graph->captured = NULL;
}

/* While a stretch is captured its calls are noted and not run. */
static yl_status capture(yl_device *device, yl_graph *graph, yl_status (*run)(void *what), void *what)
{
    YL_TRY(device->capture_begin(device));
    yl_status status = run(what), ended = device->capture_end(device, status == YL_OK ? &graph->captured : NULL);
    graph->refused = status == YL_OK && ended != YL_OK;
    return status;
}

yl_status yl__graph_run(yl_device *device, yl_graph *graph, const yl_graph_key *key, yl_status (*run)(void *what),
                        void *what)
{
    if (!device->graph_launch || graph->refused) return run(what);
    bool same = graph->known && memcmp(&graph->key, key, sizeof *key) == 0;
    if (!same) yl__graph_free(device, graph);
    graph->key = *key;
    graph->known = true;
    if (!same) return run(what);
    if (!graph->captured) YL_TRY(capture(device, graph, run, what));
    return graph->captured ? device->graph_launch(device, graph->captured) : run(what);
}
