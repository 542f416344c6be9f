/* compress/prune/prune_mark.c -- the rewrite: a kerf.Mask node behind chosen weights.
 *
 *     weight ---> Gemm        weight --> kerf.Mask --> Gemm
 *                             mask   -----^
 *
 * The mask is a state of its own that belongs to the weight, so whatever cuts the weight
 * cuts the mask.  It is hard: weight and moments are 0 where it is 0 (attribute "hard"); or soft,
 * as some methods want it until they are through: the weight lives on behind it.  Attribute "score"
 * asks the training plan to remember something of the weight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

/* "fc1.weight" and "mask": "fc1.weight.mask", with a number behind it where that is taken. */
char *kerf__prune_fresh_name(const kerf_graph *g, const kerf_state *s, const char *base,
                             const char *suffix)
{
    size_t bytes = strlen(base) + strlen(suffix) + 24;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return NULL;
    snprintf(name, bytes, "%s.%s", base, suffix);
    for (size_t i = 1; kerf_graph_find(g, name) != NULL || kerf_state_find(s, name) != NULL; i++)
        snprintf(name, bytes, "%s.%s_%zu", base, suffix, i);
    return name;
}

/* The state's mask of a weight: the one that is there, else a new one of `bytes`. */
static kerf_status make_mask_state(const kerf_graph *g, kerf_state *s, const kerf_value *weight,
                                   const void *bytes, int *id)
{
    const kerf_state_entry *e = kerf_state_find_owned(s, weight->state_id, KERF_ROLE_MASK);
    if (e != NULL) {
        *id = e->id;
        return KERF_OK;
    }
    char *name = kerf__prune_fresh_name(g, s, weight->name, "mask");
    if (name == NULL)
        return kerf__fail_memory("prune", strlen(weight->name));
    kerf_status status =
        kerf_state_add(s, name, KERF_ROLE_MASK, weight->state_id, KERF_BOOL, weight->shape, id);
    free(name);
    if (status != KERF_OK)
        return status;
    status = kerf_state_write(s, *id, bytes);
    if (status != KERF_OK)
        kerf_state_drop(s, *id);
    return status;
}

/* The value of mask state `id` in this graph. */
static kerf_status make_mask_value(kerf_graph *g, const kerf_state *s, int id, kerf_shape shape,
                                   kerf_value **out)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == id) {
            *out = g->values[i];
            return KERF_OK;
        }
    return kerf_graph_add_state(g, kerf_state_get(s, id)->name, id, KERF_BOOL, shape, out);
}

static kerf_status insert_node(kerf_graph *g, kerf_state *s, kerf_value *weight, kerf_value *mask)
{
    char *name = kerf__prune_fresh_name(g, s, weight->name, "masked");
    if (name == NULL)
        return kerf__fail_memory("prune", strlen(weight->name));
    kerf_node *n = NULL;
    kerf_status status =
        kerf_graph_add_node(g, "kerf.Mask", name, (kerf_value *[]){weight, mask}, 2, 1, &n);
    if (status == KERF_OK)
        status = kerf_node_set_int(n, "hard", 1);
    if (status == KERF_OK) {
        n->outputs[0]->type = weight->type;
        n->outputs[0]->shape = weight->shape;
        kerf__graph_replace_uses(g, weight, n->outputs[0]);
        kerf__node_set_input(n, 0, weight);
    } else if (n != NULL) {
        kerf__graph_remove_node(g, n);
    }
    free(name);
    return status;
}

/* Puts a mask behind one weight; bytes: a byte an element, 0 is pruned. */
static kerf_status mark(kerf_graph *g, kerf_state *s, kerf_value *weight, const void *bytes)
{
    int id;
    kerf_value *mask;
    KERF__TRY(make_mask_state(g, s, weight, bytes, &id));
    KERF__TRY(make_mask_value(g, s, id, weight->shape, &mask));
    return insert_node(g, s, weight, mask);
}

static kerf_status mark_with_ones(kerf_graph *g, kerf_state *s, kerf_value *weight)
{
    size_t num = (size_t)kerf_shape_num_elements(weight->shape);
    char *ones = kerf__alloc(num, 1);
    if (ones == NULL)
        return kerf__fail_memory("prune", num);
    memset(ones, 1, num);
    kerf_status status = mark(g, s, weight, ones);
    free(ones);
    return status;
}

int kerf__is_mask_of(const kerf_node *n, const kerf_value *weight)
{
    return strcmp(n->op, "kerf.Mask") == 0 && n->inputs[0] == weight;
}

/* What the method wants of the Mask that is or was there. */
static kerf_status set_method(const kerf_graph *g, const kerf_value *weight,
                              const kerf__prune_way *way)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        if (!kerf__is_mask_of(n, weight))
            continue;
        KERF__TRY(kerf_node_set_int(n, "hard", !way->is_soft));
        if (way->remembers != NULL)
            KERF__TRY(kerf_node_set_string(n, "score", way->remembers));
    }
    return KERF_OK;
}

kerf_status kerf_prune_mark(kerf_graph *g, kerf_state *s, const kerf_prune_options *options)
{
    kerf__prune_targets targets;
    KERF__TRY(kerf__prune_check_options(options));
    KERF__TRY(kerf__prune_find(&targets, g, s, options->biases));
    kerf_status status = kerf__prune_choose(&targets, options);
    for (size_t i = 0; status == KERF_OK && i < targets.num; i++) {
        if (targets.at[i].mask == NULL)
            status = mark_with_ones(g, s, targets.at[i].weight);
        if (status == KERF_OK)
            status = set_method(g, targets.at[i].weight, kerf__prune_way_of(options->method));
    }
    kerf__prune_targets_free(&targets);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}

/* ---- when a method is through ------------------------------------------------------------ */

static kerf_status zero_behind(kerf_state *s, int weight_id, int mask_id)
{
    const size_t num = kerf_tensor_num_elements(kerf_state_get(s, weight_id)->tensor);
    float *weights = kerf__alloc(num, sizeof *weights);
    unsigned char *mask = kerf__alloc(num, 1);
    kerf_status status = weights != NULL && mask != NULL
                             ? kerf_state_read(s, weight_id, weights)
                             : kerf__fail_memory("prune", num * sizeof *weights);
    if (status == KERF_OK)
        status = kerf_state_read(s, mask_id, mask);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        weights[i] = mask[i] != 0 ? weights[i] : 0;
    if (status == KERF_OK)
        status = kerf_state_write(s, weight_id, weights);
    free(weights);
    free(mask);
    return status;
}

kerf_status kerf_prune_harden(kerf_graph *g, kerf_state *s)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        if (strcmp(n->op, "kerf.Mask") != 0)
            continue;
        if (kerf_node_int(n, "hard", 1) == 0)
            KERF__TRY(zero_behind(s, n->inputs[0]->state_id, n->inputs[1]->state_id));
        KERF__TRY(kerf_node_set_int(n, "hard", 1));
        if (kerf_node_string(n, "score", NULL) != NULL)
            KERF__TRY(kerf_node_set_string(n, "score", ""));
    }
    return KERF_OK;
}

/* ---- zeros that a file brings ------------------------------------------------------------ */

/* Reads a weight and makes the bytes of a mask that keeps its zeros. */
static kerf_status read_zeros(const kerf_state *s, const kerf_value *weight, char **mask,
                              size_t *num_zeros, size_t *num)
{
    *num = (size_t)kerf_shape_num_elements(weight->shape);
    *num_zeros = 0;
    *mask = kerf__alloc(*num, 1);
    float *data = kerf__alloc(*num, sizeof *data);
    kerf_status status = *mask != NULL && data != NULL
                             ? kerf_state_read(s, weight->state_id, data)
                             : kerf__fail_memory("prune", *num * sizeof *data);
    for (size_t i = 0; status == KERF_OK && i < *num; i++) {
        (*mask)[i] = data[i] != 0;
        *num_zeros += data[i] == 0;
    }
    free(data);
    return status;
}

/* The mask that is there has them, too. */
static kerf_status mark_or_write(kerf_graph *g, kerf_state *s, kerf_value *weight, const char *mask)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__is_mask_of(g->nodes[i], weight))
            return kerf_state_write(s, g->nodes[i]->inputs[1]->state_id, mask);
    return mark(g, s, weight, mask);
}

kerf_status kerf__prune_mark_zeros(kerf_graph *g, kerf_state *s, kerf_value *weight)
{
    char *mask = NULL;
    size_t num_zeros, num;
    kerf_status status = read_zeros(s, weight, &mask, &num_zeros, &num);
    if (status == KERF_OK && num_zeros > 0)
        status = mark_or_write(g, s, weight, mask);
    free(mask);
    return status;
}

kerf_status kerf_prune_keep_zeros(kerf_graph *g, kerf_state *s, double share, int *num_kept)
{
    kerf__prune_targets targets;
    *num_kept = 0;
    KERF__TRY(kerf__prune_find(&targets, g, s, 0));
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < targets.num; i++) {
        char *mask = NULL;
        size_t num_zeros, num;
        if (targets.at[i].mask != NULL)
            continue;
        status = read_zeros(s, targets.at[i].weight, &mask, &num_zeros, &num);
        if (status == KERF_OK && (double)num_zeros > share * (double)num) {
            status = mark(g, s, targets.at[i].weight, mask);
            *num_kept += status == KERF_OK;
        }
        free(mask);
    }
    kerf__prune_targets_free(&targets);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}
