/* ops/nll_loss.c -- NegativeLogLikelihoodLoss, in all of ONNX's forms.
 *
 *     log_prob (N, C, d...), labels (N, d...) int32 or int64, weights (C) or left out -> loss
 *
 * reduction none gives a loss a label, sum and mean one number; the mean is over the weights.
 * SoftmaxCrossEntropyLoss as files have it is a LogSoftmax and this (plan/expand.c).
 *
 * The gradient is nodes on as many numbers as there are labels, which are put at their class among
 * zeros.  What is no class has no place there; its loss is NaN and tells.
 *
 * Device side: kernels/nll_loss.cl.  Definition: tests/ref/ref_nll_loss.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_nll_loss;

/* log_prob as (n, k, inner); m labels. */
typedef struct sizes {
    size_t m, k, inner;
} sizes;

static sizes sizes_of(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    sizes s = {(size_t)src.dims[0], (size_t)src.dims[1], 1};
    for (int i = 2; i < src.rank; i++)
        s.inner *= (size_t)src.dims[i];
    s.m *= s.inner;
    return s;
}

static int is_weighted(const kerf_node *n)
{
    return n->num_inputs > 2 && n->inputs[2] != NULL;
}

static int reduces_by(const kerf_node *n, const char *how)
{
    return strcmp(kerf_node_string(n, "reduction", "mean"), how) == 0;
}

static kerf_status check_attributes(const kerf_node *n)
{
    const int64_t ignored = kerf_node_int(n, "ignore_index", 0);
    if (ignored < INT32_MIN || ignored > INT32_MAX)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "ignore_index is %lld, must be an int32",
                               (long long)ignored);
    if (!reduces_by(n, "none") && !reduces_by(n, "sum") && !reduces_by(n, "mean"))
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "reduction is %s, must be none, sum or mean",
                               kerf_node_string(n, "reduction", ""));
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    char text[128];
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (n->inputs[1]->type != KERF_S64)
        KERF__TRY(kerf__node_check_type(n, 1, KERF_S32));
    if (src.rank < 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s is %s, must be (N, C, ...)",
                               n->inputs[0]->name, kerf_shape_text(src, text, sizeof text));
    kerf_shape labels = {src.rank - 1, {src.dims[0]}};
    for (int i = 2; i < src.rank; i++)
        labels.dims[i - 1] = src.dims[i];
    KERF__TRY(kerf__node_check_shape(n, 1, labels));
    if (is_weighted(n)) {
        KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(src.dims[1])));
    }
    KERF__TRY(check_attributes(n));
    kerf__set_output(n, 0, KERF_F32, reduces_by(n, "none") ? labels : KERF_SCALAR);
    return KERF_OK;
}

/* ---- gradient ------------------------------------------------------------------------------ */

static kerf_status make(kerf__gradients *grads, const char *op, const kerf_node *n,
                        kerf_value *const *inputs, int num_inputs, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(grads, op, n, "grad", inputs, num_inputs, &node));
    *out = node->outputs[0];
    return KERF_OK;
}

/* One number as a constant of this type. */
static kerf_status constant(kerf_graph *g, kerf_type type, int32_t x, kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, type, KERF_SCALAR));
    if (type == KERF_F32)
        *(float *)t->data = (float)x;
    else if (type == KERF_S64)
        *(int64_t *)t->data = x;
    else
        *(int32_t *)t->data = x;
    return kerf_graph_add_constant(g, NULL, t, out);
}

/* The weight that each label counts with. */
static kerf_status label_weights(kerf__gradients *grads, kerf_node *n, kerf_value **out)
{
    kerf_value *labels = n->inputs[1], *ignored, *zero, *is_ignored;
    kerf_node *ones;
    if (is_weighted(n)) {
        KERF__TRY(make(grads, "Gather", n, (kerf_value *[]){n->inputs[2], labels}, 2, out));
    } else {
        KERF__TRY(constant(grads->graph, KERF_F32, 1, out));
        KERF__TRY(kerf__gradient_add_node(grads, "Expand", n, "grad", out, 1, &ones));
        KERF__TRY(
            kerf_node_set_ints(ones, "shape", labels->shape.dims, (size_t)labels->shape.rank));
        KERF__TRY(kerf__node_infer(ones));
        *out = ones->outputs[0];
    }
    if (kerf__node_attribute(n, "ignore_index") == NULL)
        return KERF_OK;
    KERF__TRY(constant(grads->graph, labels->type, (int32_t)kerf_node_int(n, "ignore_index", 0),
                       &ignored));
    KERF__TRY(constant(grads->graph, KERF_F32, 0, &zero));
    KERF__TRY(make(grads, "Equal", n, (kerf_value *[]){labels, ignored}, 2, &is_ignored));
    return make(grads, "Where", n, (kerf_value *[]){is_ignored, zero, *out}, 3, out);
}

/* What arrives, shared out among labels by their weights. */
static kerf_status label_diffs(kerf__gradients *grads, kerf_node *n, kerf_value *diff,
                               kerf_value **out)
{
    kerf_value *label_weight, *sum;
    kerf_node *reduce;
    KERF__TRY(label_weights(grads, n, &label_weight));
    KERF__TRY(make(grads, "Neg", n, &diff, 1, &diff));
    if (reduces_by(n, "mean")) {
        KERF__TRY(
            kerf__gradient_add_node(grads, "ReduceSum", n, "grad", &label_weight, 1, &reduce));
        KERF__TRY(kerf_node_set_int(reduce, "keepdims", 0));
        KERF__TRY(kerf__node_infer(reduce));
        sum = reduce->outputs[0];
        KERF__TRY(make(grads, "Div", n, (kerf_value *[]){diff, sum}, 2, &diff));
    }
    return make(grads, "Mul", n, (kerf_value *[]){label_weight, diff}, 2, out);
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *labels;
    kerf_shape one_class = src;
    kerf_node *put;
    one_class.dims[1] = 1;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(label_diffs(grads, n, diff, &diff));
    KERF__TRY(kerf__gradient_reshape(grads, n, diff, one_class, &diff));
    KERF__TRY(kerf__gradient_reshape(grads, n, n->inputs[1], one_class, &labels));
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.GatherElementsGrad", n, "grad",
                                      (kerf_value *[]){labels, diff}, 2, &put));
    KERF__TRY(kerf_node_set_int(put, "axis", 1));
    KERF__TRY(kerf_node_set_ints(put, "shape", src.dims, (size_t)src.rank));
    KERF__TRY(kerf__node_infer(put));
    return kerf__gradient_add(grads, n->inputs[0], put->outputs[0]);
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Labels an item takes: so many that what is left can be added up by one group. */
static size_t rows_of(const kerf__op_case *c)
{
    const size_t m = sizes_of(c->node).m;
    if (kerf__is_wide(c))
        return kerf__pieces_an_item(c, m, 1, 1024);
    return kerf__ceil_div(m, 16384) > 0 ? kerf__ceil_div(m, 16384) : 1;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    const size_t items = kerf__ceil_div(sizes_of(c->node).m, rows_of(c));
    return reduces_by(c->node, "none") ? 0 : 2 * sizeof(float) * (items + 1);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const sizes s = sizes_of(n);
    const size_t rows = rows_of(c), items = kerf__ceil_div(s.m, rows);
    const int none = reduces_by(n, "none"), wide = kerf__is_wide(c);
    const int ignores = kerf__node_attribute(n, "ignore_index") != NULL;
    const char *options = n->inputs[1]->type == KERF_S64 ? "-DLABEL=long" : "-DLABEL=int";
    KERF__TRY(kerf__emit(c, &kerf__source_nll_loss, "nll_rows", options,
                         KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),
                                    ARG(kerf__in(c, is_weighted(n) ? 2 : 0)),
                                    ARG(none ? kerf__out(c, 0) : c->scratch),
                                    ARG((unsigned)is_weighted(n)), ARG((unsigned)ignores),
                                    ARG((int)kerf_node_int(n, "ignore_index", 0)),
                                    ARG((unsigned)!none), ARG((unsigned)s.m), ARG((unsigned)s.k),
                                    ARG((unsigned)s.inner), ARG((unsigned)rows)),
                         wide ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items)));
    if (none)
        return KERF_OK;
    return kerf__emit(c, &kerf__source_nll_loss, "nll_join", wide ? "-DGROUP=1" : "-DGROUP=64",
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)),
                                 ARG((unsigned)reduces_by(n, "mean")), ARG((unsigned)items)),
                      (kerf__grid){1, {1, 1, 1}, {wide ? 1 : 64, 1, 1}});
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("nll_loss", .fits = kerf__fits_31_bits, .scratch_bytes = scratch_bytes,
                      .build = build),
};

extern const kerf__op kerf__ops_nll_loss[];
const kerf__op kerf__ops_nll_loss[] = {
    {.op = "NegativeLogLikelihoodLoss",
     .min_inputs = 2,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer,
     .gradient = gradient,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
