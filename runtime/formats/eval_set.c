/* An evaluation set out of two folders of KITTI files. */
#define _GNU_SOURCE
#include "formats/eval_set.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "formats/labels.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const yl_field fields[] = {
    {"split", YL_OPTION_STRING, NULL, "", "a list of the frames' ids (default: every label file)", 0, 0, NULL, NULL,
     YL_MEMBER(yl_eval_files, split)},
};
const yl_field_table yl_eval_files_fields = YL_FIELD_TABLE("eval_set", fields);

/* Names of the .txt files of a folder, without the suffix, sorted. */
typedef struct ids {
    char **at;
    int64_t count, capacity;
} ids;

static void free_ids(ids *list)
{
    for (int64_t i = 0; i < list->count; i++) yl__free(list->at[i]);
    yl__free(list->at);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static yl_status add_id(ids *list, const char *name)
{
    size_t length = strlen(name);
    if (length < 5 || strcmp(name + length - 4, ".txt") != 0 || name[0] == '.') return YL_OK;
    YL_TRY(yl__reserve(list->count + 1, &list->capacity, sizeof *list->at, &list->at));
    YL_TRY(yl__strdup(name, &list->at[list->count]));
    list->at[list->count++][length - 4] = '\0';
    return YL_OK;
}

static yl_status list_folder(const char *folder, const char *what, ids *out)
{
    yl_status status = YL_OK;
    *out = (ids){0};
    YL_TRY(yl__sandbox_reads(folder));
    DIR *dir = opendir(folder);
    if (!dir) return yl__fail(YL_IO, "cannot open the folder of %s %s: %s", what, folder, strerror(errno));
    for (struct dirent *e; status == YL_OK && (e = readdir(dir));) status = add_id(out, e->d_name);
    closedir(dir);
    if (status == YL_OK && out->count) qsort(out->at, (size_t)out->count, sizeof *out->at, by_name);
    return status;
}

static yl_status read_rows(const char *folder, const char *id, const yl_label_options *o, yl_labels *out)
{
    yl_text path = {0};
    *out = (yl_labels){0};
    yl_status status = yl__text_add(&path, "%s/%s.txt", folder, id);
    if (status == YL_OK) status = yl_labels_kitti(path.data, o, out);
    yl__text_free(&path);
    return status;
}

/* Label rows without area in all frames, and where the first stands. */
typedef struct flat_rows {
    int64_t count;
    char place[256];
} flat_rows;

static void count_flat(flat_rows *flat, const yl_eval_files *f, const char *id, const yl_label_count *found)
{
    if (found->count && !flat->count)
        snprintf(flat->place, sizeof flat->place, "%s/%s.txt:%d", f->labels, id, (int)found->line);
    flat->count += found->count;
}

static yl_status load_frame(yl_eval_set *set, const yl_eval_files *f, const char *id, flat_rows *flat)
{
    yl_label_options o = {.names = f->names, .name_count = f->name_count};
    yl_labels truths, dets = {0};
    yl_status status = read_rows(f->labels, id, &o, &truths);
    o.detections = true;
    if (status == YL_OK) status = read_rows(f->dets, id, &o, &dets);
    if (status == YL_OK) status = yl_eval_set_add(set, id, truths.rows, truths.count, dets.rows, dets.count);
    count_flat(flat, f, id, &truths.flat);
    yl_labels_free(&truths);
    yl_labels_free(&dets);
    return status;
}

/* Both lists are sorted: the first name that only one of them has. */
static yl_status compare(const yl_eval_files *f, const ids *labels, const ids *dets)
{
    for (int64_t i = 0, j = 0; i < labels->count || j < dets->count; i++, j++) {
        int order = i == labels->count ? 1 : j == dets->count ? -1 : strcmp(labels->at[i], dets->at[j]);
        if (order < 0)
            return yl__fail(YL_IO, "%s/%s.txt is missing: %s has that frame (an empty file means no detection)",
                            f->dets, labels->at[i], f->labels);
        if (order > 0)
            return yl__fail(YL_IO, "%s/%s.txt is missing: %s has that frame (a split can choose frames)", f->labels,
                            dets->at[j], f->dets);
    }
    return YL_OK;
}

static yl_status load_folders(yl_eval_set *set, const yl_eval_files *f, const ids *labels, const ids *dets,
                              flat_rows *flat)
{
    if (!labels->count) return yl__fail(YL_IO, "%s: expected label files (ID.txt), got none", f->labels);
    YL_TRY(compare(f, labels, dets));
    for (int64_t i = 0; i < labels->count; i++) YL_TRY(load_frame(set, f, labels->at[i], flat));
    return YL_OK;
}

static yl_status load_split(yl_eval_set *set, const yl_eval_files *f, flat_rows *flat)
{
    yl_list list;
    yl_status status = yl_list_read(f->split, &list);
    for (int64_t i = 0; i < list.count && status == YL_OK; i++) {
        status = load_frame(set, f, list.items[i], flat);
        if (status != YL_OK) yl__fail_in(status, "%s, item %lld", f->split, (long long)i + 1);
    }
    yl_list_free(&list);
    return status;
}

yl_status yl_eval_set_load(yl_eval_set *set, const yl_eval_files *files)
{
    ids labels, dets = {0};
    flat_rows flat = {0};
    yl_status status = list_folder(files->labels, "labels", &labels);
    if (status == YL_OK) status = list_folder(files->dets, "detections", &dets);
    if (status == YL_OK)
        status = files->split ? load_split(set, files, &flat) : load_folders(set, files, &labels, &dets, &flat);
    if (flat.count)
        yl__warn("left out %lld labelled boxes without area, the first at %s", (long long)flat.count, flat.place);
    free_ids(&labels);
    free_ids(&dets);
    return status;
}
