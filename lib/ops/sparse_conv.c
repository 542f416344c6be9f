/* ops/sparse_conv.c -- a convolution that skips weights of 0.
 *
 *     kerf.SparseConv(src, values, starts, offsets, bias?, residual?) -> dst
 *     kerf.SparseConvGradInput(diff_dst, values, starts, offsets) -> diff_src
 *
 * values, starts and offsets are what kerf.SparsePattern and kerf.SparseValues make of the weights,
 * with stride_c 256, stride_r the kernel's width and stride_s 1.  Row k of the pattern is output
 * channel k.  Attributes: those of Conv, as fusing leaves it; weights_shape, what the weights
 * are; and percent, how many of them are expected not to be 0, for guesses alone (10).
 *
 * In training src and dst have a fifth dimension, of samples that are one pixel: (N / 16, C, H, W,
 * 16).  Strides, pads and dilations count pixels as ever.
 *
 * The gradient by src takes the transposed pattern: rows are channels of src, k stands in the place
 * of the channel, and there is one group.  Its size is attribute output_shape, as in
 * kerf.ConvGradInput.
 *
 * On CPU devices a pattern may be made for a tile of pixels, in chunks of channels, with places in
 * what the tile is computed from for offsets: attribute `tile`, see sparse_places.h.
 *
 * Which tiles CPU devices take is in sparse_conv_wide.c and sparse_conv_chunks.c.  Device side:
 * kernels/sparse_conv.cl. Definition: tests/ref/ref_sparse_conv.c. */
#include "ops/sparse_conv.h"

#include <math.h>

#include "base/fail.h"
#include "ops/conv_gather.h"
#include "ops/shape_common.h"
#include "ops/sparse_places.h"

extern const kerf__source kerf__source_sparse_conv;

double kerf__sparse_density(const kerf_node *n)
{
    return fmin(fmax((double)kerf_node_int(n, "percent", 10), 0), 100) / 100;
}

/* ---- shapes -------------------------------------------------------------------------------- */

kerf_status kerf__sparse_check_pattern(const kerf_node *n, const kerf__conv *v, int starts,
                                       int offsets)
{
    const int of_src = v->direction == KERF__CONV_SRC;
    const kerf__sparse_tile tile = kerf__sparse_tile_of(n);
    const int64_t chunks = tile.chunk > 0 ? kerf__ceil_div_int(v->src_channels, tile.chunk) : 1;
    const int64_t rows = chunks * v->groups * (of_src ? v->src_channels : v->dst_channels);
    if (of_src && v->groups > 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "group is %d, supported is 1", v->groups);
    KERF__TRY(kerf__node_check_type(n, starts, KERF_S32));
    KERF__TRY(kerf__node_check_shape(n, starts, KERF_SHAPE(rows + 1)));
    KERF__TRY(kerf__node_check_type(n, offsets, KERF_S32));
    if (n->inputs[offsets]->shape.rank != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s must be a list, of a pattern",
                               n->inputs[offsets]->name);
    if ((int64_t)v->h.kernel * v->w.kernel > KERF__SPARSE_CHANNEL ||
        (of_src ? v->dst_channels : v->src_channels) > INT32_MAX / KERF__SPARSE_CHANNEL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "filters of %d channels and %d x %d taps, supported are up to %d "
                               "channels and %d taps",
                               v->src_channels, v->h.kernel, v->w.kernel,
                               INT32_MAX / KERF__SPARSE_CHANNEL, KERF__SPARSE_CHANNEL);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    kerf__conv v;
    KERF__TRY(kerf__conv_read(n, &v));
    KERF__TRY(kerf__sparse_check_pattern(n, &v, KERF__SPARSE_STARTS, KERF__SPARSE_OFFSETS));
    KERF__TRY(
        kerf__node_check_shape(n, KERF__SPARSE_OFFSETS, n->inputs[KERF__SPARSE_VALUES]->shape));
    kerf_shape out = v.direction == KERF__CONV_SRC
                         ? KERF_SHAPE(v.n, v.src_channels, v.h.src, v.w.src)
                         : KERF_SHAPE(v.n, (int64_t)v.groups * v.dst_channels, v.h.dst, v.w.dst);
    out.rank = n->inputs[KERF__SPARSE_SRC]->shape.rank;
    if (out.rank == 3)
        out.dims[2] = out.dims[3];
    out.dims[4] = v.lanes;
    if (kerf_shape_num_elements(out) >= (int64_t)1 << 31)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "the result has 2^31 elements or more, supported are fewer");
    if (v.has_residual)
        KERF__TRY(kerf__node_check_shape(n, KERF__SPARSE_RESIDUAL, out));
    kerf__set_output(n, 0, KERF_F32, out);
    return KERF_OK;
}

/* Those that are expected to be done. */
static double macs(const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    return kerf__conv_macs(&v) * v.lanes * kerf__sparse_density(n);
}

/* ---- one work-item a pixel ------------------------------------------------------------------ */

static int fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__fits_31_bits(c) && kerf__sparse_tile_of(c->node).vectors == 0 &&
           kerf__conv_loop_fits(c, (int64_t)v.src_channels * v.h.kernel * v.w.kernel);
}

/* Cycles of one core, Zen 5 under PoCL; by src each term divides by the strides. */
static double guess(const kerf__op_case *c)
{
    enum { A_TERM = 3, A_TERM_BY_SRC = 24, AN_ELEMENT = 30 };
    const kerf__conv v = kerf__conv_of(c->node);
    const double a_term = v.direction == KERF__CONV_SRC ? A_TERM_BY_SRC : A_TERM;
    return AN_ELEMENT * (double)kerf__value_elements(c->node->outputs[0]) + a_term * macs(c->node);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const kerf__conv_axis h = v.h, w = v.w;
    const int of_src = v.direction == KERF__CONV_SRC;
    const size_t plane = of_src ? (size_t)h.src * (size_t)w.src : (size_t)h.dst * (size_t)w.dst;
    const size_t rows = (size_t)v.groups * (size_t)(of_src ? v.src_channels : v.dst_channels);
    const kerf__grid grid = {
        3, {kerf__ceil_div(plane * (size_t)v.lanes, 64), rows, (size_t)v.n}, {64, 1, 1}};
    return kerf__emit(
        c, &kerf__source_sparse_conv, of_src ? "sparse_conv_grad_src" : "sparse_conv", "",
        KERF__ARGS(ARG(kerf__in(c, KERF__SPARSE_SRC)), ARG(kerf__in(c, KERF__SPARSE_VALUES)),
                   ARG(kerf__in(c, KERF__SPARSE_STARTS)), ARG(kerf__in(c, KERF__SPARSE_OFFSETS)),
                   ARG(kerf__conv_bias(c, &v)), ARG(kerf__conv_residual(c, &v)),
                   ARG(kerf__out(c, 0)), ARG(v.groups), ARG(v.src_channels), ARG(v.dst_channels),
                   ARG(h.src), ARG(w.src), ARG(h.dst), ARG(w.dst), ARG(w.kernel), ARG(h.stride),
                   ARG(w.stride), ARG(h.pad), ARG(w.pad), ARG(h.dilation), ARG(w.dilation),
                   ARG(v.lanes), ARG(v.has_bias), ARG(v.has_residual), ARG(v.activation.slope),
                   ARG(v.activation.low), ARG(v.activation.high)),
        grid);
}

/* ---- trials --------------------------------------------------------------------------------- */

/* Entries of each row, and the weights among which they lie. */
static int64_t trial_entries(const kerf_node *n, int64_t *length)
{
    const kerf__conv v = kerf__conv_of(n);
    const int64_t rows = (int64_t)v.groups * v.dst_channels;
    const int64_t room = kerf__value_elements(n->inputs[KERF__SPARSE_VALUES]) / rows;
    *length = (int64_t)v.src_channels * v.h.kernel * v.w.kernel;
    const int64_t wanted = (int64_t)ceil(kerf__sparse_density(n) * (double)*length);
    return wanted < room ? wanted : room;
}

/* Where the weight is that is `at` of those of a row. */
static int32_t trial_offset(const kerf__sparse_places *p, int64_t at, int is_tiled)
{
    const int64_t width = p->v.w.kernel, taps = p->v.h.kernel * width, tap = at % taps;
    if (is_tiled)
        return kerf__sparse_place(p, (int)(at / taps), (int)(tap / width), (int)(tap % width));
    return (int32_t)(at / taps * KERF__SPARSE_CHANNEL + tap);
}

/* As many entries to every row as are expected, one somewhere in each equal part; in chunks each
 * has as many. */
static void fill_trial(const kerf_node *n, int input, void *bytes)
{
    kerf__sparse_places p = {.v = kerf__conv_of(n)};
    const int is_tiled = kerf__sparse_places_of(n, kerf__sparse_tile_of(n), &p);
    const int64_t chunk = is_tiled ? p.tile.chunk : p.v.src_channels;
    const int64_t chunks = kerf__ceil_div_int(p.v.src_channels, (int)chunk);
    const int64_t rows = chunks * p.v.groups * p.v.dst_channels;
    const int64_t taps = (int64_t)p.v.h.kernel * p.v.w.kernel;
    int64_t length;
    int64_t num = trial_entries(n, &length) / chunks;
    int32_t *out = bytes;
    length = (p.v.src_channels - (chunks - 1) * chunk) * taps; /* of the last, the shortest */
    num = num < length ? num : length;
    if (input == KERF__SPARSE_STARTS)
        for (int64_t k = 0; k <= rows; k++)
            out[k] = (int32_t)(k * num);
    for (int64_t i = 0; input == KERF__SPARSE_OFFSETS && i < rows * num; i++) {
        const int64_t begin = i % num * length / num, end = (i % num + 1) * length / num;
        const int64_t at = begin + (int64_t)((uint32_t)i * 2654435761u >> 8) % (end - begin);
        out[i] = trial_offset(&p, at, is_tiled);
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

static const kerf__variant VARIANTS[] = {
    {.name = "sparse_conv_wide",
     .wide = 1,
     .fits = kerf__sparse_conv_wide_fits,
     .takes = kerf__sparse_conv_wide_takes,
     .guess = kerf__sparse_conv_wide_guess,
     .build = kerf__sparse_conv_wide_build,
     .candidates = kerf__sparse_conv_wide_candidates,
     .num_candidates = KERF__SPARSE_CONV_NUM_WIDE},
    {.name = "sparse_conv_chunks",
     .wide = 1,
     .fits = kerf__sparse_conv_chunks_fits,
     .takes = kerf__sparse_conv_chunks_takes,
     .guess = kerf__sparse_conv_chunks_guess,
     .build = kerf__sparse_conv_chunks_build,
     .candidates = kerf__sparse_conv_chunks_candidates,
     .num_candidates = KERF__SPARSE_CONV_NUM_CHUNKS},
    {.name = "sparse_conv_lanes",
     .wide = 1,
     .fits = kerf__sparse_conv_lanes_fits,
     .guess = kerf__sparse_conv_lanes_guess,
     .build = kerf__sparse_conv_lanes_build},
    {.name = "sparse_conv", .fits = fits, .guess = guess, .build = build},
};

extern const kerf__op kerf__ops_sparse_conv[];
const kerf__op kerf__ops_sparse_conv[] = {
    {.op = "kerf.SparseConv",
     .min_inputs = 4,
     .max_inputs = 6,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .fill_trial = fill_trial,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = "kerf.SparseConvGradInput",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
