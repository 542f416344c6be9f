/* plan/free_batch.c -- a model that was exported for one batch, opened for any.
 *
 * Exporters that fix the batch write it in two places: as the first dimension of inputs, and in
 * the constants of Reshape and Expand.  The first becomes a symbol, the others say 0 (keep what
 * is there) or 1 (broadcast).  What else depends on the batch is found by inferring shapes for
 * another batch: then the model stays as it was, and the node is named. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

enum { OTHER_BATCH = 3 }; /* to try; no exporter fixes it by chance */

/* 1 if every input's first dimension is this number. */
static int has_fixed_batch(const kerf_graph *g, int64_t *batch)
{
    *batch = -1;
    for (size_t i = 0; i < g->num_inputs; i++) {
        const kerf_shape shape = g->inputs[i]->shape;
        if (shape.rank < 1 || shape.dims[0] < 1 || (i > 0 && shape.dims[0] != *batch))
            return 0;
        *batch = shape.dims[0];
    }
    return *batch > 0;
}

/* ---- constants that hold the batch ----------------------------------------------------------- */

static const struct {
    const char *op;
    int64_t instead;
} HOLDERS[] = {{"Expand", 1}, {"Reshape", 0}};

/* What the node's constant must say first; -1: it does not hold the batch.  `known` is the same
 * node in a graph with inferred shapes. */
static int64_t instead_of_batch(const kerf_node *n, const kerf_graph *known, int64_t batch)
{
    const kerf_value *to = n->num_inputs == 2 ? n->inputs[1] : NULL;
    const kerf_value *src = n->num_inputs > 0 ? n->inputs[0] : NULL;
    if (to == NULL || src == NULL || to->kind != KERF__VALUE_CONSTANT || to->type != KERF_S64 ||
        to->constant->num_elements < 1 || ((const int64_t *)to->constant->data)[0] != batch)
        return -1;
    const kerf_value *v = kerf_graph_find(known, src->name);
    if (v == NULL || v->kind == KERF__VALUE_CONSTANT || v->kind == KERF__VALUE_STATE ||
        v->shape.rank < 1 || v->shape.dims[0] != batch)
        return -1;
    for (size_t i = 0; i < sizeof HOLDERS / sizeof HOLDERS[0]; i++)
        if (strcmp(HOLDERS[i].op, n->op) == 0)
            return HOLDERS[i].instead;
    return -1;
}

/* The constant may have other readers, so the node gets one of its own. */
static kerf_status replace_first(kerf_node *n, int64_t first)
{
    const kerf_tensor *old = n->inputs[1]->constant;
    kerf_tensor *t;
    kerf_value *list;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, old->shape));
    memcpy(t->data, old->data, t->size_bytes);
    ((int64_t *)t->data)[0] = first;
    KERF__TRY(kerf_graph_add_constant(n->graph, NULL, t, &list));
    kerf__node_set_input(n, 1, list);
    return KERF_OK;
}

static kerf_status free_constants(kerf_graph *g, const kerf_graph *known, int64_t batch)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        const int64_t first = instead_of_batch(g->nodes[i], known, batch);
        if (first >= 0)
            KERF__TRY(replace_first(g->nodes[i], first));
    }
    return KERF_OK;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* What is said of results held for the old batch. */
static void free_shapes(kerf_graph *g, int64_t symbol, int64_t batch)
{
    for (size_t i = 0; i < g->num_inputs; i++)
        g->inputs[i]->shape.dims[0] = symbol;
    for (size_t i = 0; i < g->num_values; i++) {
        kerf_shape *shape = &g->values[i]->shape;
        if (g->values[i]->kind == KERF__VALUE_RESULT && shape->rank > 0 && shape->dims[0] == batch)
            shape->dims[0] = symbol;
    }
}

/* The shapes of the edited graph for another batch: results must follow. */
static kerf_status try_other_batch(const kerf_graph *g, int64_t batch)
{
    kerf_graph *other;
    KERF__TRY(kerf_graph_copy(&other, g));
    kerf_status status = kerf_graph_infer(other, OTHER_BATCH * batch);
    for (size_t i = 0; status == KERF_OK && i < other->num_outputs; i++) {
        const kerf_value *v = other->outputs[i];
        if (v->shape.rank < 1 || v->shape.dims[0] != OTHER_BATCH * batch)
            status =
                kerf__fail(KERF_ERR_UNSUPPORTED, "output '%s' does not follow the batch", v->name);
    }
    kerf_graph_destroy(other);
    return status;
}

static kerf_status free_copy(kerf_graph *g, int64_t batch)
{
    kerf_graph *known;
    const int64_t symbol = kerf_graph_symbol(g, "N");
    if (symbol == 0)
        return kerf__fail_memory("graph", 1);
    KERF__TRY(kerf_graph_copy(&known, g));
    kerf_status status = kerf_graph_infer(known, 1);
    if (status == KERF_OK)
        status = free_constants(g, known, batch);
    kerf_graph_destroy(known);
    free_shapes(g, symbol, batch);
    return status == KERF_OK ? try_other_batch(g, batch) : status;
}

kerf_status kerf_graph_free_batch(kerf_graph **g)
{
    int64_t batch;
    kerf_graph *copy;
    if (!has_fixed_batch(*g, &batch))
        return KERF_OK;
    KERF__TRY(kerf_graph_copy(&copy, *g));
    kerf_status status = free_copy(copy, batch);
    if (status != KERF_OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", kerf_last_error());
        kerf_graph_destroy(copy);
        return kerf__fail(status, "the batch of %lld cannot be freed: %s", (long long)batch, why);
    }
    kerf_graph_destroy(*g);
    *g = copy;
    return KERF_OK;
}
