/* plan/dropping.c -- in a plan that trains, Dropout drops.
 *
 * The model's node means evaluation and costs nothing (ops/shape.c); here kerf.Dropout takes its
 * place, whatever the file says of its training mode: files that are meant to be evaluated say
 * no, and a plan that evaluates does not ask.  The key is the run's seed and the node's name, so
 * a network that was saved and read again goes on with the same numbers. */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "plan/gates.h"

#include <stdlib.h>
#include <string.h>

/* Fowler, Noll and Vo's hash: nothing of it must last but that it stays what it is. */
uint32_t kerf__plan_hash(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* ONNX 12 and later has the ratio as an input. */
static kerf_status ratio_of(const kerf_node *n, float *ratio)
{
    const kerf_value *v = n->num_inputs > 1 ? n->inputs[1] : NULL;
    *ratio = kerf_node_float(n, "ratio", 0.5f);
    if (v == NULL)
        return KERF_OK;
    if (v->kind != KERF__VALUE_CONSTANT || v->type != KERF_F32 || v->constant->num_elements != 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "ratio %s must be a constant, a single float", v->name);
    memcpy(ratio, v->constant->data, sizeof *ratio);
    return KERF_OK;
}

static kerf_status replace(const kerf__planning *p, kerf_node *n)
{
    kerf_node *drops;
    float ratio;
    KERF__TRY(ratio_of(n, &ratio));
    if (ratio == 0)
        return KERF_OK;
    const kerf__random key = kerf__random_key(p->options->seed, KERF__RANDOM_DROPOUT,
                                              kerf__plan_hash(n->outputs[0]->name));
    char *name = kerf__graph_fresh_name(n->graph, n->name);
    if (name == NULL)
        return kerf__fail_memory("plan", strlen(n->name));
    kerf_status status =
        kerf_graph_add_node(n->graph, "kerf.Dropout", name,
                            (kerf_value *[]){n->inputs[0], p->plan->step}, 2, 1, &drops);
    free(name);
    KERF__TRY(status);
    KERF__TRY(kerf_node_set_float(drops, "ratio", ratio));
    KERF__TRY(kerf_node_set_ints(drops, "key", (int64_t[]){key.key[0], key.key[1]}, 2));
    KERF__TRY(kerf__node_infer(drops));
    kerf__graph_replace_uses(n->graph, n->outputs[0], drops->outputs[0]);
    return KERF_OK;
}

kerf_status kerf__plan_set_dropout(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const size_t num_nodes = g->num_nodes;
    if (p->plan->mode != KERF_TRAIN)
        return KERF_OK;
    for (size_t i = 0; i < num_nodes; i++)
        if (strcmp(g->nodes[i]->op, "Dropout") == 0)
            KERF__TRY(replace(p, g->nodes[i]));
    return kerf__graph_sort(g);
}
