/* plan/formula.c -- see formula.h. */
#include "plan/formula.h"

#include "base/fail.h"
#include "ops/op.h"

static kerf_status add(kerf_graph *g, const char *op, kerf_value *const *inputs, int num_inputs,
                       kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, op, NULL, inputs, num_inputs, 1, &n));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

kerf_status kerf__formula(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b,
                          kerf_value **out)
{
    return add(g, op, (kerf_value *[]){a, b}, b != NULL ? 2 : 1, out);
}

kerf_status kerf__formula_with(kerf_graph *g, const char *op, kerf_value *a, float x,
                               kerf_value **out)
{
    kerf_value *number;
    KERF__TRY(kerf__formula_number(g, x, &number));
    return kerf__formula(g, op, a, number, out);
}

kerf_status kerf__formula_number(kerf_graph *g, float x, kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)kerf_tensor_data(t) = x;
    return kerf_graph_add_constant(g, NULL, t, out);
}

kerf_status kerf__formula_sum(kerf_graph *g, kerf_value *a, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, "ReduceSum", NULL, &a, 1, 1, &n));
    KERF__TRY(kerf_node_set_int(n, "keepdims", 0));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

kerf_status kerf__formula_step(kerf_graph *g, kerf_value *step, int which, kerf_value **out)
{
    const int64_t begin = which, end = which + 1;
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, "Slice", NULL, &step, 1, 1, &n));
    KERF__TRY(kerf_node_set_ints(n, "starts", &begin, 1));
    KERF__TRY(kerf_node_set_ints(n, "ends", &end, 1));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}
