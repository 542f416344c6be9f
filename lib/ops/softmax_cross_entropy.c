/* ops/softmax_cross_entropy.c -- SoftmaxCrossEntropyLoss and its gradient in one step each.
 *
 *     SoftmaxCrossEntropyLoss(logits (N, C), labels (N) int32) -> loss (), log_prob (N, C)
 *     kerf.SoftmaxCrossEntropyGrad(log_prob, labels, diff_loss ()) -> diff_logits (N, C)
 *     kerf.SoftLabelLoss(logits, labels, mix (1)) -> loss, log_prob
 *     kerf.SoftLabelGrad(log_prob, labels, diff_loss, mix) -> diff_logits
 *
 * Soft labels: row r is of class labels[r] for mix and of class labels[N - 1 - r] for the rest
 * (mixup, kerf.Mix), and `smoothing` (attribute, 0 unless given) of that goes to all classes alike.
 *
 * The loss is the mean over N; ONNX's other reductions, class weights and ignore_index are
 * not supported.  Labels are int32: this loss never stands in a file.
 *
 * Device side: kernels/softmax_cross_entropy.cl.  Definition:
 * tests/ref/ref_softmax_cross_entropy.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "ops/soft_labels_common.h"

extern const kerf__source kerf__source_softmax_cross_entropy;

/* Which input says how labels are mixed; 0: none, as they are not. */
static int mix_of(const kerf_node *n)
{
    const int is_soft = strncmp(n->op, "kerf.SoftLabel", strlen("kerf.SoftLabel")) == 0;
    return is_soft ? n->num_inputs - 1 : 0;
}

static kerf_status check_mix(const kerf_node *n)
{
    return mix_of(n) > 0 ? kerf__soft_labels_check(n, mix_of(n)) : KERF_OK;
}

static kerf_status check_pair(const kerf_node *n)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_S32));
    if (src.rank != 2)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be (N, C)",
                               n->inputs[0]->name, kerf_shape_text(src, text, sizeof text));
    return kerf__node_check_shape(n, 1, KERF_SHAPE(src.dims[0]));
}

static kerf_status infer_loss(kerf_node *n)
{
    KERF__TRY(check_pair(n));
    KERF__TRY(check_mix(n));
    if (strcmp(kerf_node_string(n, "reduction", "mean"), "mean") != 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "reduction is %s, must be mean",
                               kerf_node_string(n, "reduction", "mean"));
    if (kerf__node_attribute(n, "ignore_index") != NULL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "ignore_index is not supported");
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status infer_grad(kerf_node *n)
{
    KERF__TRY(check_pair(n));
    KERF__TRY(check_mix(n));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SCALAR));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

/* The gradient needs log_prob; a node that lacks it gets it now. */
static kerf_status need_log_prob(kerf_graph *g, kerf_node *n)
{
    kerf_value *added;
    if (n->num_outputs > 1)
        return KERF_OK;
    char *name = kerf__graph_fresh_name(g, "log_prob");
    if (name == NULL)
        return kerf__fail(KERF_ERR_MEMORY, "no memory for a name");
    kerf_status status = kerf__graph_add_output_value(g, n, name, &added);
    free(name);
    KERF__TRY(status);
    return infer_loss(n);
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(need_log_prob(grads->graph, n));
    const int mix = mix_of(n);
    KERF__TRY(kerf__gradient_node(
        grads, mix ? "kerf.SoftLabelGrad" : "kerf.SoftmaxCrossEntropyGrad", n, "grad",
        (kerf_value *[]){n->outputs[1], n->inputs[1], diff, n->inputs[mix]}, mix ? 4 : 3, &node));
    if (mix)
        KERF__TRY(
            kerf_node_set_float(node, "smoothing", (float)kerf_node_float(n, "smoothing", 0)));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- launches ------------------------------------------------------------------------------ */

/* The last two arguments are those of soft labels. */
#define NUM_ARGS(c, args) ((int)(sizeof(args) / sizeof(args)[0]) - (mix_of((c)->node) ? 0 : 2))

static const char *options(const kerf__op_case *c)
{
    if (mix_of(c->node) == 0)
        return kerf__rows_of(c, c->node->inputs[0]).options;
    return kerf__is_wide(c) ? "-DV=16 -DGROUP=1 -DSOFT=1" : "-DV=1 -DGROUP=64 -DSOFT=1";
}

/* Row losses, and log_prob behind them where the node does not give it out. */
static size_t scratch_bytes(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    return sizeof(float) * (r.m + 1 + (c->node->num_outputs > 1 ? 0 : r.m * r.k));
}

static kerf_status build_loss(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    const int has_log_prob = c->node->num_outputs > 1;
    const kerf__arg args[] = {ARG(kerf__in(c, 0)),
                              ARG(kerf__in(c, 1)),
                              ARG(has_log_prob ? kerf__out(c, 1) : c->scratch),
                              ARG(c->scratch),
                              ARG(has_log_prob ? 0u : (unsigned)r.m),
                              ARG((unsigned)r.m),
                              ARG((unsigned)r.k),
                              ARG(r.an_item),
                              ARG(kerf__in(c, mix_of(c->node))),
                              ARG(kerf__smoothing(c->node))};
    KERF__TRY(kerf__emit(c, &kerf__source_softmax_cross_entropy, "cross_entropy_rows", options(c),
                         args, NUM_ARGS(c, args), r.grid));
    return kerf__rows_mean(c, &kerf__source_softmax_cross_entropy, options(c), 1.0f / (float)r.m,
                           r.m);
}

static kerf_status build_grad(const kerf__op_case *c)
{
    const kerf__rows r = kerf__rows_of(c, c->node->inputs[0]);
    const kerf__arg args[] = {ARG(kerf__in(c, 0)),
                              ARG(kerf__in(c, 1)),
                              ARG(kerf__in(c, 2)),
                              ARG(kerf__out(c, 0)),
                              ARG((unsigned)r.m),
                              ARG((unsigned)r.k),
                              ARG(r.an_item),
                              ARG(kerf__in(c, mix_of(c->node))),
                              ARG(kerf__smoothing(c->node))};
    return kerf__emit(c, &kerf__source_softmax_cross_entropy, "cross_entropy_grad_rows", options(c),
                      args, NUM_ARGS(c, args), r.grid);
}

static const kerf__variant LOSS[] = {
    KERF__BOTH_STYLES("cross_entropy", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build_loss),
};
static const kerf__variant GRAD[] = {
    KERF__BOTH_STYLES("cross_entropy_grad", .fits = kerf__fits_31_bits, .build = build_grad),
};

extern const kerf__op kerf__ops_softmax_cross_entropy[];
const kerf__op kerf__ops_softmax_cross_entropy[] = {
    {.op = "SoftmaxCrossEntropyLoss",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 2,
     .infer = infer_loss,
     .gradient = gradient,
     .variants = LOSS,
     .num_variants = 2},
    {.op = "kerf.SoftmaxCrossEntropyGrad",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer_grad,
     .variants = GRAD,
     .num_variants = 2,
     .in_place = 1},
    {.op = "kerf.SoftLabelLoss",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 2,
     .infer = infer_loss,
     .gradient = gradient,
     .variants = LOSS,
     .num_variants = 2},
    {.op = "kerf.SoftLabelGrad",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer_grad,
     .variants = GRAD,
     .num_variants = 2,
     .in_place = 1},
    {.op = NULL},
};
