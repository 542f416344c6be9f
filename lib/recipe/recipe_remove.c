/* recipe/recipe_remove.c -- the step `remove`: channels or residual blocks that go for real when a
 * stage begins.
 *
 * In steps (`events`) it goes in as many stages, each with a part of it and a training of its own.
 *
 * A run's graph stays one graph from its first step to its last, so that a checkpoint can be taken
 * up by whoever has the options; a smaller network is another, and a stage begins with it.  Whoever
 * runs the recipe does it (host/run_removal.c), each time that the stage is begun: it goes by what
 * the stage begins with, by seed and by data, and so comes out the same when a stage is resumed. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/recipe_internal.h"

static kerf_status check(const kerf_recipe_stage *stage, const kerf__recipe_step *step)
{
    const kerf__recipe_remove *p = &step->of.remove;
    const int has_amount = p->sparsity.value > 0 || p->sparsity.num > 0;
    if (stage->removal != NULL)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "remove: stands twice in a stage, must be once");
    if (has_amount && p->macs != NULL)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "remove.macs: finds how much goes, must be without sparsity");
    if (p->structure == 0)
        return KERF_OK;
    if (p->sparsity.num > 0)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "remove.sparsity: residual blocks have one share, such as 0.25");
    if (!has_amount && p->macs == NULL)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "remove.sparsity: is missing, or macs: residual blocks want how "
                               "much goes");
    return KERF_OK;
}

int64_t kerf__recipe_num_rounds(const kerf__recipe_phase *phase)
{
    for (size_t i = 0; i < phase->steps.num; i++)
        if (kerf__recipe_kind_of(&phase->steps.items[i]) == KERF__STEP_REMOVE)
            return phase->steps.items[i].of.remove.events;
    return 1;
}

/* What is gone behind a round. */
static double part_at(const kerf__recipe_remove *p, int64_t at, int64_t num)
{
    return kerf_prune_curve_at((kerf_prune_curve)p->curve, (int)at, (int)num);
}

kerf_status kerf__recipe_add_removal(kerf__recipe *r, kerf_recipe_stage *stage,
                                     const kerf__recipe_step *step, kerf__recipe_round round)
{
    const kerf__recipe_remove *p = &step->of.remove;
    kerf_recipe_removal *removal = kerf__recipe_keep(r, 1, sizeof *removal);
    if (removal == NULL)
        return kerf__fail_memory("recipe", sizeof *removal);
    KERF__TRY(check(stage, step));
    *removal = (kerf_recipe_removal){.blocks = p->structure != 0,
                                     .channels = {.criterion = (kerf_channel_criterion)p->criterion,
                                                  .scope = (kerf_channel_scope)p->scope,
                                                  .amount = p->sparsity.value,
                                                  .amounts = p->sparsity.items,
                                                  .num_amounts = p->sparsity.num,
                                                  .layers = p->layers.items,
                                                  .num_layers = p->layers.num,
                                                  .skip = p->skip.items,
                                                  .num_skip = p->skip.num,
                                                  .least = p->min_channels,
                                                  .round_to = p->round_to,
                                                  .seed = (uint64_t)r->top.seed},
                                     .macs = p->macs,
                                     .samples = p->calibrate,
                                     .before = part_at(p, round.at - 1, round.num),
                                     .part = part_at(p, round.at, round.num)};
    stage->removal = removal;
    if (round.at < round.num)
        stage->train.epochs = p->retrain;
    return KERF_OK;
}
