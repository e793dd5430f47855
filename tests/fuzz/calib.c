/* Calibration files: no input breaks the reader, and what it accepts can be projected with. */
#include "fuzz.h"
#include "formats/calib.h"

#include <math.h>
#include <string.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("P0: 7e2 0 6e2 0 0 7e2 1.8e2 0 0 0 1 0\nP2: 721.5 0 609.5 44.8 0 721.5 172.8 0.2 0 0 1 0.0027\n"
         "R0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n\n"),
    FUZZ("P2: 1 0 0 0 0 1 0 0 0 0 1 0\r\n"),
    FUZZ("P2: 1 2 3\n"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\n"),  FUZZ(" "),     FUZZ(":"), FUZZ("P2: "), FUZZ("P1: "),
    FUZZ("nan"), FUZZ("1e308"), FUZZ("-"), FUZZ("\0"),   FUZZ("1,5"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    yl_calib calib;
    yl_box box;
    yl_label label = {
        .dims = {1.5, 1.6, 3.9}, .location = {1, 1.6, .5}, .rotation_y = .3}; /* reaches behind the camera */
    yl_status status = yl_calib_read(path, &calib);
    if (status != YL_OK) {
        FUZZ_CHECK(status == YL_FORMAT && strncmp(yl_error(), path, strlen(path)) == 0);
        return 0;
    }
    for (int i = 0; i < 12; i++) FUZZ_CHECK(isfinite(calib.P2[i]));
    if (yl_calib_project(calib.P2, &label, &box)) FUZZ_CHECK(box.x1 < box.x2 && box.y1 < box.y2);
    return 0;
}
