/* Label files and split lists: no input breaks the readers, and what they accept keeps their promises. */
#include "fuzz.h"
#include "formats/labels.h"

#include <math.h>
#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
         "DontCare -1 -1 -10 5.0 9.5 70 80.25 -1 -1 -1 -1000 -1000 -1000 -10\n"),
    FUZZ("Van -1 -1 0.5 1.5 2.5 30 40 -1 -1 -1 -1000 -1000 -1000 -10 0.875\n"),
    FUZZ("0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\r\n"),
    FUZZ("1 .5 .5 1.02 1 0.75\n"),
    FUZZ("2.0 .1 .1 .3 .1 .3 .4\n0 .5 .5 0 .1\n"),
    FUZZ("000001\n000002\n\n images/a b.png \n"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\n"),
    FUZZ(" "),
    FUZZ("\t"),
    FUZZ("nan"),
    FUZZ("-"),
    FUZZ("1e999"),
    FUZZ("1e-999"),
    FUZZ("Car"),
    FUZZ("0x1p3"),
    FUZZ("."),
    FUZZ("inf"),
    FUZZ("\xff"),
    FUZZ("\r"),
    FUZZ("\0"),
    FUZZ("1,5"),
    FUZZ("99999999999999999999"),
    FUZZ("\xEF\xBB\xBF"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static const char *const names[] = {"Car", "Van", "DontCare"};

static void check_row(const yl_label *r, const yl_label_options *o, double width, double height)
{
    yl_box b = r->box;
    FUZZ_CHECK(r->name && r->line >= 1 && isfinite(b.x1 + b.y1) && isfinite(r->score));
    FUZZ_CHECK(!o->names || (r->class_index >= 0 && r->class_index < o->name_count));
    if (o->detections) return;
    FUZZ_CHECK(b.x1 < b.x2 && b.y1 < b.y2);
    if (width > 0) FUZZ_CHECK(b.x1 >= 0 && b.y1 >= 0 && b.x2 <= width && b.y2 <= height);
}

static void check_labels(const char *path, const yl_label_options *o, bool yolo)
{
    yl_labels l;
    yl_status status = yolo ? yl_labels_yolo(path, o, &l) : yl_labels_kitti(path, o, &l);
    double width = o->width ? (double)o->width : yolo, height = o->height ? (double)o->height : yolo;
    if (status != YL_OK) FUZZ_CHECK(status == YL_FORMAT && strncmp(yl_error(), path, strlen(path)) == 0);
    for (int64_t i = 0; status == YL_OK && i < l.count; i++) check_row(&l.rows[i], o, width, height);
    yl_labels_free(&l);
}

static void check_list(const char *path)
{
    yl_list list;
    yl_status status = yl_list_read(path, &list);
    FUZZ_CHECK(status == YL_OK ? list.count > 0 : status == YL_FORMAT);
    for (int64_t i = 0; status == YL_OK && i < list.count; i++) FUZZ_CHECK(list.items[i][0]);
    yl_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    for (int kind = 0; kind < 8; kind++) {
        yl_label_options o = {.detections = kind & 1};
        if (kind & 2) o.width = 1242, o.height = 375;
        if (size % 2) o.names = names, o.name_count = 3;
        check_labels(path, &o, kind & 4);
    }
    check_list(path);
    return 0;
}
