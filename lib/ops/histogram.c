/* ops/histogram.c -- how often numbers fall into each part of a range, summed over runs.
 *
 *     kerf.Histogram(x, range (2), counts (bins) int32) -> next counts (bins)
 *
 * range: its lower end, and bins a unit.  Number x is in bin (x - range[0]) * range[1], downwards;
 * below the first it is in the first, beyond the last in the last, NaN in none.  Counts of several
 * runs, or of parts, merge by adding them.
 *
 * Device side: kernels/histogram.cl.  Definition: tests/ref/ref_histogram.c. */
#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_histogram;

/* A slot has MOST_BINS and one for NaN, wide SUB times over. */
enum { MOST_BINS = 2048, SUB = 4, GROUP = 64, GROUP_CHUNK = 65536 };

static kerf_status infer(kerf_node *n)
{
    const kerf_shape counts = n->inputs[2]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_S32));
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(2)));
    if (counts.rank != 1 || counts.dims[0] < 1 || counts.dims[0] > MOST_BINS)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "counts have %lld elements, must be 1 to %d in a row",
                               (long long)kerf__value_elements(n->inputs[2]), MOST_BINS);
    kerf__set_output(n, 0, KERF_S32, counts);
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
    return 16 * kerf__pieces_an_item(c, kerf__ceil_div(num_of(c), 16), 1, 1024);
}

static size_t num_slots(const kerf__op_case *c)
{
    const size_t num = kerf__ceil_div(num_of(c), chunk_of(c));
    return num > 0 ? num : 1;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    return num_slots(c) * (MOST_BINS + 1) * (kerf__is_wide(c) ? SUB : 1) * sizeof(uint32_t);
}

static kerf_status build(const kerf__op_case *c)
{
    const int wide = kerf__is_wide(c);
    const char *options = wide ? "-DWIDE=1 -DV=16" : "-DWIDE=0 -DV=1";
    const unsigned bins = (unsigned)kerf__value_elements(c->node->inputs[2]);
    const unsigned bins_an_item = wide ? 256 : 1;
    const size_t items = kerf__ceil_div(bins, bins_an_item);
    KERF__TRY(
        kerf__emit(c, &kerf__source_histogram, "histogram_count", options,
                   KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(c->scratch), ARG(bins),
                              ARG((unsigned)num_of(c)), ARG((unsigned)chunk_of(c))),
                   (kerf__grid){1, {num_slots(c), 1, 1}, {wide ? 1 : GROUP, 1, 1}}));
    return kerf__emit(c, &kerf__source_histogram, "histogram_sum", options,
                      KERF__ARGS(ARG(kerf__in(c, 2)), ARG(c->scratch), ARG(kerf__out(c, 0)),
                                 ARG(bins), ARG((unsigned)num_slots(c)), ARG(bins_an_item)),
                      wide ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
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
     .num_outputs = 1,
     .infer = infer,
     .layouts = kerf__wish_any_order,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 4},
    {.op = NULL},
};
