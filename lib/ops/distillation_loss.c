/* ops/distillation_loss.c -- a student's loss beside a teacher, and its gradient, in one step.
 *
 *     kerf.DistillationLoss(logits (N, C), teacher (N, C), labels (N) int32, settings [, mix (1)])
 *         -> loss (), diff_logits (N, C)
 *
 * Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network":
 *
 *     loss = soft T^2 KL(softmax(teacher / T) || softmax(logits / T))
 *          + hard CrossEntropy(softmax(logits), labels),      the mean over N
 *
 * soft, hard and T are settings[at], [at + 1] and [at + 2] (attribute at, 0 unless given): numbers
 * on the device, so a schedule moves them without a new plan.  The gradient is written beside the
 * loss, as both are of the same exponentials: each logit comes from memory once.  The teacher
 * gets none.  Where hard is 0 labels are not read.  With mix labels are soft, as in
 * kerf.SoftLabelLoss (softmax_cross_entropy.c).
 *
 * Device side: kernels/distillation_loss.cl.  Definition: tests/ref/ref_distillation_loss.c. */
#include "base/fail.h"
#include "ops/soft_labels_common.h"
#include "ops/teacher_common.h"

extern const kerf__source kerf__source_distillation_loss;

enum { MIX = 4 };

static int has_mix(const kerf_node *n)
{
    return n->num_inputs > MIX;
}

static kerf_status infer(kerf_node *n)
{
    if (has_mix(n))
        KERF__TRY(kerf__soft_labels_check(n, MIX));
    return kerf__teacher_infer(n, "weights and temperature");
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Local memory for a row's three exponentials an element; 0 where that is more than half of the
 * first cache. */
static size_t kept_bytes(size_t k)
{
    const size_t bytes = 3 * sizeof(float) * kerf__ceil_div(k, 16) * 16;
    return bytes <= 24 << 10 ? bytes : 0;
}

/* The last two arguments are those of soft labels. */
#define NUM_ARGS(c, args) ((int)(sizeof(args) / sizeof(args)[0]) - (has_mix((c)->node) ? 0 : 2))

static kerf_status build_wide(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    const unsigned at = (unsigned)kerf_node_int(c->node, "at", 0);
    const size_t kept = kept_bytes(r.k);
    static const char *const OPTIONS[2][2] = {
        {"-DV=16 -DGROUP=1 -DKEEP=0", "-DV=16 -DGROUP=1 -DKEEP=1"},
        {"-DV=16 -DGROUP=1 -DKEEP=0 -DSOFT=1", "-DV=16 -DGROUP=1 -DKEEP=1 -DSOFT=1"}};
    const char *options = OPTIONS[has_mix(c->node)][kept > 0];
    const kerf__arg args[] = {ARG(kerf__in(c, 0)),
                              ARG(kerf__in(c, 1)),
                              ARG(kerf__in(c, 2)),
                              ARG(kerf__in(c, 3)),
                              ARG(kerf__out(c, 1)),
                              ARG(c->scratch),
                              kerf__arg_local(kept > 0 ? kept : 16),
                              ARG(at),
                              ARG((unsigned)r.m),
                              ARG((unsigned)r.k),
                              ARG(r.an_item),
                              ARG(kerf__in(c, has_mix(c->node) ? MIX : 0)),
                              ARG(kerf__smoothing(c->node))};
    KERF__TRY(kerf__emit(c, &kerf__source_distillation_loss, "distill_rows", options, args,
                         NUM_ARGS(c, args), r.grid));
    return kerf__rows_mean(c, &kerf__source_distillation_loss, options, 1.0f / (float)r.m, r.m);
}

static kerf_status build_simt(const kerf__op_case *c)
{
    enum { GROUP = 64 };
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    const unsigned at = (unsigned)kerf_node_int(c->node, "at", 0);
    const char *options = has_mix(c->node) ? "-DV=1 -DGROUP=64 -DSOFT=1" : r.options;
    const kerf__arg args[] = {ARG(kerf__in(c, 0)),
                              ARG(kerf__in(c, 1)),
                              ARG(kerf__in(c, 2)),
                              ARG(kerf__in(c, 3)),
                              ARG(kerf__out(c, 1)),
                              ARG(c->scratch),
                              ARG(at),
                              ARG((unsigned)r.m),
                              ARG((unsigned)r.k),
                              ARG(kerf__in(c, has_mix(c->node) ? MIX : 0)),
                              ARG(kerf__smoothing(c->node))};
    KERF__TRY(kerf__emit(c, &kerf__source_distillation_loss, "distill_row", options, args,
                         NUM_ARGS(c, args), (kerf__grid){1, {r.m, 1, 1}, {GROUP, 1, 1}}));
    return kerf__rows_mean(c, &kerf__source_distillation_loss, options, 1.0f / (float)r.m, r.m);
}

static const kerf__variant VARIANTS[] = {
    {.name = "distillation_loss_wide",
     .wide = 1,
     .fits = kerf__fits_31_bits,
     .scratch_bytes = kerf__teacher_scratch,
     .build = build_wide},
    {.name = "distillation_loss_simt",
     .fits = kerf__fits_31_bits,
     .scratch_bytes = kerf__teacher_scratch,
     .build = build_simt},
};

extern const kerf__op kerf__ops_distillation_loss[];
const kerf__op kerf__ops_distillation_loss[] = {
    {.op = "kerf.DistillationLoss",
     .min_inputs = 4,
     .max_inputs = 5,
     .num_outputs = 2,
     .infer = infer,
     .gradient = kerf__gradient_by_second,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
