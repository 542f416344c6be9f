/* ops/decoupled_loss.c -- soft targets in two parts, and their gradient, in one step.
 *
 *     kerf.DecoupledLoss(logits (N, C), teacher (N, C), labels (N) int32, settings)
 *         -> loss (), diff_logits (N, C)
 *
 * Zhao, Cui, Song, Qiu, Liang 2022, "Decoupled knowledge distillation":
 *
 *     loss = weight T^2 (KL of how likely the true class is and is not
 *                        + others KL of the other classes among themselves),   the mean over N
 *
 * of softmaxes of logits / T, the teacher's beside the student's.  weight and T are settings[at]
 * and [at + 2] (attribute at), as kerf.DistillationLoss has them; others is an attribute (8).  In
 * plain soft targets the second part counts as much as the teacher doubts the true class, which is
 * little where it is sure.
 *
 * Device side: kernels/decoupled_loss.cl.  Definition: tests/ref/ref_decoupled_loss.c. */
#include "base/fail.h"
#include "ops/rows_common.h"

extern const kerf__source kerf__source_decoupled_loss;

static kerf_status infer(kerf_node *n)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t at = kerf_node_int(n, "at", 0),
                  most = kerf_shape_num_elements(n->inputs[3]->shape);
    for (int i = 0; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, i == 2 ? KERF_S32 : KERF_F32));
    if (src.rank != 2)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be (N, C)",
                               n->inputs[0]->name, kerf_shape_text(src, text, sizeof text));
    KERF__TRY(kerf__node_check_shape(n, 1, src));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(src.dims[0])));
    if (at < 0 || at > most - 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "weight and temperature are at %lld of %lld settings, must be "
                               "three of them",
                               (long long)at, (long long)most);
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_F32, src);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Row losses. */
static size_t scratch_bytes(const kerf__op_case *c)
{
    return sizeof(float) * (kerf__rows_of(c, c->node->inputs[0]).m + 1);
}

static kerf_status build(const kerf__op_case *c)
{
    enum { GROUP = 64 };
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    const int wide = kerf__is_wide(c);
    const unsigned at = (unsigned)kerf_node_int(c->node, "at", 0), rows = wide ? r.an_item : 1;
    const kerf__grid grid = wide ? r.grid : (kerf__grid){1, {r.m, 1, 1}, {GROUP, 1, 1}};
    KERF__TRY(kerf__emit(c, &kerf__source_decoupled_loss, "decoupled_rows", r.options,
                         KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                    ARG(kerf__in(c, 3)), ARG(kerf__out(c, 1)), ARG(c->scratch),
                                    ARG(kerf_node_float(c->node, "others", 8)), ARG(at),
                                    ARG((unsigned)r.m), ARG((unsigned)r.k), ARG(rows)),
                         grid));
    return kerf__emit(c, &kerf__source_decoupled_loss, "mean_rows", r.options,
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG(1.0f / (float)r.m),
                                 ARG((unsigned)r.m)),
                      kerf__rows_join(c));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("decoupled_loss", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build),
};

extern const kerf__op kerf__ops_decoupled_loss[];
const kerf__op kerf__ops_decoupled_loss[] = {
    {.op = "kerf.DecoupledLoss",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 2,
     .infer = infer,
     .gradient = kerf__gradient_by_second,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
