/* compress/prune/prune_graph.c -- the small graph that one pruning event runs.
 *
 *     scores, mask --> TopKMask, ThresholdMask or RankMask --> next mask --> CountNonzero
 *     weight, next mask --> Mask --> next weight            and so each of its moments
 *
 * Nothing of a plan's work is special here: masks, weights and moments are states with next
 * values, the amounts are inputs.  Blocks are scored before the choice and spread after it
 * (prune_blocks.c).  Rows for the methods stand in the table at the end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_making.h"

kerf_status kerf__making_state(const kerf__making *m, int id, kerf_value **out)
{
    const kerf_state_entry *e = kerf_state_get(m->s, id);
    *out = kerf_graph_find(m->g, e->name); /* several may want it */
    if (*out != NULL)
        return KERF_OK;
    return kerf_graph_add_state(m->g, e->name, id, kerf_tensor_type(e->tensor),
                                kerf_tensor_shape(e->tensor), out);
}

/* "count.3": names of ends that the pruner asks for. */
static void name_end(char *text, size_t text_bytes, const char *what, size_t layer)
{
    snprintf(text, text_bytes, "%s.%zu", what, layer);
}

kerf_status kerf__making_input(const kerf__making *m, const char *what, size_t layer,
                               kerf_type type, kerf_value **out)
{
    char name[32];
    name_end(name, sizeof name, what, layer);
    return kerf_graph_add_input(m->g, name, type, KERF_SCALAR, out);
}

kerf_status kerf__making_output(const kerf__making *m, const char *what, size_t layer,
                                kerf_value *v)
{
    char name[32];
    name_end(name, sizeof name, what, layer);
    KERF__TRY(kerf_value_rename(m->g, v, name));
    return kerf_graph_add_output(m->g, v);
}

kerf_status kerf__making_node(const kerf__making *m, const char *op, kerf_value *const *inputs,
                              int num_inputs, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(m->g, op, NULL, inputs, num_inputs, 1, &n));
    *out = n->outputs[0];
    return KERF_OK;
}

/* ---- what masks are chosen by ------------------------------------------------------------ */

kerf_status kerf__making_remembered(const kerf__making *m, size_t layer, kerf_value **out)
{
    const kerf__prune_target *t = &m->targets->at[layer];
    char name[512];
    snprintf(name, sizeof name, "%s.score", kerf_state_get(m->s, t->weight->state_id)->name);
    const kerf_state_entry *e = kerf_state_find(m->s, name);
    if (e == NULL || e->owner != t->weight->state_id)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: '%s' has no score yet: this method chooses by gradients, so it "
                          "must be part of a training",
                          t->weight->name);
    return kerf__making_state(m, e->id, out);
}

static kerf_status add_scores(const kerf__making *m, size_t i)
{
    kerf__making_layer *l = &m->layers[i];
    kerf_tensor *numbers;
    l->scores = l->weight;
    if (m->way->add_scores != NULL)
        return m->way->add_scores(m, i, &l->scores);
    if (m->way->numbers == NULL)
        return KERF_OK;
    KERF__TRY(m->way->numbers(&numbers, m->options, &m->targets->at[i]));
    return kerf_graph_add_constant(m->g, NULL, numbers, &l->scores);
}

static kerf_status add_ones(const kerf__making *m, kerf_shape shape, kerf_value **out)
{
    kerf_tensor *ones;
    KERF__TRY(kerf_tensor_create(&ones, NULL, KERF_BOOL, shape));
    memset(kerf_tensor_data(ones), 1, kerf_tensor_size_bytes(ones));
    return kerf_graph_add_constant(m->g, NULL, ones, out);
}

static kerf_status add_layer(const kerf__making *m, size_t i)
{
    kerf__making_layer *l = &m->layers[i];
    KERF__TRY(kerf__making_state(m, m->targets->at[i].weight->state_id, &l->weight));
    KERF__TRY(kerf__making_state(m, m->targets->at[i].mask->state_id, &l->mask));
    l->may = l->mask;
    if (m->way->is_soft || m->way->exchanges)
        KERF__TRY(add_ones(m, l->weight->shape, &l->may));
    l->was = m->way->is_soft ? l->may : l->mask;
    KERF__TRY(add_scores(m, i));
    return kerf__making_pool(m, i, l->scores, l->was, &l->unit_scores, &l->unit_was);
}

/* ---- so and so many of the smallest ------------------------------------------------------ */

kerf_status kerf__making_top_k(const kerf__making *m, kerf_value *count, size_t first, size_t num,
                               kerf_value *const *scores, kerf_value *const *was, kerf_value **next,
                               kerf_value **threshold)
{
    kerf_value **inputs = kerf__alloc(1 + 2 * num, sizeof(kerf_value *));
    if (inputs == NULL)
        return kerf__fail_memory("prune", (1 + 2 * num) * sizeof(kerf_value *));
    kerf_node *n = NULL;
    inputs[0] = count;
    for (size_t i = 0; i < num; i++) {
        inputs[1 + 2 * i] = scores[first + i];
        inputs[2 + 2 * i] = was[first + i];
    }
    kerf_status status = kerf_graph_add_node(m->g, "kerf.TopKMask", NULL, inputs,
                                             (int)(1 + 2 * num), (int)num + 1, &n);
    free(inputs);
    KERF__TRY(status);
    for (size_t i = 0; i < num; i++)
        next[first + i] = n->outputs[i];
    if (threshold != NULL)
        *threshold = n->outputs[num];
    return kerf_node_set_int(n, "signed", m->way->is_signed);
}

/* One choice among the layers first .. first + num - 1; the lists are by layer. */
static kerf_status choose_some(const kerf__making *m, size_t first, size_t num, kerf_value **scores,
                               kerf_value **was, kerf_value **next)
{
    kerf_value *count, *threshold;
    KERF__TRY(kerf__making_input(m, "count", first, KERF_S32, &count));
    KERF__TRY(kerf__making_top_k(m, count, first, num, scores, was, next, &threshold));
    return kerf__making_output(m, "threshold", first, threshold);
}

size_t kerf__making_step(const kerf__making *m)
{
    return m->options->scope == KERF_SCOPE_GLOBAL ? m->targets->num : 1;
}

/* What a layer must keep counts as endless, so the choice among all leaves it. */
static kerf_status add_bound(const kerf__making *m, size_t i, kerf_value **scores)
{
    const kerf__making_layer *l = &m->layers[i];
    kerf_value *count, *endless, *kept[1] = {NULL};
    kerf_tensor *number;
    KERF__TRY(kerf_tensor_create(&number, NULL, KERF_F32, KERF_SCALAR));
    *(float *)kerf_tensor_data(number) = INFINITY;
    KERF__TRY(kerf_graph_add_constant(m->g, NULL, number, &endless));
    KERF__TRY(kerf__making_input(m, "bound", i, KERF_S32, &count));
    KERF__TRY(kerf__making_top_k(m, count, 0, 1, &l->unit_scores, &l->unit_was, kept, NULL));
    return kerf__making_node(m, "Where", (kerf_value *[]){kept[0], endless, l->unit_scores}, 3,
                             scores);
}

static kerf_status add_choice_by_rank(const kerf__making *m)
{
    const size_t num = m->targets->num;
    const size_t step = kerf__making_step(m);
    kerf_value **lists = kerf__alloc(3 * num, sizeof(kerf_value *));
    if (lists == NULL)
        return kerf__fail_memory("prune", 3 * num * sizeof(kerf_value *));
    kerf_value **scores = lists, **was = lists + num, **next = lists + 2 * num;
    for (size_t i = 0; i < num; i++) {
        scores[i] = m->layers[i].unit_scores;
        was[i] = m->layers[i].unit_was;
    }
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < num && kerf__prune_has_bounds(m->options); i++)
        status = add_bound(m, i, &scores[i]);
    for (size_t i = 0; status == KERF_OK && i < num; i += step)
        status = choose_some(m, i, step, scores, was, next);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        m->layers[i].unit_next = next[i];
    free(lists);
    return status;
}

/* ---- all up to a threshold --------------------------------------------------------------- */

static kerf_status add_threshold(const kerf__making *m, size_t i, kerf_value **out)
{
    kerf_value *factor, *deviation;
    KERF__TRY(kerf__making_input(m, "factor", i, KERF_F32, &factor));
    *out = factor;
    if (!m->way->by_deviation)
        return KERF_OK;
    KERF__TRY(kerf__making_node(m, "kerf.StdDev", &m->layers[i].weight, 1, &deviation));
    KERF__TRY(kerf__making_node(m, "Mul", (kerf_value *[]){deviation, factor}, 2, out));
    return kerf__making_output(m, "threshold", i, *out);
}

static kerf_status add_choice_by_threshold(const kerf__making *m)
{
    for (size_t i = 0; i < m->targets->num; i++) {
        kerf__making_layer *l = &m->layers[i];
        kerf_value *threshold;
        KERF__TRY(add_threshold(m, i, &threshold));
        KERF__TRY(kerf__making_node(m, "kerf.ThresholdMask",
                                    (kerf_value *[]){threshold, l->unit_scores, l->unit_was}, 3,
                                    &l->unit_next));
    }
    return KERF_OK;
}

/* ---- zeroes behind the masks ------------------------------------------------------------- */

static kerf_status add_masked(const kerf__making *m, kerf_value *state, kerf_value *mask)
{
    kerf_value *masked;
    KERF__TRY(kerf__making_node(m, "kerf.Mask", (kerf_value *[]){state, mask}, 2, &masked));
    masked->next_of = state->state_id;
    return KERF_OK;
}

/* The weight and every moment of its shape. */
static kerf_status add_zeroing(const kerf__making *m, size_t i)
{
    const kerf__making_layer *l = &m->layers[i];
    KERF__TRY(add_masked(m, l->weight, l->next_mask));
    for (int id = 0; id < kerf_state_num_ids(m->s); id++) {
        const kerf_state_entry *e = kerf_state_get(m->s, id);
        kerf_value *moment;
        if (e == NULL || e->role != KERF_ROLE_MOMENT || e->owner != l->weight->state_id ||
            !kerf_shape_equal(kerf_tensor_shape(e->tensor), l->weight->shape))
            continue;
        KERF__TRY(kerf__making_state(m, id, &moment));
        KERF__TRY(add_masked(m, moment, l->next_mask));
    }
    return KERF_OK;
}

static kerf_status add_ends(const kerf__making *m, size_t i)
{
    kerf__making_layer *l = &m->layers[i];
    kerf_value *count;
    l->next_mask->next_of = l->mask->state_id;
    if (!m->way->is_soft)
        KERF__TRY(add_zeroing(m, i));
    KERF__TRY(kerf__making_node(m, "kerf.CountNonzero", &l->next_mask, 1, &count));
    return kerf__making_output(m, "nonzeros", i, count);
}

/* ---- all of it --------------------------------------------------------------------------- */

static kerf_status add_choice(const kerf__making *m)
{
    if (m->options->structure == KERF_STRUCTURE_N_OF_M) {
        for (size_t i = 0; i < m->targets->num; i++)
            KERF__TRY(kerf__making_rank(m, i));
        return KERF_OK;
    }
    KERF__TRY(m->way->add_choice != NULL ? m->way->add_choice(m)
              : m->way->by_rank          ? add_choice_by_rank(m)
                                         : add_choice_by_threshold(m));
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(kerf__making_spread(m, i, m->layers[i].unit_next, &m->layers[i].next_mask));
    return KERF_OK;
}

static kerf_status make(const kerf__making *m)
{
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(add_layer(m, i));
    KERF__TRY(add_choice(m));
    for (size_t i = 0; i < m->targets->num; i++)
        KERF__TRY(add_ends(m, i));
    return KERF_OK;
}

kerf_status kerf__prune_make_graph(kerf_graph **out, const kerf_state *s,
                                   const kerf_prune_options *options,
                                   const kerf__prune_targets *targets)
{
    kerf__making m = {
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

static const kerf__prune_way MAGNITUDE = {.by_rank = 1, .shows_threshold = 1};
static const kerf__prune_way RANDOM = {.by_rank = 1, .numbers = kerf__prune_random_numbers};
static const kerf__prune_way DEVIATION = {.by_deviation = 1, .shows_threshold = 1};
static const kerf__prune_way MASK_FILE = {.numbers = kerf__prune_file_numbers};

const kerf__prune_way *kerf__prune_way_of(kerf_prune_method method)
{
    static const kerf__prune_way *const WAYS[] = {
        [KERF_PRUNE_MAGNITUDE] = &MAGNITUDE,
        [KERF_PRUNE_RANDOM] = &RANDOM,
        [KERF_PRUNE_STD] = &DEVIATION,
        [KERF_PRUNE_MASK] = &MASK_FILE,
        [KERF_PRUNE_SOFT] = &kerf__prune_soft,
        [KERF_PRUNE_SURGERY] = &kerf__prune_surgery,
        [KERF_PRUNE_MOVEMENT] = &kerf__prune_movement,
        [KERF_PRUNE_TAYLOR] = &kerf__prune_taylor,
        [KERF_PRUNE_SNIP] = &kerf__prune_snip,
        [KERF_PRUNE_OBD] = &kerf__prune_obd,
        [KERF_PRUNE_RIGL] = &kerf__prune_rigl,
    };
    return WAYS[method];
}

int kerf_prune_needs_training(kerf_prune_method method)
{
    return (unsigned)method < KERF_NUM_PRUNE_METHODS &&
           kerf__prune_way_of(method)->remembers != NULL;
}
