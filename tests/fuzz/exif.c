/* EXIF: whatever the bytes, an orientation of 0 to 8 that does not depend on what lies behind them, and pixels that turning keeps. */
#include "fuzz.h"
#include "image/exif.h"

#include <string.h>

#define TIFF_II "II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x03\0\0\0\x41\x42\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
#define TIFF_MM "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\xff\xd8\xff\xe0\0\x04\0\0\xff\xe1\0\x2e"
         "Exif\0\0" TIFF_II "\xff\xda"),
    FUZZ("\xff\xd8\xff\xff\xe1\0\x22"
         "Exif\0\0" TIFF_MM "\xff\xd9"),
    FUZZ("\x89PNG\r\n\x1a\n\0\0\0\x1a"
         "eXIf" TIFF_MM "\0\0\0\0\0\0\0\0IEND\0\0\0\0"),
    FUZZ("\x89PNG\r\n\x1a\n\0\0\0\x02zTXtab\0\0\0\0\0\0\0\x26"
         "eXIf" TIFF_II "\0\0\0\0"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\x12\x01\x03\0\x01\0\0\0"),
    FUZZ("\x01\x12\0\x03\0\0\0\x01"),
    FUZZ("II*\0"),
    FUZZ("MM\0*"),
    FUZZ("eXIf"),
    FUZZ("\xff\xe1"),
    FUZZ("Exif\0\0"),
    FUZZ("\xff\xff\xff\xff"),
    FUZZ("\0\0\0\0"),
    FUZZ("\x7f\xff\xff\xff"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int orientation = yl_exif_orientation(data, (int64_t)size);
    yl_image image;
    uint64_t before = 0, after = 0;
    FUZZ_CHECK(orientation >= 0 && orientation <= 8);
    if (size < 6 || yl_image_new(data[0] % 7 + 1, data[1] % 5 + 1, &image)) return 0;
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(i * 37), before += image.data[i];
    int64_t count = image.w * image.h;
    FUZZ_CHECK(yl_image_turn(&image, orientation) == YL_OK && image.w * image.h == count);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) after += image.data[i];
    FUZZ_CHECK(before == after);
    yl_image_free(&image);
    return 0;
}
