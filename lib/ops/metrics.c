/* ops/metrics.c -- sums that tell how training goes, kept on the device and read once in a
 * while.
 *
 *     kerf.Metrics(loss (), logits (N, C), labels (N) int32, sums (4)) -> next sums (4)
 *
 * sums: loss times samples, hits of the first class, hits among five, samples.  float32
 * counts exactly up to 2^24 samples between two reads.
 *
 * Device side: kernels/metrics.cl.  Definition: tests/ref/ref_metrics.c. */
#include "base/fail.h"
#include "ops/rows_common.h"

extern const kerf__source kerf__source_metrics;

static kerf_status infer(kerf_node *n)
{
    static const kerf_type TYPES[] = {KERF_F32, KERF_F32, KERF_S32, KERF_F32};
    for (int i = 0; i < 4; i++)
        KERF__TRY(kerf__node_check_type(n, i, TYPES[i]));
    if (n->inputs[1]->shape.rank != 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "logits have %d dimensions, must be (N, C)",
                               n->inputs[1]->shape.rank);
    KERF__TRY(kerf__node_check_shape(n, 0, KERF_SCALAR));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(n->inputs[1]->shape.dims[0])));
    KERF__TRY(kerf__node_check_shape(n, 3, KERF_SHAPE(4)));
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(4));
    return KERF_OK;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    return sizeof(int32_t) * (kerf__rows_of(c, c->node->inputs[1]).m + 1);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[1]);
    KERF__TRY(kerf__emit(c, &kerf__source_metrics, "metrics_rows", r.options,
                         KERF__ARGS(ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)), ARG(c->scratch),
                                    ARG((unsigned)r.m), ARG((unsigned)r.k), ARG(r.an_item)),
                         r.grid));
    return kerf__emit(c, &kerf__source_metrics, "metrics_sum", r.options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(c->scratch), ARG(kerf__in(c, 3)),
                                 ARG(kerf__out(c, 0)), ARG((unsigned)r.m)),
                      kerf__rows_join(c));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("metrics", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build),
};

extern const kerf__op kerf__ops_metrics[];
const kerf__op kerf__ops_metrics[] = {
    {.op = "kerf.Metrics",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 8},
    {.op = NULL},
};
