/* plan/fuse_gate.c -- a gate that chooses channels (kerf/boost.h) takes one launch and not five,
 * where skip_channels.c has left it: for several samples, and for layers that are too small.
 *
 *     Where(Less(rank, k), saliency, 0)   becomes   kerf.KeepChannels(saliency)
 *     Relu(Mul(v, scale))                 becomes   Mul(Relu(v), scale)
 *
 * The second lets Relu become a part of the convolution before it; a scale is 0 or more, as it is
 * behind a Relu itself, so numbers stay the same.  What a gradient reads between stays: a node of
 * training is read by more than one. */
#include "base/fail.h"
#include "plan/channel_gate.h"
#include "plan/plan_internal.h"

kerf_status kerf__plan_fuse_gate(kerf_graph *g, kerf_node *where)
{
    kerf__channel_gate gate;
    kerf_node *keep;
    if (!kerf__is_channel_gate(where, &gate) || !kerf__plan_is_read_once(where->inputs[0]) ||
        where->outputs[0]->next_of >= 0)
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(g, "kerf.KeepChannels", NULL, &gate.saliency, 1, 1, &keep));
    KERF__TRY(kerf_node_set_int(keep, "k", gate.k));
    kerf__node_take_name(keep, where);
    KERF__TRY(kerf__node_infer(keep));
    return kerf__plan_replace(g, where->outputs[0], keep->outputs[0]);
}

/* What a gate multiplies v by. */
static int is_scale(const kerf_value *v)
{
    const kerf_node *spread = kerf__made_by(v, "Unsqueeze");
    const kerf_node *keep =
        spread != NULL ? kerf__made_by(spread->inputs[0], "kerf.KeepChannels") : NULL;
    return keep != NULL && kerf__made_by(keep->inputs[0], "Relu") != NULL;
}

kerf_status kerf__plan_fuse_gated_relu(kerf_graph *g, kerf_node *relu)
{
    kerf_node *mul = kerf__made_by(relu->inputs[0], "Mul");
    if (mul == NULL || !kerf__plan_is_read_once(mul->outputs[0]) ||
        relu->outputs[0]->next_of >= 0 || !is_scale(mul->inputs[1]) ||
        !kerf_shape_equal(mul->inputs[0]->shape, mul->outputs[0]->shape))
        return KERF_OK;
    KERF__TRY(kerf__plan_replace(g, relu->outputs[0], mul->outputs[0]));
    kerf__node_set_input(relu, 0, mul->inputs[0]);
    kerf__node_set_input(mul, 0, relu->outputs[0]);
    return KERF_OK;
}
