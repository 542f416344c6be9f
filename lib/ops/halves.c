/* ops/halves.c -- operands that are stored as float16 (kernels/halves.clh).
 *
 * That is a property of a node of the lowered graph, told by the types of its values alone: an
 * operation whose entry has `halves`, and whose output 0 is float16, reads those inputs as halves,
 * writes output 0 so, and computes in floats.  Only variants that say so can.  Who sets the types:
 * lib/plan/store_halves.c. */
#include "ops/shape_common.h"

int kerf__stores_halves(const kerf_node *n)
{
    return n->num_outputs > 0 && n->outputs[0] != NULL && n->outputs[0]->type == KERF_F16 &&
           kerf__op_find(n->op)->halves != 0;
}

int kerf__is_half_input(const kerf_node *n, int i)
{
    return i < 32 && (kerf__op_find(n->op)->halves >> i & 1u) != 0;
}

kerf_status kerf__node_check_stored(const kerf_node *n, int i)
{
    if (kerf__stores_halves(n) && kerf__is_half_input(n, i) && n->inputs[i]->type == KERF_F16)
        return KERF_OK;
    return kerf__node_check_type(n, i, KERF_F32);
}

size_t kerf__stored_bytes(const kerf_node *n)
{
    return kerf__stores_halves(n) ? sizeof(uint16_t) : sizeof(float);
}
