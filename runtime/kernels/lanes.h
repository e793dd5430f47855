/* A vector of LANES floats. Included once per number of lanes, after LANES is defined; YL_LANES(name) gives each inclusion
 * its own names. Loops over channels take the widest vectors first and let the last one begin earlier where it is not whole. */
#ifndef YL_LANES
#define YL_LANES_PASTE2(name, lanes) name##_##lanes
#define YL_LANES_PASTE(name, lanes) YL_LANES_PASTE2(name, lanes)
#define YL_LANES(name) YL_LANES_PASTE(name, LANES)

/* Runs a statement for vectors of channels at `from`, beginning with channel k of c, of which the first `skip` lanes were done
 * by the vector before, as long as more than half of a vector is left. Then k is the first channel that is left. */
#define YL_EACH_VECTOR(k, c, ...)                                                                                      \
    for (; (c) - (k) > LANES / 2 && (c) >= LANES; (k) += LANES) {                                                      \
        int64_t skip = (c) - (k) < LANES ? LANES - ((c) - (k)) : 0, from = (k)-skip;                                   \
        __VA_ARGS__;                                                                                                   \
    }
#endif

typedef float YL_LANES(vec) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t YL_LANES(bits) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

YL__INLINE YL_LANES(vec) YL_LANES(load)(const float *from)
{
    return *(const YL_LANES(vec) *)from;
}

/* v with zeros in its first `skip` lanes. */
YL__INLINE YL_LANES(vec) YL_LANES(without)(YL_LANES(vec) v, int64_t skip)
{
    YL_LANES(bits) keep;
    for (int l = 0; l < LANES; l++) keep[l] = l < skip ? 0 : -1;
    return (YL_LANES(vec))(keep & (YL_LANES(bits))v);
}
