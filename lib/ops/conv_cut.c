/* ops/conv_cut.c -- how convolutions of CPU devices are cut into items; see conv_cut.h. */
#include "ops/conv_cut.h"

#include "ops/layout_common.h"
#include "ops/shape_common.h"

int kerf__num_vector_groups(int channels, int vectors, int lanes)
{
    return kerf__ceil_div_int(kerf__ceil_div_int(channels, lanes), vectors);
}

size_t kerf__item_local_bytes(const kerf__op_case *c, size_t reserved)
{
    const uint64_t all = kerf_device_get_info(c->dev)->local_bytes;
    if (all <= reserved)
        return 0;
    return all - reserved < KERF__MOST_LOCAL ? (size_t)(all - reserved) : KERF__MOST_LOCAL;
}

double kerf__wide_register_cost(const kerf__op_case *c, int lanes)
{
    const int widest = kerf_device_get_info(c->dev)->features.vector_floats;
    return lanes > widest ? 1.5 * lanes / widest : 1.0;
}

double kerf__vectors_a_cycle(const kerf__op_case *c, int lanes)
{
    return lanes == kerf_device_get_info(c->dev)->features.vector_floats
               ? (double)KERF__LANES / lanes
               : 1.0;
}

/* Where registers have 8 floats (AVX2) there are 16, and two of them hold what is multiplied.  A
 * sum beyond that is stored and loaded at each step: tiles of 24 and 28 come to 0.4 of the pace of
 * one of 12 (PoCL, two cores of Zen 3). */
double kerf__tile_register_cost(const kerf__op_case *c, int lanes, int sums)
{
    enum { AVX2_FLOATS = 8, AVX2_SUMS = 14 };
    const int widest = kerf_device_get_info(c->dev)->features.vector_floats;
    const int spills = widest == AVX2_FLOATS && lanes == AVX2_FLOATS && sums > AVX2_SUMS;
    return kerf__wide_register_cost(c, lanes) * (spills ? 2.5 : 1.0);
}

/* ---- from image to image: dst, or src -------------------------------------------------------- */

int kerf__conv_are_whole(const kerf__conv *v)
{
    return v->groups == 1 ||
           (v->src_channels % KERF__LANES == 0 && v->dst_channels % KERF__LANES == 0);
}

int kerf__conv_is_blocked(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__layout filters = v.direction == KERF__CONV_DST ? KERF__O16 : KERF__I16;
    return v.direction != KERF__CONV_WEIGHTS && kerf__conv_are_whole(&v) && kerf__fits_31_bits(c) &&
           kerf__input_layout(c->node, 1) == filters &&
           kerf__output_layout(c->node, 0) == KERF__C16;
}

static kerf__conv_side side_of(const kerf__conv_axis *a, int is_gradient)
{
    const int reach = a->dilation * (a->kernel - 1);
    return is_gradient ? (kerf__conv_side){a->dst, a->src, a->stride, 1, reach / a->stride + 1}
                       : (kerf__conv_side){a->src, a->dst, 1, a->stride, reach + 1};
}

kerf__conv_images kerf__conv_images_of(const kerf__op_case *c)
{
    kerf__conv_images p = {.v = kerf__conv_of(c->node)};
    const int taps = p.v.h.kernel * p.v.w.kernel;
    p.is_gradient = p.v.direction == KERF__CONV_SRC;
    p.h = side_of(&p.v.h, p.is_gradient);
    p.w = side_of(&p.v.w, p.is_gradient);
    p.in_channels = p.is_gradient ? p.v.dst_channels : p.v.src_channels;
    p.out_channels = p.is_gradient ? p.v.src_channels : p.v.dst_channels;
    p.in_lanes = kerf__input_layout(c->node, 0) == KERF__C16 ? KERF__LANES : 1;
    p.block_pitch = (p.is_gradient ? p.v.groups : 1) * p.in_channels * taps * KERF__LANES;
    p.group_pitch = p.is_gradient ? p.in_channels * taps * KERF__LANES
                                  : kerf__ceil_div_int(p.out_channels, KERF__LANES) * p.block_pitch;
    return p;
}

int kerf__conv_num_blocks(const kerf__conv_images *p)
{
    return kerf__ceil_div_int(p->in_channels, p->in_lanes);
}

int kerf__pixels_a_remainder(const kerf__conv_side *s)
{
    return kerf__ceil_div_int(s->out, s->remainders);
}

size_t kerf__conv_taps_bytes(const kerf__conv *v)
{
    return (size_t)v->h.kernel * (size_t)v->w.kernel * 2 * sizeof(int);
}

size_t kerf__conv_local_bytes(const kerf__op_case *c, const kerf__conv *v)
{
    enum { SPARE = 64 }; /* arguments are not of 0 bytes, and drivers align them */
    return kerf__item_local_bytes(c, kerf__conv_taps_bytes(v) + SPARE);
}

int kerf__conv_size_chunk(const kerf__conv_images *p, int channels, size_t band, size_t sums,
                          size_t local_bytes, kerf__conv_cut *k)
{
    enum { MOST_FILTERS = 400 << 10 }; /* of a chunk, which all tiles of an item read again */
    const size_t filters = (size_t)channels * (size_t)p->in_lanes * (size_t)p->v.h.kernel *
                           (size_t)p->v.w.kernel * sizeof(float);
    const int blocks = kerf__conv_num_blocks(p);
    const int most = filters < MOST_FILTERS ? (int)(MOST_FILTERS / filters) : 1;
    k->chunk = blocks < most ? blocks : most;
    k->sums_bytes = sizeof(float);
    if (k->chunk < blocks || (size_t)blocks * band > local_bytes) {
        if (sums + band > local_bytes)
            return 0;
        k->sums_bytes = sums;
        if (band > 0 && (local_bytes - sums) / band < (size_t)k->chunk)
            k->chunk = (int)((local_bytes - sums) / band);
        k->chunk = kerf__ceil_div_int(blocks,
                                      kerf__ceil_div_int(blocks, k->chunk)); /* as even as can be */
    }
    k->band_bytes = band > 0 ? (size_t)k->chunk * band : sizeof(float);
    return 1;
}

int kerf__conv_num_turns(const kerf__op_case *c, const kerf__conv_images *p,
                         const kerf__conv_cut *k, int groups, double others)
{
    const int want = KERF__ITEMS_A_UNIT * (int)kerf_device_get_info(c->dev)->compute_units;
    int turns = 1;
    if (p->in_place || k->chunk < kerf__conv_num_blocks(p))
        return 1;
    while (turns < groups && others * kerf__ceil_div_int(groups, turns + 1) >= want)
        turns++;
    return turns;
}

/* ---- weights --------------------------------------------------------------------------------- */

int kerf__weights_are_blocked(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return v.direction == KERF__CONV_WEIGHTS && !kerf__conv_is_plain(c->node) && v.n > 0 &&
           !kerf__conv_is_depthwise(&v) && kerf__fits_31_bits(c) &&
           kerf__input_layout(c->node, 1) == KERF__C16;
}

int kerf__weights_lanes(const kerf__op_case *c)
{
    return kerf__input_layout(c->node, 0) == KERF__C16 ? KERF__LANES : 1;
}

kerf__weights_share kerf__weights_share_of(const kerf__op_case *c, const kerf__conv *v,
                                           int vector_groups, int tile_channels)
{
    const double want = KERF__ITEMS_A_UNIT * (double)kerf_device_get_info(c->dev)->compute_units;
    kerf__weights_share s = {
        vector_groups, v->src_channels < KERF__LANES ? v->src_channels : KERF__LANES, v->h.kernel};
    while (s.rows_of_taps > 1 && kerf__weights_num_items(v, &s) < want)
        do /* shares are even: 3 rows are not parted into 2 and 1 */
            s.rows_of_taps--;
        while (v->h.kernel % s.rows_of_taps != 0);
    while (s.channels > tile_channels && kerf__weights_num_items(v, &s) < want)
        s.channels =
            kerf__ceil_div_int(kerf__ceil_div_int(s.channels, tile_channels), 2) * tile_channels;
    if (kerf__weights_lanes(c) == KERF__LANES) /* shares do not go over the edges of blocks */
        while (KERF__LANES % s.channels != 0)
            s.channels--;
    return s;
}

int kerf__weights_halve(kerf__weights_share *s)
{
    int *longer = s->rows_of_taps > 1 ? &s->rows_of_taps : &s->channels;
    if (*longer == 1)
        return 0;
    *longer = kerf__ceil_div_int(*longer, 2);
    return 1;
}

double kerf__weights_num_items(const kerf__conv *v, const kerf__weights_share *s)
{
    return (double)v->groups * s->vector_groups * kerf__ceil_div_int(v->src_channels, s->channels) *
           kerf__ceil_div_int(v->h.kernel, s->rows_of_taps);
}

size_t kerf__weights_sums_bytes(const kerf__conv *v, const kerf__weights_share *s, int dst_channels)
{
    return sizeof(float) * (size_t)dst_channels * (size_t)s->channels * (size_t)s->rows_of_taps *
           (size_t)v->w.kernel;
}

kerf__grid kerf__weights_grid(const kerf__conv *v, const kerf__weights_share *s)
{
    return kerf__grid_wide(
        (size_t)s->vector_groups, (size_t)kerf__ceil_div_int(v->src_channels, s->channels),
        (size_t)v->groups * (size_t)kerf__ceil_div_int(v->h.kernel, s->rows_of_taps));
}
