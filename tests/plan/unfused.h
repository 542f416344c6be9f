/* unfused.h -- what the tests of fusing share: a graph as it stands, to compare a plan with. */
#ifndef KERF_PLAN_UNFUSED_H
#define KERF_PLAN_UNFUSED_H

#include <string.h>

#include "check.h"
#include "naive.h"

static inline kerf_value *unfused_constant(kerf_graph *g, kerf_type type, kerf_shape shape,
                                           const void *data)
{
    kerf_tensor *t;
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    CHECK_OK(kerf_tensor_write(t, data));
    CHECK_OK(kerf_graph_add_constant(g, NULL, t, &v));
    return v;
}

/* A node without the inputs at its end that are NULL; its one result. */
static inline kerf_value *unfused_add(kerf_graph *g, const char *op, kerf_value *const *inputs,
                                      int num)
{
    kerf_node *n;
    while (num > 0 && inputs[num - 1] == NULL)
        num--;
    CHECK_OK(kerf_graph_add_node(g, op, NULL, inputs, num, 1, &n));
    return n->outputs[0];
}

/* How many nodes of an operation there are. */
static inline int unfused_count(const kerf_graph *g, const char *op)
{
    int num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        num += strcmp(g->nodes[i]->op, op) == 0;
    return num;
}

/* Runs a copy node by node on its one input and reads one output. */
static inline void unfused_run(kerf_device *dev, const kerf_graph *g, size_t output, const void *x,
                               void *want)
{
    kerf_graph *copy;
    naive n;
    CHECK_OK(kerf_graph_copy(&copy, g));
    CHECK_OK(kerf_graph_infer(copy, 1));
    CHECK_OK(naive_create(&n, dev, copy));
    CHECK_OK(kerf_tensor_write(naive_tensor(&n, copy->inputs[0]), x));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, copy->outputs[output]), want));
    naive_destroy(&n);
    kerf_graph_destroy(copy);
}

#endif
