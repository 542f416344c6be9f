/* plan/fuse_integer_sum.c -- a sum of bytes becomes a part of the convolution that makes one side
 * of it, as a residual network has them:
 *
 *     QLinearConv(x, ...), r -> com.microsoft.QLinearAdd
 *
 * is QLinearConv with the residual r.  Its kernels round as both nodes do, one behind the other, so
 * the bits stay; what goes is a pass over memory and a launch.
 *
 * Other halves: fuse_integer.c, which makes both; fuse.c, which has the order of rules;
 * lib/ops/qlinear_conv.c. */
#include <stdint.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

/* Inputs of the sum come in threes, a number and what it means; those of the convolution. */
enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, SCALE, ZERO, NUM_SUM };
enum { Y_SCALE = 6, Y_ZERO = 7, RESIDUAL = 9 };

static int least_of(const kerf_value *zero)
{
    return zero->type == KERF_S8 ? INT8_MIN : 0;
}

/* The sum takes the convolution's result as it is: no activation between, of the same meaning. */
static int may_take(const kerf_node *conv, const kerf_node *sum, int side)
{
    if (!kerf__node_is(conv, "QLinearConv") || conv->num_inputs > RESIDUAL ||
        !kerf__plan_is_read_once(conv->outputs[0]))
        return 0;
    const int least = least_of(conv->inputs[Y_ZERO]);
    return kerf_node_int(conv, "low", least) == least &&
           kerf_node_int(conv, "high", least + UINT8_MAX) == least + UINT8_MAX &&
           kerf__plan_holds_same(conv->inputs[Y_SCALE], sum->inputs[side + 1]) &&
           kerf__plan_holds_same(conv->inputs[Y_ZERO], sum->inputs[side + 2]);
}

static kerf_status take(kerf_graph *g, kerf_node *conv, kerf_node *sum, int other)
{
    kerf_value *const added[] = {sum->inputs[other], sum->inputs[other + 1], sum->inputs[other + 2],
                                 sum->inputs[SCALE], sum->inputs[ZERO]};
    const int least = least_of(sum->inputs[ZERO]);
    for (int i = 0; i < (int)(sizeof added / sizeof added[0]); i++)
        KERF__TRY(kerf__node_put_input(conv, RESIDUAL + i, added[i]));
    KERF__TRY(kerf_node_set_int(conv, "low", kerf_node_int(sum, "low", least)));
    KERF__TRY(kerf_node_set_int(conv, "high", kerf_node_int(sum, "high", least + UINT8_MAX)));
    KERF__TRY(kerf__node_infer(conv));
    kerf__graph_replace_uses(g, sum->outputs[0], conv->outputs[0]);
    return KERF_OK;
}

/* Nothing that the other side is made of reads the convolution: the sum alone does. */
kerf_status kerf__plan_fuse_integer_sum(kerf_graph *g, kerf_node *sum)
{
    if (sum->outputs[0]->next_of >= 0 || sum->num_inputs != NUM_SUM)
        return KERF_OK;
    for (int i = 0; i < NUM_SUM; i++)
        if (sum->inputs[i] == NULL)
            return KERF_OK;
    for (int side = A; side <= B; side += B) {
        kerf_node *conv = sum->inputs[side]->producer;
        if (may_take(conv, sum, side))
            return take(g, conv, sum, B - side);
    }
    return KERF_OK;
}
