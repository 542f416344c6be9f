/* train/penalty.c -- which weights a run's penalty draws to 0, and in which groups; the arithmetic
 * is plan/shrink.c's, the strength by step learning_rate.c's. */
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
    if (o->penalty.kind == KERF_PENALTY_NONE)
        return KERF_OK;
    KERF__TRY(kerf__prune_find(&targets, run->g, run->s, 0));
    kerf_status status = kerf__prune_choose(&targets, &o->prune.options);
    if (status == KERF_OK)
        status = make_list(out, &targets, run->s, o->penalty.kind);
    *num = targets.num;
    kerf__prune_targets_free(&targets);
    return status;
}
