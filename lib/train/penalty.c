/* train/penalty.c -- which weights a run's penalty draws to 0, and in which groups; the arithmetic
 * is plan/shrink.c's or that of gates (plan/gates.h), the strength by step learning_rate.c's. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "train/train_internal.h"

static kerf_status fill(kerf_shrunk_weight *out, const kerf__prune_target *t, const kerf_state *s,
                        kerf_penalty_kind kind)
{
    int columns;
    *out = (kerf_shrunk_weight){kerf_state_get(s, t->weight->state_id)->name, -1};
    return kind == KERF_PENALTY_GROUP ? kerf__prune_axes(t, &out->axis, &columns) : KERF_OK;
}

static kerf_status make_list(kerf_shrunk_weight **out, const kerf__prune_targets *targets,
                             const kerf_state *s, kerf_penalty_kind kind)
{
    *out = kerf__alloc(targets->num, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("train", targets->num * sizeof **out);
    for (size_t i = 0; i < targets->num; i++)
        KERF__TRY(fill(&(*out)[i], &targets->at[i], s, kind));
    return KERF_OK;
}

/* ---- scales -------------------------------------------------------------------------------- */

/* 1 if v is what a layer gives, but none that was chosen. */
static int is_of_another(const kerf_value *v, const kerf__prune_targets *all,
                         const kerf__prune_targets *chosen)
{
    int is_layers = 0;
    for (size_t i = 0; i < chosen->num; i++)
        if (chosen->at[i].user == v->producer)
            return 0;
    for (size_t i = 0; i < all->num; i++)
        is_layers |= all->at[i].user == v->producer;
    return is_layers;
}

/* Scales behind layers that were chosen, and those that stand before layers and behind none. */
static kerf_status list_scales(kerf_shrunk_weight **out, size_t *num, const kerf__run *run,
                               const kerf__prune_targets *all, const kerf__prune_targets *chosen)
{
    *out = kerf__alloc(run->g->num_nodes, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("train", run->g->num_nodes * sizeof **out);
    for (size_t i = 0; i < run->g->num_nodes; i++) {
        const kerf_node *n = run->g->nodes[i];
        if (!kerf__node_is(n, "BatchNormalization") || n->inputs[1]->kind != KERF__VALUE_STATE ||
            is_of_another(n->inputs[0], all, chosen))
            continue;
        (*out)[(*num)++] =
            (kerf_shrunk_weight){kerf_state_get(run->s, n->inputs[1]->state_id)->name, -1};
    }
    return *num > 0 ? KERF_OK
                    : kerf__fail(KERF_ERR_ARGUMENT,
                                 "train: penalty bn is of the scales of batch normalisation, must "
                                 "be of a network that has some behind the layers chosen");
}

/* ---- all of them --------------------------------------------------------------------------- */

/* The layers that it names, as prunings choose theirs. */
static kerf_prune_options layers_of(const kerf_penalty *p)
{
    return (kerf_prune_options){
        .layers = p->layers, .num_layers = p->num_layers, .skip = p->skip, .num_skip = p->num_skip};
}

static kerf_status list_all(kerf_shrunk_weight **out, size_t *num, const kerf__run *run,
                            kerf__prune_targets *targets)
{
    const kerf_penalty *p = run->schedule.penalty;
    const kerf_prune_options layers = layers_of(p);
    kerf__prune_targets all;
    if (p->kind != KERF_PENALTY_BN) {
        KERF__TRY(kerf__prune_choose(targets, &layers));
        *num = targets->num;
        return make_list(out, targets, run->s, p->kind);
    }
    KERF__TRY(kerf__prune_find(&all, run->g, run->s, 0));
    kerf_status status = kerf__prune_choose(targets, &layers);
    if (status == KERF_OK)
        status = list_scales(out, num, run, &all, targets);
    kerf__prune_targets_free(&all);
    return status;
}

kerf_status kerf__run_shrunk(const kerf__run *run, kerf_shrunk_weight **out, size_t *num)
{
    const kerf_penalty *p = run->schedule.penalty;
    kerf__prune_targets targets;
    *out = NULL;
    *num = 0;
    if (p == NULL ||
        (p->kind != KERF_PENALTY_L1 && p->kind != KERF_PENALTY_GROUP && p->kind != KERF_PENALTY_BN))
        return KERF_OK;
    KERF__TRY(kerf__prune_find(&targets, run->g, run->s, 0));
    kerf_status status = list_all(out, num, run, &targets);
    kerf__prune_targets_free(&targets);
    return status;
}

/* ---- gates --------------------------------------------------------------------------------- */

static const struct {
    const char *kind; /* NULL: no gates */
    int by_outputs;
} GATES[KERF_NUM_PENALTIES] = {
    [KERF_PENALTY_L0] = {"l0", 0},
    [KERF_PENALTY_L0_GROUP] = {"l0", 1},
    [KERF_PENALTY_VARIATIONAL] = {"variational", 0},
};

int kerf__has_gates(const kerf__schedule *s)
{
    return s->penalty != NULL && GATES[s->penalty->kind].kind != NULL;
}

int kerf__shrinks_saliencies(const kerf__schedule *s)
{
    return s->penalty != NULL && s->penalty->kind == KERF_PENALTY_SALIENCY;
}

kerf_status kerf__run_add_gates(const kerf__run *run)
{
    /* By Adam a parameter moves so far in a step, of which an open gate needs some hundred to
     * close; the schedule of the weights' rate holds for it. */
    static const double RATE = 0.01;
    const kerf_train_options *o = run->options;
    if (!kerf__has_gates(&run->schedule))
        return KERF_OK;
    const kerf_penalty *p = run->schedule.penalty;
    const kerf_prune_options layers = layers_of(p);
    const kerf__gate_options gates = {.kind = GATES[p->kind].kind,
                                      .by_outputs = GATES[p->kind].by_outputs,
                                      .rate = o->lr > 0 ? (float)(RATE / o->lr) : 1,
                                      .freeze = o->freeze,
                                      .num_freeze = o->num_freeze};
    return kerf__prune_add_gates(run->g, run->s, &layers, &gates);
}
