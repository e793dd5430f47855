/* Makes an algorithm of a way to multiply bytes. The including file describes it:
 *
 *   way                 of multiplying
 *   ALGORITHM, NAME     of the algorithm
 *   AVAILABLE           whether the processor has it
 *   AT_ONCE             products of a channel that an instruction adds up */
static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    return AVAILABLE && YL_CPU(int8_supports)(g, d);
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g) / AT_ONCE;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    return YL_CPU(int8_scratch_bytes)(&way, g);
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return YL_CPU(int8_packed_bytes)(&way, g);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    (void)ctx, (void)d;
    YL_CPU(int8_pack)(&way, g, weight, scale, packed);
    return YL_OK;
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    (void)d;
    return YL_CPU(int8_run)(&way, ctx, g, run);
}

const yl_conv2d_algo YL_CPU(ALGORITHM) = {
    .name = NAME,
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
};
