/* The ways by which calls come: the functions that led to one, known by their return addresses. Jobs make a million allocations by a few
 * thousand ways, and what is done when one fails is the same for most of those that come by the same. */
#define _GNU_SOURCE
#include "faults.h"

#include <execinfo.h>
#include <pthread.h>
#include <stdint.h>

enum { WAYS = 1 << 20, OWN_DEPTH = 8, MOST_DEPTH = 64, FACTOR = 16 };

static struct {
    uint64_t hash;    /* 0: free */
    long calls, next; /* how many came by this way; the one of them that is chosen next */
} ways[WAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void faults_ways_begin(void)
{
    void *frame[1];
    backtrace(frame, 1); /* opens a library, the first time */
}

static uint64_t hash_way(long depth, const void *caller)
{
    void *frames[OWN_DEPTH + MOST_DEPTH];
    int count = backtrace(frames, OWN_DEPTH + MOST_DEPTH), first = 0;
    while (first < OWN_DEPTH && frames[first] != caller) first++;
    uint64_t hash = 14695981039346656037u;
    for (int i = first; i < count && i - first < depth; i++) hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
    return (hash ^ hash >> 32) | 1; /* low bits know nothing of high ones */
}

bool faults_way_chosen(long depth, const void *caller)
{
    uint64_t hash = hash_way(depth, caller);
    pthread_mutex_lock(&lock);
    size_t at = (hash >> 1) % WAYS, left = WAYS;
    while (ways[at].hash && ways[at].hash != hash && --left) at = (at + 1) % WAYS;
    if (!ways[at].hash) ways[at].hash = hash, ways[at].next = 1;
    bool chosen = left && ++ways[at].calls == ways[at].next;
    if (chosen) ways[at].next *= FACTOR;
    pthread_mutex_unlock(&lock);
    return chosen;
}
