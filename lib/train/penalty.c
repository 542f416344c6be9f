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

kerf_status kerf__run_shrunk(const kerf__run *run, kerf_shrunk_weight **out, size_t *num)
{
    const kerf_train_options *o = run->options;
    kerf__prune_targets targets;
    *out = NULL;
    *num = 0;
    if (o->penalty.kind != KERF_PENALTY_L1 && o->penalty.kind != KERF_PENALTY_GROUP)
        return KERF_OK;
    KERF__TRY(kerf__prune_find(&targets, run->g, run->s, 0));
    kerf_status status = kerf__prune_choose(&targets, &o->prune.options);
    if (status == KERF_OK)
        status = make_list(out, &targets, run->s, o->penalty.kind);
    *num = targets.num;
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

int kerf__has_gates(const kerf_train_options *o)
{
    return GATES[o->penalty.kind].kind != NULL;
}

kerf_status kerf__run_add_gates(const kerf__run *run)
{
    /* By Adam a parameter moves so far in a step, of which an open gate needs some hundred to
     * close; the schedule of the weights' rate holds for it. */
    static const double RATE = 0.01;
    const kerf_train_options *o = run->options;
    const kerf__gate_options gates = {.kind = GATES[o->penalty.kind].kind,
                                      .by_outputs = GATES[o->penalty.kind].by_outputs,
                                      .rate = o->lr > 0 ? (float)(RATE / o->lr) : 1,
                                      .freeze = o->freeze,
                                      .num_freeze = o->num_freeze};
    return gates.kind != NULL ? kerf__prune_add_gates(run->g, run->s, &o->prune.options, &gates)
                              : KERF_OK;
}
