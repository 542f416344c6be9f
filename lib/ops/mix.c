/* ops/mix.c -- a batch of which each sample is mixed with another one (mixup: Zhang et al. 2018).
 *
 *     kerf.Mix(src (N, ...), mix (1)) -> dst: row r is mix src[r] + (1 - mix) src[N - 1 - r]
 *
 * The batch is in random order, so its reverse is as good as any other; and whoever has the labels
 * finds the partner's without a list (kerf.SoftLabelLoss).  Inputs are mixed, so there is no
 * gradient.
 *
 * Device side: kernels/mix.cl.  Definition: tests/ref/ref_mix.c. */
#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_mix;

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(1)));
    if (n->inputs[0]->shape.rank < 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "src is one number, must be samples (N, ...)");
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_value *src = c->node->inputs[0];
    const size_t num = (size_t)src->shape.dims[0];
    const size_t inner = num > 0 ? (size_t)kerf__value_elements(src) / num : 0;
    unsigned chunk;
    kerf__grid grid = kerf__grid_flat(c, inner, &chunk);
    grid.dims = 2;
    grid.groups[1] = kerf__ceil_div(num, 2);
    grid.group[1] = 1;
    return kerf__emit(c, &kerf__source_mix, "mix_pairs", kerf__is_wide(c) ? "-DV=16" : "-DV=4",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG((unsigned)num), ARG((unsigned)inner), ARG(chunk)),
                      grid);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("mix", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_mix[];
const kerf__op kerf__ops_mix[] = {
    {.op = "kerf.Mix",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
