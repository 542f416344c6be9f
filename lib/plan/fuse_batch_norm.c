/* plan/fuse_batch_norm.c -- a batch norm with fixed statistics behind a convolution becomes part
 * of its weights and bias (Jacob et al. 2018, section 3.2).
 *
 *     weights' = weights * s      s = scale / sqrt(variance + epsilon), a number a channel
 *     bias'    = offset + (bias - mean) * s
 *
 * The arithmetic is made of ordinary nodes.  In an evaluation nothing changes what they read, so
 * they are prepared once (prepare.c), and once more after the weights were trained on. */
#include "base/fail.h"
#include "plan/plan_internal.h"

enum { SRC, SCALE, OFFSET, MEAN, VARIANCE };

/* Where new nodes belong: the graph, and the part of the step. */
typedef struct place {
    kerf_graph *g;
    kerf__pass pass;
} place;

static kerf_status add(place at, const char *op, kerf_value *a, kerf_value *b, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(
        kerf_graph_add_node(at.g, op, NULL, (kerf_value *[]){a, b}, b != NULL ? 2 : 1, 1, &n));
    KERF__TRY(kerf__node_set_pass(n, at.pass));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status add_number(place at, float x, kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)t->data = x;
    return kerf_graph_add_constant(at.g, NULL, t, out);
}

/* (C) as (C, 1, 1, 1), to go along the weights. */
static kerf_status add_column(place at, kerf_value *v, int rank, kerf_value **out)
{
    const int64_t shape[KERF_MAX_RANK] = {v->shape.dims[0], 1, 1, 1, 1, 1, 1, 1};
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(at.g, "Reshape", NULL, &v, 1, 1, &n));
    KERF__TRY(kerf__node_set_pass(n, at.pass));
    KERF__TRY(kerf_node_set_ints(n, "shape", shape, (size_t)rank));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status add_slope(place at, const kerf_node *norm, kerf_value **slope)
{
    kerf_value *v;
    KERF__TRY(add_number(at, kerf_node_float(norm, "epsilon", 1e-5f), &v));
    KERF__TRY(add(at, "Add", norm->inputs[VARIANCE], v, &v));
    KERF__TRY(add(at, "Sqrt", v, NULL, &v));
    return add(at, "Div", norm->inputs[SCALE], v, slope);
}

/* offset - (mean - bias) * slope */
static kerf_status add_bias(place at, const kerf_node *norm, kerf_value *bias, kerf_value *slope,
                            kerf_value **out)
{
    kerf_value *v = norm->inputs[MEAN];
    if (bias != NULL)
        KERF__TRY(add(at, "Sub", v, bias, &v));
    KERF__TRY(add(at, "Mul", v, slope, &v));
    return add(at, "Sub", norm->inputs[OFFSET], v, out);
}

kerf_status kerf__plan_fuse_batch_norm(kerf_graph *g, kerf_node *norm)
{
    kerf_node *conv = norm->inputs[SRC]->producer;
    const place at = {g, kerf__node_pass(norm)};
    if (norm->num_inputs != 5 || kerf_node_int(norm, "training_mode", 0) != 0 ||
        !kerf__plan_may_extend(conv, "Conv") || norm->outputs[0]->next_of >= 0)
        return KERF_OK;
    kerf_value *slope, *column, *weights, *bias = conv->num_inputs > 2 ? conv->inputs[2] : NULL;
    KERF__TRY(add_slope(at, norm, &slope));
    KERF__TRY(add_column(at, slope, conv->inputs[1]->shape.rank, &column));
    KERF__TRY(add(at, "Mul", conv->inputs[1], column, &weights));
    KERF__TRY(add_bias(at, norm, bias, slope, &bias));
    kerf__node_set_input(conv, 1, weights);
    KERF__TRY(kerf__node_put_input(conv, 2, bias));
    kerf__graph_replace_uses(g, norm->outputs[0], conv->outputs[0]);
    return KERF_OK;
}
