/* The way of a batch's pictures to a device, as bytes with the records that say how they are laid out. Workers put pictures into pinned
 * memory; the consumer's thread sends them, beside the kernels that run then; the warp kernel makes the inputs. */
#ifndef YL_LOADER_UPLOAD_H
#define YL_LOADER_UPLOAD_H

#include "image/image.h"
#include "kernels/warp.h"
#include "loader/resident.h"

typedef struct yl_upload yl_upload;

/* For batches of n inputs of up to `pieces` pictures each. Errors: MEMORY. */
yl_status yl__upload_create(yl_device *device, int64_t n, int64_t pieces, yl_upload **out);
void yl__upload_free(yl_upload *upload); /* NULL is fine */

/* ---- workers, each for inputs of its own ---- */

/* Forgets the batch before, which is settled: every input is empty. One thread at a time. */
void yl__upload_clear(yl_upload *upload);
/* Piece k of input i is laid out as `geom` says: of a picture in device memory, */
void yl__upload_refer(yl_upload *upload, int64_t i, int k, const yl_warp_geom *geom, const uint8_t *there);
/* or of one that is to be sent, of that sample and key. Takes over an owned one; others live as long as the upload. */
void yl__upload_put(yl_upload *upload, int64_t i, int k, const yl_warp_geom *geom, int64_t sample,
                    const yl_file_key *key, yl_image *image, bool owned);

/* ---- the consumer's thread ---- */

/* Queues the copies, once for a batch. Pictures become resident where there is room (`resident` NULL: none do); those that are there by now
 * are not sent. Errors: MEMORY, those of the device. */
yl_status yl__upload_send(yl_upload *upload, yl_resident *resident);
/* Waits until the copies have read the host's memory. */
yl_status yl__upload_settle(yl_upload *upload);
/* Lays out `count` inputs {h, w, 3} from the first-th on as numbers of that type in device memory, in order with kernels. */
yl_status yl__upload_place(yl_upload *upload, int64_t first, int64_t count, int64_t h, int64_t w, yl_dtype dtype,
                           void *to);
yl_device *yl__upload_device(const yl_upload *upload);
int64_t yl__upload_bytes(const yl_upload *upload); /* that the device holds for it besides resident pictures */

#endif
