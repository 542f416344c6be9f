/* compress/quantize/export_moves.c -- pairs behind what only moves numbers.
 *
 *     Q --> DQ --> Flatten --> Gemm       Q --> DQ --> Flatten --> Q --> DQ --> Gemm
 *
 * Readers look at the nodes next to a Gemm alone: without the second pair it stays a float.  The
 * numbers lie on the first pair's steps, so the second changes none of them. */
#include "base/fail.h"
#include "compress/quantize/export_internal.h"
#include "plan/plan_internal.h"

static kerf_status round_behind(kerf_graph *g, const kerf_node *dq, kerf_value *v)
{
    kerf_node *q, *again;
    kerf_value *inputs[3] = {v};
    const kerf_type type = dq->inputs[0]->type;
    for (int i = 1; i < dq->num_inputs && i < 3; i++)
        inputs[i] = dq->inputs[i];
    const int num = dq->num_inputs < 3 ? dq->num_inputs : 3;
    KERF__TRY(kerf__add_node(g, "QuantizeLinear", v->name, "q", inputs, num, type, v->shape, &q));
    inputs[0] = q->outputs[0];
    KERF__TRY(kerf__add_node(g, "DequantizeLinear", v->name, "dq", inputs, num, KERF_F32, v->shape,
                             &again));
    KERF__TRY(kerf__plan_replace(g, v, again->outputs[0]));
    kerf__node_set_input(q, 0, v);
    return KERF_OK;
}

kerf_status kerf__export_round_moves(kerf__exporting *x)
{
    kerf__scaling ignored;
    const size_t num = x->g->num_nodes; /* in order, so that one follows another */
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = x->g->nodes[i];
        const kerf_node *dq = kerf__is_move(n) ? kerf__rounded_by(kerf_node_input(n, 0)) : NULL;
        if (dq == NULL || n->num_outputs != 1 || !kerf__scaling_of(&ignored, dq) ||
            kerf__is_rounded_after(n->outputs[0]))
            continue;
        KERF__TRY(
            kerf__export_note(x, n->name, "QuantizeLinear and DequantizeLinear put behind it"));
        KERF__TRY(round_behind(x->g, dq, n->outputs[0]));
    }
    return KERF_OK;
}
