/* plan/channel_gate.c -- see channel_gate.h.
 *
 *     rank = ReduceSum(Cast(Greater(saliency (N, 1, C), saliency (N, C, 1))))
 *     Where(Less(rank, k), saliency, 0) */
#include "plan/channel_gate.h"

#include <math.h>

#include "tensor/tensor_internal.h"

kerf_node *kerf__made_by(const kerf_value *v, const char *op)
{
    return kerf__node_is(v->producer, op) ? v->producer : NULL;
}

/* The one number that v is, while planning. */
static int is_number(const kerf_value *v, float *x)
{
    if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_F32 || v->constant->num_elements != 1)
        return 0;
    *x = *(const float *)kerf_tensor_data(v->constant);
    return 1;
}

static int is_rank_of(const kerf_value *rank, const kerf_value *saliency)
{
    const kerf_node *sum = kerf__made_by(rank, "ReduceSum");
    const kerf_node *cast = sum != NULL ? kerf__made_by(sum->inputs[0], "Cast") : NULL;
    const kerf_node *above = cast != NULL ? kerf__made_by(cast->inputs[0], "Greater") : NULL;
    if (above == NULL || rank->shape.rank != 2)
        return 0;
    const kerf_node *row = kerf__made_by(above->inputs[0], "Unsqueeze");
    const kerf_node *column = kerf__made_by(above->inputs[1], "Unsqueeze");
    return row != NULL && column != NULL && row->inputs[0] == saliency &&
           column->inputs[0] == saliency && row->outputs[0]->shape.dims[1] == 1 &&
           column->outputs[0]->shape.dims[2] == 1;
}

int kerf__is_channel_gate(const kerf_node *n, kerf__channel_gate *out)
{
    float none, k;
    const kerf_node *less = kerf__node_is(n, "Where") ? kerf__made_by(n->inputs[0], "Less") : NULL;
    if (less == NULL || !is_number(n->inputs[2], &none) || none != 0 ||
        !is_number(less->inputs[1], &k) || !(k > 0) || n->inputs[1]->shape.rank != 2 ||
        n->inputs[1]->shape.dims[1] < 1 || !is_rank_of(less->inputs[0], n->inputs[1]))
        return 0;
    const int64_t channels = n->inputs[1]->shape.dims[1];
    *out = (kerf__channel_gate){n->inputs[1], k < (float)channels ? (int64_t)ceilf(k) : channels};
    return 1;
}
