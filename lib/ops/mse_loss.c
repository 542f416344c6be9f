/* ops/mse_loss.c -- the mean of squared differences.
 *
 *     kerf.MseLoss(src (N, C), target) -> loss ()
 *     kerf.MseGrad(src, target, diff_loss ()) -> diff_src
 *
 * target is float32 of src's shape, or labels (N) int32 that stand for one-hot rows.
 *
 * Device side: kernels/mse_loss.cl.  Definition: tests/ref/ref_mse_loss.c. */
#include "base/fail.h"
#include "ops/rows_common.h"

extern const kerf__source kerf__source_mse_loss;

static kerf_status check_pair(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (n->inputs[1]->type == KERF_S32 && src.rank == 2)
        return kerf__node_check_shape(n, 1, KERF_SHAPE(src.dims[0]));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    return kerf__node_check_shape(n, 1, src);
}

static kerf_status infer_loss(kerf_node *n)
{
    KERF__TRY(check_pair(n));
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    return KERF_OK;
}

static kerf_status infer_grad(kerf_node *n)
{
    KERF__TRY(check_pair(n));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SCALAR));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

/* To src, and with the other sign to a float target. */
static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node, *negative;
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_node(grads, "kerf.MseGrad", n, "grad",
                                  (kerf_value *[]){n->inputs[0], n->inputs[1], diff}, 3, &node));
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(kerf__gradient_add(grads, n->inputs[0], node->outputs[0]));
    if (!kerf__gradient_wanted(grads, n->inputs[1]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_node(grads, "Neg", n, "grad", node->outputs, 1, &negative));
    return kerf__gradient_add(grads, n->inputs[1], negative->outputs[0]);
}

/* ---- launches ------------------------------------------------------------------------------ */

static size_t scratch_bytes(const kerf__op_case *c)
{
    return sizeof(float) * (kerf__rows_of(c, c->node->inputs[0]).m + 1);
}

static const char *options_of(const kerf__op_case *c)
{
    static const char *const OPTIONS[2][2] = {
        {"-DV=1 -DGROUP=64 -DLABELS=0", "-DV=1 -DGROUP=64 -DLABELS=1"},
        {"-DV=16 -DGROUP=1 -DLABELS=0", "-DV=16 -DGROUP=1 -DLABELS=1"}};
    return OPTIONS[kerf__is_wide(c)][c->node->inputs[1]->type == KERF_S32];
}

static kerf_status build_loss(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    KERF__TRY(kerf__emit(c, &kerf__source_mse_loss, "mse_rows", options_of(c),
                         KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(c->scratch),
                                    ARG((unsigned)r.m), ARG((unsigned)r.k), ARG(r.an_item)),
                         r.grid));
    return kerf__rows_mean(c, &kerf__source_mse_loss, options_of(c), 1.0f / (float)(r.m * r.k),
                           r.m);
}

static kerf_status build_grad(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    return kerf__emit(c, &kerf__source_mse_loss, "mse_grad_rows", options_of(c),
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                 ARG(kerf__out(c, 0)), ARG(2.0f / (float)(r.m * r.k)),
                                 ARG((unsigned)r.m), ARG((unsigned)r.k), ARG(r.an_item)),
                      r.grid);
}

static const kerf__variant LOSS[] = {
    KERF__BOTH_STYLES("mse", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build_loss),
};
static const kerf__variant GRAD[] = {
    KERF__BOTH_STYLES("mse_grad", .fits = kerf__fits_31_bits, .build = build_grad),
};

extern const kerf__op kerf__ops_mse_loss[];
const kerf__op kerf__ops_mse_loss[] = {
    {.op = "kerf.MseLoss",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer_loss,
     .gradient = gradient,
     .variants = LOSS,
     .num_variants = 2},
    {.op = "kerf.MseGrad",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer_grad,
     .variants = GRAD,
     .num_variants = 2,
     .in_place = 1},
    {.op = NULL},
};
