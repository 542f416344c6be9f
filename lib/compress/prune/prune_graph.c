/* compress/prune/prune_graph.c -- the small graph that one pruning event runs.
 *
 *     magnitudes, mask --> TopKMask or ThresholdMask --> next mask --> CountNonzero
 *     weight, next mask --> Mask --> next weight         and so each of its moments
 *
 * Nothing of a plan's work is special here: masks, weights and moments are states with next
 * values, the amounts are inputs.  Rows for the methods stand in the table at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

/* A layer's values in the graph that is being made. */
typedef struct layer_values {
    kerf_value *magnitudes, *weight, *mask, *next_mask, *threshold;
} layer_values;

typedef struct making {
    kerf_graph *g;
    const kerf_state *s;
    const kerf_prune_options *options;
    const kerf__prune_way *way;
    const kerf__prune_targets *targets;
    layer_values *layers; /* owned */
} making;

static kerf_status add_state(const making *m, int id, kerf_value **out)
{
    const kerf_state_entry *e = kerf_state_get(m->s, id);
    return kerf_graph_add_state(m->g, e->name, id, kerf_tensor_type(e->tensor),
                                kerf_tensor_shape(e->tensor), out);
}

/* "count.3": names of ends that the pruner asks for. */
static void name_end(char *text, size_t text_bytes, const char *what, size_t layer)
{
    snprintf(text, text_bytes, "%s.%zu", what, layer);
}

static kerf_status add_scalar_input(const making *m, const char *what, size_t layer, kerf_type type,
                                    kerf_value **out)
{
    char name[32];
    name_end(name, sizeof name, what, layer);
    return kerf_graph_add_input(m->g, name, type, KERF_SCALAR, out);
}

static kerf_status add_output(const making *m, const char *what, size_t layer, kerf_value *v)
{
    char name[32];
    name_end(name, sizeof name, what, layer);
    KERF__TRY(kerf_value_rename(m->g, v, name));
    return kerf_graph_add_output(m->g, v);
}

/* ---- what masks are chosen by ------------------------------------------------------------ */

static kerf_status add_magnitudes(const making *m, size_t i)
{
    layer_values *v = &m->layers[i];
    kerf_tensor *numbers;
    v->magnitudes = v->weight;
    if (m->way->numbers == NULL)
        return KERF_OK;
    KERF__TRY(m->way->numbers(&numbers, m->options, &m->targets->at[i]));
    return kerf_graph_add_constant(m->g, NULL, numbers, &v->magnitudes);
}

static kerf_status add_layer(const making *m, size_t i)
{
    layer_values *v = &m->layers[i];
    KERF__TRY(add_state(m, m->targets->at[i].weight->state_id, &v->weight));
    KERF__TRY(add_state(m, m->targets->at[i].mask->state_id, &v->mask));
    return add_magnitudes(m, i);
}

/* ---- so and so many of the smallest ------------------------------------------------------ */

/* One choice among the layers first .. first + num - 1. */
static kerf_status add_top_k(const making *m, size_t first, size_t num)
{
    kerf_value **inputs = kerf__alloc(1 + 2 * num, sizeof(kerf_value *));
    if (inputs == NULL)
        return kerf__fail_memory("prune", (1 + 2 * num) * sizeof(kerf_value *));
    kerf_node *n = NULL;
    kerf_status status = add_scalar_input(m, "count", first, KERF_S32, &inputs[0]);
    for (size_t i = 0; i < num; i++) {
        inputs[1 + 2 * i] = m->layers[first + i].magnitudes;
        inputs[2 + 2 * i] = m->layers[first + i].mask;
    }
    if (status == KERF_OK)
        status = kerf_graph_add_node(m->g, "kerf.TopKMask", NULL, inputs, (int)(1 + 2 * num),
                                     (int)num + 1, &n);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        m->layers[first + i].next_mask = n->outputs[i];
    if (status == KERF_OK)
        status = add_output(m, "threshold", first, n->outputs[num]);
    free(inputs);
    return status;
}

static kerf_status add_choice_by_rank(const making *m)
{
    if (m->options->scope == KERF_SCOPE_GLOBAL)
        return add_top_k(m, 0, m->targets->num);
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(add_top_k(m, i, 1));
    return KERF_OK;
}

/* ---- all up to a threshold --------------------------------------------------------------- */

static kerf_status add_threshold(const making *m, size_t i, kerf_value **out)
{
    kerf_node *n;
    kerf_value *factor;
    KERF__TRY(add_scalar_input(m, "factor", i, KERF_F32, &factor));
    *out = factor;
    if (!m->way->by_deviation)
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.StdDev", NULL, &m->layers[i].weight, 1, 1, &n));
    KERF__TRY(
        kerf_graph_add_node(m->g, "Mul", NULL, (kerf_value *[]){n->outputs[0], factor}, 2, 1, &n));
    *out = n->outputs[0];
    return add_output(m, "threshold", i, *out);
}

static kerf_status add_choice_by_threshold(const making *m)
{
    for (size_t i = 0; i < m->targets->num; i++) {
        layer_values *v = &m->layers[i];
        kerf_value *threshold;
        kerf_node *n;
        KERF__TRY(add_threshold(m, i, &threshold));
        KERF__TRY(kerf_graph_add_node(m->g, "kerf.ThresholdMask", NULL,
                                      (kerf_value *[]){threshold, v->magnitudes, v->mask}, 3, 1,
                                      &n));
        v->next_mask = n->outputs[0];
    }
    return KERF_OK;
}

/* ---- zeroes behind the masks ------------------------------------------------------------- */

static kerf_status add_masked(const making *m, kerf_value *state, kerf_value *mask)
{
    kerf_node *n;
    KERF__TRY(
        kerf_graph_add_node(m->g, "kerf.Mask", NULL, (kerf_value *[]){state, mask}, 2, 1, &n));
    n->outputs[0]->next_of = state->state_id;
    return KERF_OK;
}

/* The weight and every moment of its shape. */
static kerf_status add_zeroing(const making *m, size_t i)
{
    const layer_values *v = &m->layers[i];
    kerf_node *n;
    v->next_mask->next_of = v->mask->state_id;
    KERF__TRY(add_masked(m, v->weight, v->next_mask));
    for (int id = 0; id < kerf_state_num_ids(m->s); id++) {
        const kerf_state_entry *e = kerf_state_get(m->s, id);
        kerf_value *moment;
        if (e == NULL || e->role != KERF_ROLE_MOMENT || e->owner != v->weight->state_id ||
            !kerf_shape_equal(kerf_tensor_shape(e->tensor), v->weight->shape))
            continue;
        KERF__TRY(add_state(m, id, &moment));
        KERF__TRY(add_masked(m, moment, v->next_mask));
    }
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.CountNonzero", NULL, &v->next_mask, 1, 1, &n));
    return add_output(m, "nonzeros", i, n->outputs[0]);
}

/* ---- all of it --------------------------------------------------------------------------- */

static kerf_status make(const making *m)
{
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(add_layer(m, i));
    KERF__TRY(m->way->by_rank ? add_choice_by_rank(m) : add_choice_by_threshold(m));
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(add_zeroing(m, i));
    return KERF_OK;
}

kerf_status kerf__prune_make_graph(kerf_graph **out, const kerf_state *s,
                                   const kerf_prune_options *options,
                                   const kerf__prune_targets *targets)
{
    making m = {
        .s = s, .options = options, .way = kerf__prune_way_of(options->method), .targets = targets};
    *out = NULL;
    m.layers = kerf__alloc(targets->num, sizeof *m.layers);
    kerf_status status = m.layers != NULL
                             ? kerf_graph_create(&m.g)
                             : kerf__fail_memory("prune", targets->num * sizeof *m.layers);
    if (status == KERF_OK)
        status = make(&m);
    free(m.layers);
    if (status != KERF_OK) {
        kerf_graph_destroy(m.g);
        return status;
    }
    *out = m.g;
    return KERF_OK;
}

const kerf__prune_way *kerf__prune_way_of(kerf_prune_method method)
{
    static const kerf__prune_way WAYS[] = {
        [KERF_PRUNE_MAGNITUDE] = {.by_rank = 1, .shows_threshold = 1},
        [KERF_PRUNE_RANDOM] = {.by_rank = 1, .numbers = kerf__prune_random_numbers},
        [KERF_PRUNE_STD] = {.by_deviation = 1, .shows_threshold = 1},
        [KERF_PRUNE_MASK] = {.numbers = kerf__prune_file_numbers},
    };
    return &WAYS[method];
}
