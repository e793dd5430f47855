/* The tiles of one way to multiply bytes, which the including file describes and which is undefined at the end:
 *
 *   WAY             its name
 *   TARGET          an attribute for functions that use it
 *   SUMS            registers of sums per vector of output channels: 1, or 2 where a channel's sum comes as two neighbouring halves
 *   X_BYTES         of an input channel in the bordered image
 *   sums_t, x_t     types of registers
 *   ZERO()          sums of nothing
 *   LOAD_X(at)      YL_INT8_DEEP input channels, for every lane
 *   MULTIPLY(s, x, at)  adds, to the registers s[SUMS], x times the weights of YL_INT8_LANES channels at `at`
 *   STORE(to, s)    writes a register of int32
 *   ROWS_1 to ROWS_4    pixels of a tile with so many vectors of output channels
 *
 * int8_WAY(p, vectors, first, last) computes the pixels first..last-1 of a block. */
#define INT8_NAME_(name, way) name##_##way
#define INT8_NAME__(name, way) INT8_NAME_(name, way)
#define INT8_NAME(name) INT8_NAME__(name, WAY)

YL__INLINE TARGET void INT8_NAME(int8_sum)(const yl__int8_pass *p, int rows, int vectors, int64_t q, int32_t *to)
{
    sums_t sums[YL_INT8_ROWS][YL_INT8_VECTORS][SUMS];
    const uint8_t *pixel[YL_INT8_ROWS];
    const int8_t *w = p->weights;
    int64_t length = p->length, group = p->group;
    int8_pixels(p, rows, q, pixel);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
#pragma GCC unroll 2
            for (int s = 0; s < SUMS; s++) sums[i][v][s] = ZERO();
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->columns; c++) {
            int64_t at = r * p->row_step + c * p->column_step;
            for (int64_t k = 0; k < length; k++, at += YL_INT8_DEEP * X_BYTES, w += group) {
#pragma GCC unroll 16
                for (int i = 0; i < rows; i++) {
                    x_t x = LOAD_X(pixel[i] + at);
#pragma GCC unroll 4
                    for (int v = 0; v < vectors; v++) MULTIPLY(sums[i][v], x, w + v * YL_INT8_LANES * YL_INT8_DEEP);
                }
            }
        }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
#pragma GCC unroll 2
            for (int s = 0; s < SUMS; s++) STORE(to + ((i * vectors + v) * SUMS + s) * YL_INT8_LANES, sums[i][v][s]);
}

YL__INLINE TARGET void INT8_NAME(int8_tiles)(const yl__int8_pass *p, int rows, int vectors, int64_t first, int64_t last)
{
    int32_t sums[YL_INT8_ROWS * YL_INT8_BLOCK * SUMS];
    int lanes = vectors * YL_INT8_LANES;
    for (int64_t q = first; q < last; q += rows) {
        INT8_NAME(int8_sum)(p, rows, vectors, q, sums);
        if (SUMS == 2)
            for (int i = 0; i < rows * lanes; i++) sums[i] = sums[2 * i] + sums[2 * i + 1];
        int8_finish(p, rows, lanes, sums, q);
    }
}

static TARGET void INT8_NAME(int8)(const yl__int8_pass *p, int vectors, int64_t first, int64_t last)
{
    switch (vectors) {
    case 1:
        INT8_NAME(int8_tiles)(p, ROWS_1, 1, first, last);
        break;
    case 2:
        INT8_NAME(int8_tiles)(p, ROWS_2, 2, first, last);
        break;
    case 3:
        INT8_NAME(int8_tiles)(p, ROWS_3, 3, first, last);
        break;
    default:
        INT8_NAME(int8_tiles)(p, ROWS_4, 4, first, last);
    }
}

#undef WAY
#undef TARGET
#undef SUMS
#undef X_BYTES
#undef sums_t
#undef x_t
#undef ZERO
#undef LOAD_X
#undef MULTIPLY
#undef STORE
#undef HALF
#undef ROWS_1
#undef ROWS_2
#undef ROWS_3
#undef ROWS_4
#undef INT8_NAME
#undef INT8_NAME_
#undef INT8_NAME__
