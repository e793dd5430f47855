/* What the parts of the library share: preload.c decides which call fails, branch.c lets it fail in a copy of the process, ways.c tells
 * calls apart by where they come from. */
#ifndef YL_TESTS_FAULTS_H
#define YL_TESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Branches that may be made: YOLUA_FAULT_BRANCHES=FOLDER, or false. */
bool faults_branching(void);

/* Lets the n-th call fail in a copy of the process, in a copy of the working folder. Returns true in the copy; false in the original,
 * once the copy has ended and what came of it is noted. A process of several threads cannot be copied: that is noted. */
bool faults_branch(long n, bool threaded);

/* Before the first of the next. */
void faults_ways_begin(void);

/* Whether this call is number 1, 16, 256... of those that came by its way: by the same `depth` functions (64 at most), of which the call
 * in the program, at `caller`, is the first. */
bool faults_way_chosen(long depth, const void *caller);

/* The path that stands for `path` in this process: in a copy, what lies in the original's working folder lies in the copy's. */
const char *faults_path(const char *path, char buffer[4096]);

#endif
