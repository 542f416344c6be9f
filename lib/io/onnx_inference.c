/* io/onnx_inference.c -- nodes that a file keeps in their form for training get that of inference.
 *
 * PyTorch writes BatchNormalization and Dropout so where training is to go on.  What training
 * makes of the two a plan knows by itself (plan/statistics.c, plan/dropping.c), and whoever gets
 * the file that Kerf writes wants to infer with it: ONNX Runtime would take the batch's
 * statistics and drop.  A node whose further outputs somebody reads stays as it is. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/onnx_reader.h"
#include "tensor/tensor_internal.h"

enum { DROPOUT_MODE = 2 }; /* its third input: whether it drops */

/* How often each value is read, by its index; NULL without memory. */
static int *count_uses(const kerf_graph *g)
{
    int *uses = kerf__alloc(g->num_values, sizeof *uses);
    for (size_t i = 0; uses != NULL && i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (g->nodes[i]->inputs[k] != NULL)
                uses[g->nodes[i]->inputs[k]->index]++;
    for (size_t i = 0; uses != NULL && i < g->num_outputs; i++)
        uses[g->outputs[i]->index]++;
    return uses;
}

static int only_first_is_read(const kerf_node *n, const int *uses)
{
    for (int i = 1; i < n->num_outputs; i++)
        if (uses[n->outputs[i]->index] > 0)
            return 0;
    return 1;
}

/* Values without a reader lose their place, and go when all nodes are done. */
static void drop_further_outputs(kerf_node *n)
{
    while (n->num_outputs > 1)
        n->outputs[--n->num_outputs]->index = -1;
}

static void infer_batch_norm(kerf_node *n, int *uses)
{
    (void)uses;
    kerf__node_remove_attribute(n, "training_mode");
    drop_further_outputs(n);
}

static void infer_dropout(kerf_node *n, int *uses)
{
    kerf_value *mode = n->num_inputs > DROPOUT_MODE ? n->inputs[DROPOUT_MODE] : NULL;
    if (mode == NULL || mode->kind != KERF__VALUE_CONSTANT || mode->constant->num_elements != 1)
        return; /* what is not known is not given up; a plan says so */
    n->num_inputs = DROPOUT_MODE;
    kerf__node_trim_inputs(n);
    drop_further_outputs(n);
    if (--uses[mode->index] == 0)
        mode->index = -1;
}

static const struct {
    const char *op;
    void (*infer)(kerf_node *n, int *uses);
} FORMS[] = {{"BatchNormalization", infer_batch_norm}, {"Dropout", infer_dropout}};
enum { NUM_FORMS = sizeof FORMS / sizeof FORMS[0] };

kerf_status kerf__onnx_set_inference(kerf__onnx_reader *r)
{
    kerf_graph *g = r->graph;
    int *uses = count_uses(g);
    if (uses == NULL)
        return kerf__fail_memory("ONNX nodes", g->num_values * sizeof *uses);
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < NUM_FORMS; k++)
            if (strcmp(FORMS[k].op, g->nodes[i]->op) == 0 && only_first_is_read(g->nodes[i], uses))
                FORMS[k].infer(g->nodes[i], uses);
    free(uses);
    kerf__graph_sweep_values(g);
    return KERF_OK;
}
