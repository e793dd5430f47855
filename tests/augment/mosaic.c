/* Mosaics: who is in one, where the quarters lie, and that a piece shows what its picture showed there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "augment/mosaic.h"

static void as_many_as_asked_for(void **state)
{
    (void)state;
    const yl_augment_options options = {.mosaic = .3};
    int mosaics = 0, others[7] = {0};
    double least = 1, most = 0;
    for (int64_t i = 0; i < 3000; i++) {
        yl_mosaic m = yl_mosaic_draw(&options, 5, 2, i, 7);
        assert_true(m.pieces == 1 || m.pieces == YL_MOSAIC_PIECES);
        assert_int_equal(m.index[0], i);
        if (m.pieces == 1) continue;
        mosaics++;
        for (int k = 1; k < m.pieces; k++) others[m.index[k]]++;
        least = fmin(least, fmin(m.x, m.y));
        most = fmax(most, fmax(m.x, m.y));
    }
    assert_in_range(mosaics, 825, 975); /* 900 expected, deviation 25 */
    for (int k = 0; k < 7; k++) assert_in_range(others[k], 300, 480);
    assert_true(least >= .25 && least < .26 && most <= .75 && most > .74);
    yl_mosaic off = yl_mosaic_draw(&(yl_augment_options){.mosaic = 0}, 5, 2, 1, 7);
    assert_int_equal(off.pieces, 1);
}

/* The four quarters tile the output, and a box lies where it lay in the whole record, flipped or not. */
static void pieces_tile_and_keep_their_place(void **state)
{
    (void)state;
    const yl_augment_options options = {.flip = true, .jitter = .2, .mosaic = 1};
    for (int64_t i = 0; i < 200; i++) {
        yl_mosaic m = yl_mosaic_draw(&options, 1, 1, i, 50);
        int64_t area = 0;
        for (int k = 0; k < YL_MOSAIC_PIECES; k++) {
            yl_rng rng = yl_mosaic_rng(1, 1, i, k);
            yl_record whole, piece;
            yl_record_stretch(&whole, 1242, 375, 61, 19);
            yl_augment_all(&options, &rng, &whole);
            piece = whole;
            assert_true(yl_mosaic_place(&m, k, &piece));
            yl_box a = yl_record_forward(&whole, (yl_box){300, 100, 400, 220}),
                   b = yl_record_forward(&piece, (yl_box){300, 100, 400, 220});
            assert_true(fabs(a.x1 - b.x1) < 1e-12 && fabs(a.x2 - b.x2) < 1e-12);
            assert_true(fabs(a.y1 - b.y1) < 1e-12 && fabs(a.y2 - b.y2) < 1e-12);
            const yl_warp_geom *g = &piece.warp;
            area += g->pane_w * g->pane_h;
            assert_true(k & 1 ? g->pane_x + g->pane_w == 61 : g->pane_x == 0);
            assert_true(k & 2 ? g->pane_y + g->pane_h == 19 : g->pane_y == 0);
        }
        assert_int_equal(area, 61 * 19);
    }
}

/* A tall picture letterboxed into a wide input does not reach a narrow outer quarter. */
static void nothing_left_of_a_piece(void **state)
{
    (void)state;
    yl_mosaic m = {.pieces = YL_MOSAIC_PIECES, .x = .3, .y = .5};
    yl_record r;
    yl_record_letterbox(&r, 50, 400, 100, 40);
    assert_false(yl_mosaic_place(&m, 0, &r));
    yl_record_letterbox(&r, 50, 400, 100, 40);
    assert_true(yl_mosaic_place(&m, 1, &r));
    m.pieces = 1;
    yl_record_letterbox(&r, 50, 400, 100, 40);
    assert_true(yl_mosaic_place(&m, 0, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_asked_for),
        cmocka_unit_test(pieces_tile_and_keep_their_place),
        cmocka_unit_test(nothing_left_of_a_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
