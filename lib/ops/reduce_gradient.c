/* ops/reduce_gradient.c -- the gradient rules of reductions (reduce.c has the table), from
 * nodes that there are: what arrives is spread over the reduced axes and weighted. */
#include <string.h>

#include "base/fail.h"
#include "ops/reduce_common.h"

static kerf_status expand(kerf__gradients *grads, const kerf_node *n, kerf_value **v)
{
    kerf_node *node;
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__gradient_add_node(grads, "Expand", n, "grad", v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", src.dims, (size_t)src.rank));
    *v = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status scale(kerf__gradients *grads, const kerf_node *n, kerf_value **v, float by)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, "kerf.Scale", n, "grad", v, 1, &node));
    *v = node->outputs[0];
    return kerf_node_set_float(node, "scale", by);
}

static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value *a,
                        kerf_value *b, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, op, n, "grad", (kerf_value *[]){a, b}, 2, &node));
    *out = node->outputs[0];
    return KERF_OK;
}

/* What arrived, with the reduced dimensions back as 1, or NULL if nobody wants it. */
static kerf_status arrived(kerf__gradients *grads, const kerf_node *n, kerf_value **diff)
{
    unsigned bits;
    *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (!kerf__gradient_wanted(grads, n->inputs[0]))
        *diff = NULL;
    if (*diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__reduce_axes(n, &bits));
    return kerf__gradient_reshape(grads, n, *diff,
                                  kerf__reduce_kept_shape(n->inputs[0]->shape, bits), diff);
}

kerf_status kerf__reduce_gradient_sum(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    if (strcmp(n->op, "ReduceMean") == 0)
        KERF__TRY(scale(grads, n, &diff, kerf__reduce_scale(n)));
    KERF__TRY(expand(grads, n, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* op of v over the node's own axes, which stay as 1. */
static kerf_status reduce(kerf__gradients *grads, const char *op, const kerf_node *n, kerf_value *v,
                          kerf_value **out)
{
    kerf_node *node;
    unsigned bits;
    int64_t axes[KERF_MAX_RANK];
    size_t num = 0;
    KERF__TRY(kerf__reduce_axes(n, &bits));
    for (int i = 0; i < v->shape.rank; i++)
        if ((bits >> i & 1u) != 0)
            axes[num++] = i;
    if (num == 0) {
        *out = v;
        return KERF_OK;
    }
    KERF__TRY(kerf__gradient_add_node(grads, op, n, "grad.reduce", &v, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "axes", axes, num));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

/* To the largest (or smallest); where several are, each has an equal share. */
kerf_status kerf__reduce_gradient_extreme(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *chosen, *dst = n->outputs[0], *src = n->inputs[0];
    kerf_value *num;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(make(grads, "kerf.Equal", n, src, dst, &chosen));
    KERF__TRY(reduce(grads, "ReduceSum", n, chosen, &num));
    KERF__TRY(make(grads, "Div", n, diff, num, &diff));
    KERF__TRY(make(grads, "Mul", n, chosen, diff, &diff));
    return kerf__gradient_add(grads, src, diff);
}

/* x / |x|, and 0 for the norm of zeros. */
kerf_status kerf__reduce_gradient_norm(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *dst = n->outputs[0];
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(make(grads, "kerf.DivOrZero", n, diff, dst, &diff));
    KERF__TRY(make(grads, "Mul", n, n->inputs[0], diff, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

kerf_status kerf__reduce_gradient_l1(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *sign;
    kerf_node *node;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_node(grads, "Sign", n, "grad", n->inputs, 1, &node));
    sign = node->outputs[0];
    KERF__TRY(make(grads, "Mul", n, sign, diff, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* 2 x */
kerf_status kerf__reduce_gradient_squares(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(scale(grads, n, &diff, 2.0f));
    KERF__TRY(make(grads, "Mul", n, n->inputs[0], diff, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* The product of the others, also where some are 0: with each 0 replaced by 1 all can be
 * divided by, and what is left is right where all zeros there are is the element itself. */
kerf_status kerf__reduce_gradient_prod(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *src = n->inputs[0], *zero = src, *is_zero, *num, *safe, *others, *alone;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(scale(grads, n, &zero, 0.0f));
    KERF__TRY(make(grads, "kerf.Equal", n, src, zero, &is_zero));
    KERF__TRY(reduce(grads, "ReduceSum", n, is_zero, &num));
    KERF__TRY(make(grads, "Add", n, src, is_zero, &safe));
    KERF__TRY(reduce(grads, "ReduceProd", n, safe, &others));
    KERF__TRY(make(grads, "Div", n, others, safe, &others));
    KERF__TRY(make(grads, "kerf.Equal", n, is_zero, num, &alone));
    KERF__TRY(make(grads, "Mul", n, others, alone, &others));
    KERF__TRY(make(grads, "Mul", n, others, diff, &diff));
    return kerf__gradient_add(grads, src, diff);
}

/* 1 / sum, the same for all. */
kerf_status kerf__reduce_gradient_log_sum(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *dst = n->outputs[0];
    kerf_node *sum;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(kerf__gradient_node(grads, "Exp", n, "grad", &dst, 1, &sum));
    KERF__TRY(make(grads, "Div", n, diff, sum->outputs[0], &diff));
    KERF__TRY(expand(grads, n, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* The softmax: exp(x - dst). */
kerf_status kerf__reduce_gradient_log_sum_exp(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff, *dst = n->outputs[0], *share;
    kerf_node *node;
    KERF__TRY(arrived(grads, n, &diff));
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, dst, diff->shape, &dst));
    KERF__TRY(make(grads, "Sub", n, n->inputs[0], dst, &share));
    KERF__TRY(kerf__gradient_node(grads, "Exp", n, "grad", &share, 1, &node));
    KERF__TRY(make(grads, "Mul", n, node->outputs[0], diff, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}
