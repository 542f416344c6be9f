/* layers.c -- what the layers of a model weigh: weights, non-zeros, multiply-adds.
 *
 * Weights are what layers multiply by, so the table below says which inputs of which
 * operations count; biases and norms stand apart, as in the pruning literature. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* A bit for each input that holds weights. */
static const struct {
    const char *op;
    unsigned inputs;
} weighted_ops[] = {{"Gemm", 3},          {"MatMul", 3},      {"Conv", 2},
                    {"ConvTranspose", 2}, {"Gather", 1},      {"LSTM", 6},
                    {"GRU", 6},           {"RNN", 6},         {"ConvInteger", 2},
                    {"MatMulInteger", 2}, {"QLinearConv", 8}, {"QLinearMatMul", 8}};

static unsigned weight_inputs(const char *op)
{
    for (size_t i = 0; i < sizeof weighted_ops / sizeof weighted_ops[0]; i++)
        if (strcmp(weighted_ops[i].op, op) == 0)
            return weighted_ops[i].inputs;
    return 0;
}

const char *layer_name(const kerf_node *n, const stored_weights *w)
{
    const char *name = kerf_node_name(n);
    return name != NULL && name[0] != '\0' ? name : kerf_value_name(w->value);
}

/* Adds the layer that node n is because of these weights. */
static kerf_status add_layer(void *context, const kerf_node *n, const stored_weights *w)
{
    layer_list *list = context;
    layer *items = realloc(list->items, (list->num + 1) * sizeof *items);
    if (items == NULL)
        return KERF_ERR_MEMORY;
    list->items = items;
    layer *l = &items[list->num++];
    *l = (layer){
        .tensor = w->tensor, .state_id = kerf_value_state(w->value), .ms = NAN, .macs = NAN};
    snprintf(l->name, sizeof l->name, "%s", layer_name(n, w));
    snprintf(l->op, sizeof l->op, "%s", kerf_node_op(n));
    l->shape = w->codebook != NULL ? kerf_value_shape(w->value) : kerf_tensor_shape(w->tensor);
    l->weights = (int64_t)kerf_tensor_num_elements(w->tensor);
    l->bits = weights_bits(w);
    l->bytes = weights_bytes(w);
    kerf_status status = weights_nonzeros(w, &l->nonzeros);
    if (list->why_no_macs[0] == '\0')
        l->macs = kerf_node_macs(n);
    l->nonzero_macs = l->weights > 0 ? l->macs * (double)l->nonzeros / (double)l->weights : l->macs;
    return status;
}

/* A weight that two layers share is counted once. */
static int seen_before(const layer_list *list, size_t before, const kerf_tensor *tensor)
{
    for (size_t i = 0; i < before; i++)
        if (list->items[i].tensor == tensor)
            return 1;
    return 0;
}

static void add_totals(layer_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        const layer *l = &list->items[i];
        list->macs += l->macs;
        list->nonzero_macs += l->nonzero_macs;
        if (seen_before(list, i, l->tensor))
            continue;
        list->weights += l->weights;
        list->nonzeros += l->nonzeros;
        list->bytes += l->bytes;
    }
}

kerf_status layers_visit(const kerf_graph *g, const kerf_state *s, layer_visit visit, void *context)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_nodes(g); i++) {
        const kerf_node *n = kerf_graph_node(g, i);
        unsigned inputs = weights_are_shared(g, s, n) ? 0 : weight_inputs(kerf_node_op(n));
        for (int k = 0; status == KERF_OK && k < kerf_node_num_inputs(n); k++) {
            if ((inputs >> k & 1) == 0)
                continue;
            const stored_weights w = weights_find(g, s, kerf_node_input(n, k));
            if (w.tensor != NULL)
                status = visit(context, n, &w);
        }
    }
    return status;
}

kerf_status layers_read(layer_list *list, const kerf_graph *g, const kerf_state *s)
{
    *list = (layer_list){0};
    kerf_graph *inferred;
    kerf_status status = kerf_graph_copy(&inferred, g);
    if (status == KERF_OK && kerf_graph_infer(inferred, 1) != KERF_OK)
        snprintf(list->why_no_macs, sizeof list->why_no_macs, "%s", kerf_last_error());
    if (status == KERF_OK)
        status = layers_visit(inferred, s, add_layer, list);
    if (status == KERF_OK)
        add_totals(list);
    kerf_graph_destroy(inferred); /* constants are its own, so not before they are told apart */
    return status;
}

void layers_free(layer_list *list)
{
    free(list->items);
    *list = (layer_list){0};
}

double layers_compression(const layer_list *list)
{
    return list->nonzeros > 0 ? (double)list->weights / (double)list->nonzeros : NAN;
}

/* ---- time ---------------------------------------------------------------------------- */

/* What step i takes, the least of a few: what disturbs a timing only makes it longer. */
static kerf_status time_step(kerf_plan *p, int i, double *least)
{
    enum { TIMES = 5, MOST = 200 };
    const double enough_ms = 5; /* cores that have slept take a millisecond to come back */
    kerf_status status = kerf_plan_time_step(p, i, 1, least);
    for (int k = 0; status == KERF_OK && k < TIMES; k++) {
        const int repeat = (int)fmax(1, fmin(MOST, enough_ms / *least));
        double ms;
        status = kerf_plan_time_step(p, i, repeat, &ms);
        *least = fmin(*least, ms);
    }
    return status;
}

/* A plan's step carries its node's name, also where several nodes were fused into it. */
static kerf_status time_steps(layer_list *list, kerf_plan *p)
{
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        double ms;
        kerf_status status = kerf_plan_get_step(p, i, &step);
        for (size_t k = 0; status == KERF_OK && k < list->num; k++) {
            layer *l = &list->items[k];
            if (strcmp(l->name, step.name) != 0)
                continue;
            status = time_step(p, i, &ms);
            l->ms = isnan(l->ms) ? ms : l->ms + ms;
        }
        if (status != KERF_OK)
            return status;
    }
    return KERF_OK;
}

/* A run on zeros, so that steps find numbers: what lay in memory before may be denormal, which
 * takes a CPU a hundred times as long. */
static kerf_status run_first(kerf_plan *p, const kerf_graph *g)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_inputs(g); i++) {
        kerf_tensor *t = kerf_plan_input(p, kerf_value_name(kerf_graph_input(g, i)));
        void *zeros = t != NULL ? calloc(kerf_tensor_size_bytes(t) + 1, 1) : NULL;
        if (zeros != NULL)
            status = kerf_tensor_write(t, zeros);
        free(zeros);
    }
    return status == KERF_OK ? kerf_plan_run(p) : status;
}

kerf_status layers_measure(layer_list *list, const kerf_graph *g, kerf_state *s, int64_t batch)
{
    kerf_plan *p;
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE, .batch = batch};
    kerf_status status = kerf_plan_create(&p, g, s, &plan_options);
    if (status == KERF_OK)
        status = run_first(p, g);
    if (status == KERF_OK)
        status = time_steps(list, p);
    kerf_plan_destroy(p);
    return status;
}
