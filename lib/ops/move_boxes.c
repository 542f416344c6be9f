/* ops/move_boxes.c -- what the rules of operations that only move data call; see move_common.h. */
#include "base/fail.h"
#include "ops/move_common.h"

kerf_status kerf__node_check_movable(const kerf_node *n, int input)
{
    const kerf_value *v = n->inputs[input];
    if (kerf_type_bits(v->type) >= 8)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be of 8 bits or more",
                           v->name, kerf_type_name(v->type));
}

void kerf__move_strides(kerf_shape shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape.dims[i];
    }
}

void kerf__box_add_dim(kerf__box *b, int64_t dim, int64_t src_stride, int64_t dst_stride)
{
    b->dims[b->rank] = dim;
    b->src_strides[b->rank] = src_stride;
    b->dst_strides[b->rank++] = dst_stride;
}

kerf__box kerf__box_finish(const kerf__box *from)
{
    kerf__box b = {
        .src_at = from->src_at, .dst_at = from->dst_at, .src = from->src, .dst = from->dst};
    for (int i = from->rank - 1; i >= 0; i--) {
        const int64_t dim = from->dims[i], src = from->src_strides[i], dst = from->dst_strides[i];
        const int last = b.rank - 1;
        if (dim == 1)
            continue;
        if (b.rank > 0 && src == b.src_strides[last] * b.dims[last] &&
            dst == b.dst_strides[last] * b.dims[last])
            b.dims[last] *= dim;
        else
            kerf__box_add_dim(&b, dim, src, dst);
    }
    return b;
}

int kerf__box_is_empty(const kerf__box *b)
{
    for (int i = 0; i < b->rank; i++)
        if (b->dims[i] == 0)
            return 1;
    return 0;
}
