/* naive.h -- the long way to run a graph: every value in a tensor of its own, nothing fused,
 * planned or shared, the first variant that fits.  Gradient checks and the tests of the plan
 * compare with it.
 *
 *     naive n;
 *     CHECK_OK(naive_create(&n, dev, g));              g with all shapes inferred
 *     CHECK_OK(kerf_tensor_write(naive_tensor(&n, v), data));
 *     CHECK_OK(naive_run(&n));                         forward, in the order of the nodes
 *     naive_advance(&n);                               next values become the states
 *     naive_destroy(&n); */
#ifndef KERF_NAIVE_H
#define KERF_NAIVE_H

#include <stdlib.h>

#include "base/fail.h"
#include "ops/steps_common.h"

typedef struct naive {
    kerf_device *dev;      /* borrowed */
    const kerf_graph *g;   /* borrowed */
    kerf_tensor **tensors; /* owned, by index of the value */
} naive;

static inline kerf_tensor *naive_tensor(const naive *n, const kerf_value *v)
{
    return n->tensors[v->index];
}

static inline void naive_destroy(naive *n)
{
    for (size_t i = 0; n->tensors != NULL && i < n->g->num_values; i++)
        kerf_tensor_destroy(n->tensors[i]);
    free(n->tensors);
    n->tensors = NULL;
}

static inline kerf_status naive_create(naive *n, kerf_device *dev, const kerf_graph *g)
{
    *n = (naive){dev, g, calloc(g->num_values + 1, sizeof *n->tensors)};
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        KERF__TRY(kerf_tensor_create(&n->tensors[i], dev, v->type, v->shape));
        if (v->kind == KERF__VALUE_CONSTANT)
            KERF__TRY(kerf_tensor_write(n->tensors[i], v->constant->data));
    }
    return KERF_OK;
}

/* Builds what the case's option says and runs it to its end.  Scratch is filled with NaN first:
 * a kernel must not count on what lies there. */
static inline kerf_status naive_run_option(kerf__op_case c)
{
    kerf__steps steps = {0};
    const size_t scratch_bytes = kerf__case_scratch(&c);
    c.steps = &steps;
    c.scratch = NULL;
    kerf_status status = KERF_OK;
    if (scratch_bytes > 0) {
        void *garbage = malloc(scratch_bytes);
        for (size_t i = 0; i < scratch_bytes; i++)
            ((unsigned char *)garbage)[i] = 0xFF;
        status = kerf__buffer_create(&c.scratch, c.dev, scratch_bytes);
        if (status == KERF_OK)
            status = kerf__buffer_write(c.scratch, 0, garbage, scratch_bytes);
        free(garbage);
    }
    if (status == KERF_OK)
        status = c.option.variant->build(&c);
    if (status == KERF_OK)
        status = kerf__steps_enqueue(&steps, 0, steps.num);
    if (status == KERF_OK)
        status = kerf_device_finish(c.dev);
    kerf__steps_clear(&steps);
    kerf__buffer_destroy(c.scratch);
    return status;
}

static inline kerf_status naive_run_op(kerf__op_case c)
{
    const kerf__op *op = kerf__op_find(c.node->op);
    if (op == NULL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, c.node, "this operation is not supported");
    if (op->variants == NULL)
        return kerf__buffer_copy(kerf__in(&c, 0), 0, kerf__out(&c, 0), 0, c.inputs[0]->size_bytes);
    if (kerf__option_at(&c, 0, &c.option))
        return naive_run_option(c);
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, c.node, "no variant fits");
}

static inline kerf_status naive_run_node(const naive *n, const kerf_node *node)
{
    enum { MOST = 160 };
    kerf_tensor *inputs[MOST] = {0}, *outputs[MOST] = {0};
    if (node->num_inputs > MOST || node->num_outputs > MOST)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, node, "the tests take %d inputs", MOST);
    for (int i = 0; i < node->num_inputs; i++)
        inputs[i] = node->inputs[i] != NULL ? naive_tensor(n, node->inputs[i]) : NULL;
    for (int i = 0; i < node->num_outputs; i++)
        outputs[i] = naive_tensor(n, node->outputs[i]);
    return naive_run_op(
        (kerf__op_case){.dev = n->dev, .node = node, .inputs = inputs, .outputs = outputs});
}

static inline kerf_status naive_run(const naive *n)
{
    for (size_t i = 0; i < n->g->num_nodes; i++)
        KERF__TRY(naive_run_node(n, n->g->nodes[i]));
    return KERF_OK;
}

/* Copies every next value onto the value of its state, as the end of a step does. */
static inline kerf_status naive_advance(const naive *n)
{
    for (size_t i = 0; i < n->g->num_values; i++)
        for (size_t j = 0; j < n->g->num_values; j++)
            if (n->g->values[i]->next_of >= 0 &&
                n->g->values[j]->state_id == n->g->values[i]->next_of)
                KERF__TRY(kerf_tensor_copy(n->tensors[i], n->tensors[j]));
    return KERF_OK;
}

#endif
