/* ops/histogram.c -- the range of numbers and how often they fall into each part of it, over all
 * runs so far.
 *
 *     kerf.Histogram(x, range (2), counts (bins + 1) int32) -> next range, next counts
 *
 * range: the least and the largest number so far; infinity and its negative before the first.
 * Bins lie in a row, as wide as the least power of two by which they hold the range, from a whole
 * multiple of it on; so when the range grows, bins merge and no count is lost.  counts[bins] is of
 * NaN, which no range has.  Where they lie: kerf__histogram_bins.
 *
 * Device side: kernels/histogram.cl.  Definition: tests/ref/ref_histogram.c. */
#include <float.h>
#include <math.h>

#include "base/fail.h"
#include "ops/histogram_common.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_histogram;

/* By fewer bins than LEAST_BINS the widest range would need a width that no float has. */
enum { LEAST_BINS = 16, MOST_BINS = 2048, GROUP = 64, GROUP_CHUNK = 65536 };

/* Words of kernels/histogram.cl. */
enum {
    STRIDE = 128,          /* numbers that an item counts at once */
    PLACE = MOST_BINS + 1, /* bins and NaN */
    HEAD = PLACE + 1,
    WIDE_SLOT = 2 * PLACE + 16
};

/* ---- where bins lie -------------------------------------------------------------------- */

/* As the kernel numbers them: what is nearer to 0 than so small a part of a bin is 0. */
static double bin_of(double x, int width)
{
    const double at = ldexp(x, -width);
    return fabs(at) < 0x1p-60 ? 0 : floor(at);
}

kerf__bins kerf__histogram_bins(float low, float high, int num)
{
    enum { LEAST_WIDTH = -60, MOST_WIDTH = 126, KEPT_BITS = 22 };
    const double a = fmax((double)low, -(double)FLT_MAX), b = fmin((double)high, (double)FLT_MAX);
    const double most = fmax(fabs(a), fabs(b));
    int width = most > 0 ? (int)fmax(ilogb(most) - KEPT_BITS, LEAST_WIDTH) : LEAST_WIDTH;
    while (width < MOST_WIDTH && bin_of(b, width) - bin_of(a, width) >= num)
        width++;
    return (kerf__bins){ldexp(bin_of(a, width), width), ldexp(1, width)};
}

/* ---- the operation --------------------------------------------------------------------- */

static kerf_status infer(kerf_node *n)
{
    const kerf_shape counts = n->inputs[2]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_S32));
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(2)));
    if (counts.rank != 1 || counts.dims[0] <= LEAST_BINS || counts.dims[0] > MOST_BINS + 1)
        return kerf__fail_node(
            KERF_ERR_SHAPE, n, "counts have %lld elements, must be %d to %d in a row",
            (long long)kerf__value_elements(n->inputs[2]), LEAST_BINS + 1, MOST_BINS + 1);
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(2));
    kerf__set_output(n, 1, KERF_S32, counts);
    return KERF_OK;
}

static size_t num_of(const kerf__op_case *c)
{
    return (size_t)kerf__value_elements(c->node->inputs[0]);
}

/* Numbers that an item (wide) or a group (SIMT) counts. */
static size_t chunk_of(const kerf__op_case *c)
{
    if (!kerf__is_wide(c))
        return GROUP_CHUNK;
    return STRIDE * kerf__pieces_an_item(c, kerf__ceil_div(num_of(c), STRIDE), 1, 128);
}

static size_t num_slots(const kerf__op_case *c)
{
    const size_t num = kerf__ceil_div(num_of(c), chunk_of(c));
    return num > 0 ? num : 1;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    const size_t slots = num_slots(c), slot = kerf__is_wide(c) ? WIDE_SLOT : PLACE;
    const size_t ranges = 2 * slots * (kerf__is_wide(c) ? 1 : GROUP);
    return (ranges + HEAD + slots * slot) * sizeof(uint32_t);
}

/* Walks over all numbers, a slot an item or group. */
static kerf_status emit_walk(const kerf__op_case *c, const char *kernel, const kerf__buffer *range,
                             const char *options, size_t group)
{
    const unsigned bins = (unsigned)kerf__value_elements(c->node->inputs[2]) - 1;
    return kerf__emit(c, &kerf__source_histogram, kernel, options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(range), ARG(c->scratch), ARG(bins),
                                 ARG((unsigned)num_of(c)), ARG((unsigned)chunk_of(c)),
                                 ARG((unsigned)num_slots(c))),
                      (kerf__grid){1, {num_slots(c), 1, 1}, {group, 1, 1}});
}

static kerf_status emit_settle(const kerf__op_case *c, const char *options, size_t group)
{
    const unsigned bins = (unsigned)kerf__value_elements(c->node->inputs[2]) - 1;
    return kerf__emit(c, &kerf__source_histogram, "histogram_settle", options,
                      KERF__ARGS(ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)), ARG(kerf__out(c, 0)),
                                 ARG(c->scratch), ARG(bins), ARG((unsigned)num_slots(c))),
                      (kerf__grid){1, {1, 1, 1}, {group, 1, 1}});
}

static kerf_status emit_sum(const kerf__op_case *c, const char *options, size_t group)
{
    const unsigned bins = (unsigned)kerf__value_elements(c->node->inputs[2]) - 1;
    const unsigned bins_an_item = group == 1 ? 256 : 1;
    const size_t items = kerf__ceil_div(bins + 1, bins_an_item);
    return kerf__emit(c, &kerf__source_histogram, "histogram_sum", options,
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 1)), ARG(bins),
                                 ARG((unsigned)num_slots(c)), ARG(bins_an_item)),
                      group == 1 ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static kerf_status build(const kerf__op_case *c)
{
    const char *options = kerf__is_wide(c) ? "-DV=16" : "-DV=1";
    const size_t group = kerf__is_wide(c) ? 1 : GROUP;
    KERF__TRY(emit_walk(c, "histogram_guess", kerf__in(c, 1), options, group));
    KERF__TRY(emit_settle(c, options, group));
    KERF__TRY(emit_walk(c, "histogram_count", kerf__out(c, 0), options, group));
    return emit_sum(c, options, group);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("histogram", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build),
};

extern const kerf__op kerf__ops_histogram[];
const kerf__op kerf__ops_histogram[] = {
    {.op = "kerf.Histogram",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 2,
     .infer = infer,
     .layouts = kerf__wish_any_order,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
