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
#include "ops/teacher_common.h"

extern const kerf__source kerf__source_decoupled_loss;

static kerf_status infer(kerf_node *n)
{
    return kerf__teacher_infer(n, "weight and temperature");
}

/* ---- launches ------------------------------------------------------------------------------ */

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
    return kerf__rows_mean(c, &kerf__source_decoupled_loss, r.options, 1.0f / (float)r.m, r.m);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("decoupled_loss", .fits = kerf__fits_31_bits,
                      .scratch_bytes = kerf__teacher_scratch, .build = build),
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
