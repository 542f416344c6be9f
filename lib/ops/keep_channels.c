/* ops/keep_channels.c -- a convolution with those channels alone that a gate keeps.
 *
 *     kerf.TopChannels(saliency (N, C)) -> places (N, k) int32, kept (N, k)
 *         attribute k; the largest first, of equal ones the first; a NaN is largest.  Channel c of
 *         sample n is at place n * C + c
 *     kerf.KeepChannels(saliency (N, C)) -> saliency (N, C), but 0 where it is not kept
 *         attribute k; kept is what fewer than k are larger than, as comparisons of floats say: of
 *         equal ones at the border all, and a NaN always
 *     kerf.TakeFilters(weights (O, I, ...), out_places (N, k), in_places (N, j), scale (N, k))
 *             -> weights (N * k, j, ...)
 *         attribute samples: N, 1 if not given; for each sample the filters of the outputs, times
 *         their scale, and of the inputs that are named; either may be left out (outputs with
 *         their scale) and is whole then.  Of (O), a bias, too.
 *
 * Places have any shape of so many elements; one outside of its sample counts as the last.  No
 * gradient passes.  A plan puts TopChannels and TakeFilters in a gate's place where that pays
 * (lib/plan/skip_channels.c), elsewhere KeepChannels (lib/plan/fuse_gate.c).
 *
 * Device side: kernels/keep_channels.cl.  Definition: tests/ref/ref_keep_channels.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_keep_channels;

enum { WEIGHTS, OUT_PLACES, IN_PLACES, SCALE };
enum { MOST_CHANNELS = 32768 }; /* an item compares one with all of them */

static const kerf_value *input(const kerf_node *n, int i)
{
    return i < n->num_inputs ? n->inputs[i] : NULL;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_saliency(const kerf_node *n)
{
    const kerf_shape shape = n->inputs[0]->shape;
    const int64_t k = kerf_node_int(n, "k", 0);
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (shape.rank != 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "saliency has %d dimensions, must have 2",
                               shape.rank);
    if (k < 1 || k > shape.dims[1])
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "k is %lld, must be 1 to %lld", (long long)k,
                               (long long)shape.dims[1]);
    return KERF_OK;
}

static kerf_status infer_keep(kerf_node *n)
{
    KERF__TRY(check_saliency(n));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status infer_top(kerf_node *n)
{
    KERF__TRY(check_saliency(n));
    kerf_shape shape = n->inputs[0]->shape;
    shape.dims[1] = kerf_node_int(n, "k", 0);
    kerf__set_output(n, 0, KERF_S32, shape);
    kerf__set_output(n, 1, KERF_F32, shape);
    return KERF_OK;
}

static kerf_status check_samples(const kerf_node *n)
{
    const int64_t samples = kerf_node_int(n, "samples", 1);
    if (samples < 1)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "samples is %lld, must be 1 or more",
                               (long long)samples);
    for (int i = OUT_PLACES; i <= IN_PLACES; i++)
        if (input(n, i) != NULL && kerf__value_elements(input(n, i)) % samples != 0)
            return kerf__fail_node(
                KERF_ERR_SHAPE, n, "has %lld places, must be as many for each of %lld samples",
                (long long)kerf__value_elements(input(n, i)), (long long)samples);
    return KERF_OK;
}

static kerf_status infer_take(kerf_node *n)
{
    kerf_shape shape = n->inputs[WEIGHTS]->shape;
    const kerf_value *outs = input(n, OUT_PLACES), *ins = input(n, IN_PLACES);
    const kerf_value *scale = input(n, SCALE);
    KERF__TRY(check_samples(n));
    KERF__TRY(kerf__node_check_type(n, WEIGHTS, KERF_F32));
    if (shape.rank < 1 + (ins != NULL) || kerf__value_elements(n->inputs[WEIGHTS]) == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "weights have %d dimensions, must have %d or "
                               "more, and elements",
                               shape.rank, 1 + (ins != NULL));
    if ((outs == NULL) != (scale == NULL) ||
        (outs != NULL && kerf__value_elements(outs) != kerf__value_elements(scale)))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "must have a scale for each output that is "
                               "named");
    for (int i = OUT_PLACES; i <= SCALE; i++)
        if (input(n, i) != NULL)
            KERF__TRY(kerf__node_check_type(n, i, i == SCALE ? KERF_F32 : KERF_S32));
    shape.dims[0] =
        outs != NULL ? kerf__value_elements(outs) : shape.dims[0] * kerf_node_int(n, "samples", 1);
    if (ins != NULL)
        shape.dims[1] = kerf__value_elements(ins) / kerf_node_int(n, "samples", 1);
    kerf__set_output(n, 0, KERF_F32, shape);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

static int fits_top(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && c->node->inputs[0]->shape.dims[1] <= MOST_CHANNELS;
}

/* An item ranks `chunk` channels, each among those of its sample. */
typedef struct ranking {
    unsigned channels, k, num, chunk;
    size_t items;
} ranking;

static ranking rank_all(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->inputs[0]);
    const size_t channels = (size_t)c->node->inputs[0]->shape.dims[1];
    const size_t chunk =
        kerf__is_wide(c) ? kerf__pieces_an_item(c, num, channels, 8192 / channels + 1) : 1;
    return (ranking){(unsigned)channels, (unsigned)kerf_node_int(c->node, "k", 0), (unsigned)num,
                     (unsigned)chunk, kerf__ceil_div(num, chunk)};
}

static kerf__grid grid_of(const kerf__op_case *c, size_t items)
{
    return kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items);
}

static kerf_status build_top(const kerf__op_case *c)
{
    const ranking r = rank_all(c);
    if (r.num == 0)
        return KERF_OK;
    return kerf__emit(c, &kerf__source_keep_channels, "top_channels", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(kerf__out(c, 1)),
                                 ARG(r.channels), ARG(r.k), ARG(r.num), ARG(r.chunk)),
                      grid_of(c, r.items));
}

static kerf_status build_keep(const kerf__op_case *c)
{
    const ranking r = rank_all(c);
    if (r.num == 0)
        return KERF_OK;
    return kerf__emit(c, &kerf__source_keep_channels, "keep_channels", "",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(r.channels),
                                 ARG(r.k), ARG(r.num), ARG(r.chunk)),
                      grid_of(c, r.items));
}

/* What is left out is not read. */
static const kerf__buffer *buffer(const kerf__op_case *c, int i)
{
    return kerf__in(c, input(c->node, i) != NULL ? i : WEIGHTS);
}

static int fits_take(const kerf__op_case *c)
{
    const kerf_shape all = c->node->inputs[WEIGHTS]->shape;
    return kerf__fits_31_bits(c) && kerf__shape_product(all, 2, all.rank) < MOST_CHANNELS;
}

static kerf_status build_take(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const kerf_shape all = n->inputs[WEIGHTS]->shape, some = n->outputs[0]->shape;
    const unsigned taps = all.rank > 2 ? (unsigned)kerf__shape_product(all, 2, all.rank) : 1;
    const unsigned outs = (unsigned)(some.dims[0] / kerf_node_int(n, "samples", 1));
    const unsigned ins = some.rank > 1 ? (unsigned)some.dims[1] : 1;
    const size_t elements = (size_t)kerf__value_elements(n->outputs[0]);
    const size_t num = kerf__is_wide(c) ? elements / taps : elements;
    const size_t chunk =
        kerf__is_wide(c) ? kerf__pieces_an_item(c, num, taps + 2, 1024 / taps + 1) : 1;
    char options[48];
    if (elements == 0)
        return KERF_OK;
    snprintf(options, sizeof options, "-DWIDE=%d -DOUT=%d -DIN=%d", kerf__is_wide(c),
             input(n, OUT_PLACES) != NULL, input(n, IN_PLACES) != NULL);
    const size_t items = kerf__ceil_div(num, chunk);
    return kerf__emit(c, &kerf__source_keep_channels, "take_filters", options,
                      KERF__ARGS(ARG(kerf__in(c, WEIGHTS)), ARG(buffer(c, OUT_PLACES)),
                                 ARG(buffer(c, IN_PLACES)), ARG(buffer(c, SCALE)),
                                 ARG(kerf__out(c, 0)), ARG((unsigned)all.dims[0]),
                                 ARG(all.rank > 1 ? (unsigned)all.dims[1] : 1u), ARG(outs),
                                 ARG(ins), ARG(taps), ARG((unsigned)num), ARG((unsigned)chunk)),
                      grid_of(c, items));
}

/* ---- the table ----------------------------------------------------------------------------- */

static const kerf__variant TOP[] = {
    KERF__BOTH_STYLES("top_channels", .fits = fits_top, .build = build_top),
};
static const kerf__variant KEEP[] = {
    KERF__BOTH_STYLES("keep_channels", .fits = fits_top, .build = build_keep),
};
static const kerf__variant TAKE[] = {
    KERF__BOTH_STYLES("take_filters", .fits = fits_take, .build = build_take),
};

extern const kerf__op kerf__ops_keep_channels[];
const kerf__op kerf__ops_keep_channels[] = {
    {.op = "kerf.TopChannels",
     .min_inputs = 1,
     .max_inputs = 1,
     .num_outputs = 2,
     .infer = infer_top,
     .variants = TOP,
     .num_variants = 2},
    {.op = "kerf.KeepChannels",
     .min_inputs = 1,
     .max_inputs = 1,
     .num_outputs = 1,
     .infer = infer_keep,
     .variants = KEEP,
     .num_variants = 2},
    {.op = "kerf.TakeFilters",
     .min_inputs = 1,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer_take,
     .variants = TAKE,
     .num_variants = 2},
    {.op = NULL},
};
