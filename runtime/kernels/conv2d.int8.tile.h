/* The tiles of one way to multiply bytes, which the including file describes and which is undefined at the end:
 *
 *   WAY             its name
 *   TARGET          an attribute for functions that use it
 *   SUMS            registers of sums per vector of output channels: 1, or 2 where a channel's sum comes as two neighbouring halves
 *   DEEP            input channels that one instruction takes together
 *   X_BYTES         of an input channel in the bordered image
 *   sums_t, x_t     types of registers
 *   LOAD(at)        a register of int32
 *   LOAD_X(at)      DEEP input channels, for every lane
 *   MULTIPLY(s, x, at)  adds, to the registers s[SUMS], x times the weights of YL_INT8_LANES channels at `at`
 *   STORE(to, s)    writes the registers s[SUMS] as yl__sums, one sum per channel
 *   ROWS_1 to ROWS_4    pixels of a tile with so many vectors of output channels; to ROWS_2 where YL_INT8_VECTORS is 2
 *   ACROSS          most pixels that may share a vector, where there are few output channels; if more than 1,
 *   LOAD_X_ACROSS(pixel, at, across)  DEEP input channels of each of `across` pixels, for the lanes that they have
 *   MULTIPLY_ACROSS(s, x, at, across) as MULTIPLY, with weights that are the same for each of the pixels
 *
 * int8_WAY(p, first, last) computes the pixels first..last-1 of a block. */
#define INT8_NAME_(name, way) name##_##way
#define INT8_NAME__(name, way) INT8_NAME_(name, way)
#define INT8_NAME(name) INT8_NAME__(name, WAY)

#if ACROSS == 1
#define LOAD_X_ACROSS(pixel, at, across) LOAD_X((pixel)[0] + (at))
#define MULTIPLY_ACROSS(s, x, at, across) MULTIPLY(s, x, at)
#endif

/* Sums of vectors of the pixels from q on. */
YL__INLINE TARGET void INT8_NAME(int8_sum)(const yl__int8_pass *p, const int rows, const int vectors, const int across,
                                           int64_t q, yl__sums *to)
{
    sums_t sums[YL_INT8_ROWS][YL_INT8_VECTORS][SUMS];
    const uint8_t *pixel[YL_INT8_ROWS];
    const int8_t *w = p->weights;
    int64_t length = p->length, group = p->group;
    int8_pixels(p, rows * across, q, pixel);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
#pragma GCC unroll 2
            for (int s = 0; s < SUMS; s++) sums[i][v][s] = LOAD(p->start + (v * SUMS + s) * YL_VL);
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->columns; c++) {
            int64_t at = r * p->row_step + c * p->column_step;
            for (int64_t k = 0; k < length; k++, at += DEEP * X_BYTES, w += group) {
#pragma GCC unroll 16
                for (int i = 0; i < rows; i++) {
                    if (across > 1) {
                        x_t x = LOAD_X_ACROSS(pixel + i * across, at, across);
                        MULTIPLY_ACROSS(sums[i][0], x, w, across);
                        continue;
                    }
                    x_t x = LOAD_X(pixel[i] + at);
#pragma GCC unroll 4
                    for (int v = 0; v < vectors; v++) MULTIPLY(sums[i][v], x, w + v * YL_INT8_LANES * DEEP);
                }
            }
        }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) STORE(to + i * vectors + v, sums[i][v]);
}

/* Tiles of so many pixels. */
YL__INLINE TARGET void INT8_NAME(int8_tiles)(const yl__int8_pass *p, const int pixels, const int vectors,
                                             const int across, int64_t first, int64_t last)
{
    _Alignas(64)
        yl__sums sums[YL_INT8_ROWS * YL_INT8_VECTORS] = {{0}}; /* and what is rounded together with the last ones */
    for (int64_t q = first; q < last; q += pixels) {
        INT8_NAME(int8_sum)(p, pixels / across, vectors, across, q, sums);
        YL_CPU(int8_end_tile)(p, sums, pixels, q);
    }
}

static TARGET void INT8_NAME(int8)(const yl__int8_pass *p, int64_t first, int64_t last)
{
    if (ACROSS >= 4 && p->across == 4)
        INT8_NAME(int8_tiles)(p, YL_INT8_ROWS, 1, 4, first, last);
    else if (ACROSS >= 2 && p->across == 2)
        INT8_NAME(int8_tiles)(p, YL_INT8_ROWS, 1, 2, first, last);
    else
        switch (p->vectors) {
        case 1:
            INT8_NAME(int8_tiles)(p, ROWS_1, 1, 1, first, last);
            break;
        case 2:
            INT8_NAME(int8_tiles)(p, ROWS_2, 2, 1, first, last);
            break;
#if defined(ROWS_3)
        case 3:
            INT8_NAME(int8_tiles)(p, ROWS_3, 3, 1, first, last);
            break;
        case 4:
            INT8_NAME(int8_tiles)(p, ROWS_4, 4, 1, first, last);
            break;
#endif
        }
}

#undef WAY
#undef TARGET
#undef SUMS
#undef DEEP
#undef X_BYTES
#undef sums_t
#undef x_t
#undef LOAD
#undef LOAD_X
#undef MULTIPLY
#undef STORE
#undef HALF
#undef ROWS_1
#undef ROWS_2
#undef ROWS_3
#undef ROWS_4
#undef ACROSS
#undef LOAD_X_ACROSS
#undef MULTIPLY_ACROSS
#undef INT8_NAME
#undef INT8_NAME_
#undef INT8_NAME__
