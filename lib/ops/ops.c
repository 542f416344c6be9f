/* ops/ops.c -- the list of all operations.
 *
 * One line a file of lib/ops, in the order of the alphabet.  A file gives an array of table
 * entries that ends with an entry without a name: a family such as element-wise has many,
 * most have one.  The small runtime (KERF_RUNTIME, docs/runtime.md) does without those that only
 * training, pruning and calibration use; cmake/ops.cmake says the same. */
#include "ops/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

/* clang-format off */
#define KERF__RUN_OPS(X) \
    X(arg_extreme) \
    X(batch_norm) \
    X(conv) \
    X(dropout) \
    X(elementwise) \
    X(elementwise_typed) \
    X(ends) \
    X(gather) \
    X(gemm) \
    X(keep_channels) \
    X(mask) \
    X(matmul_blocks) \
    X(matmul_codes) \
    X(matmul_integer) \
    X(move) \
    X(norm) \
    X(pool) \
    X(qlinear_add) \
    X(qlinear_conv) \
    X(qlinear_pool) \
    X(quantize) \
    X(reduce) \
    X(reorder) \
    X(resize) \
    X(shape) \
    X(softmax) \
    X(sparse_conv) \
    X(sparse_matmul) \
    X(sparse_pattern) \
    X(sparse_qlinear_conv) \
    X(step_grad) \
    X(trilu)

#ifdef KERF_RUNTIME
#define KERF__TRAINING_OPS(X)
#define NOT_HERE "this operation is no part of the small runtime, or not supported"
#else
#define NOT_HERE "this operation is not supported"
#define KERF__TRAINING_OPS(X) \
    X(angle_loss) \
    X(block_mask) \
    X(decoupled_loss) \
    X(distillation_loss) \
    X(feature_loss) \
    X(histogram) \
    X(metrics) \
    X(mix) \
    X(mse_loss) \
    X(nll_loss) \
    X(noise) \
    X(optimizer) \
    X(quantize_layer) \
    X(score) \
    X(softmax_cross_entropy) \
    X(sparse_conv_grad) \
    X(top_k_mask) \
    X(trained_range)
#endif
#define KERF__OPS_LIST(X) KERF__RUN_OPS(X) KERF__TRAINING_OPS(X)
/* clang-format on */

#define X(name) extern const kerf__op kerf__ops_##name[];
KERF__OPS_LIST(X)
#undef X

static const kerf__op *const FILES[] = {
#define X(name) kerf__ops_##name,
    KERF__OPS_LIST(X)
#undef X
};

const kerf__op *kerf__op_at(int i)
{
    for (size_t file = 0; file < sizeof FILES / sizeof FILES[0]; file++)
        for (const kerf__op *op = FILES[file]; op->op != NULL; op++)
            if (i-- == 0)
                return op;
    return NULL;
}

const kerf__op *kerf__op_find(const char *op)
{
    for (size_t file = 0; file < sizeof FILES / sizeof FILES[0]; file++)
        for (const kerf__op *entry = FILES[file]; entry->op != NULL; entry++)
            if (strcmp(entry->op, op) == 0)
                return entry;
    return NULL;
}

#undef kerf__fail_node
kerf_status kerf__fail_node(kerf_status status, const kerf_node *n, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return kerf__fail(status, "%s %s: %s", n->op, n->name, what);
}

static kerf_status check_count(const kerf_node *n, const kerf__op *op)
{
    if (n->num_inputs < op->min_inputs)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %d inputs, must have at least %d",
                               n->num_inputs, op->min_inputs);
    if (op->max_inputs >= 0 && n->num_inputs > op->max_inputs)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has %d inputs, supported are up to %d",
                               n->num_inputs, op->max_inputs);
    if (op->num_outputs >= 0 && n->num_outputs > op->num_outputs)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "has %d outputs, supported are up to %d",
                               n->num_outputs, op->num_outputs);
    return KERF_OK;
}

kerf_status kerf__node_infer(kerf_node *n)
{
    const kerf__op *op = kerf__op_find(n->op);
    if (op == NULL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, NOT_HERE);
    KERF__TRY(check_count(n, op));
    for (int i = 0; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        if (v == NULL && i < op->min_inputs)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d is left out, must be there", i);
        if (v != NULL && (v->shape.rank < 0 || kerf_shape_num_elements(v->shape) < 0))
            return kerf__fail_node(KERF_ERR_SHAPE, n, "the shape of input %s is not known",
                                   v->name);
    }
    return op->infer(n);
}
