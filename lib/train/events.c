/* train/events.c -- what happens at an event; see schedule.h for when.
 *
 * A handler moves position.next itself, between what must be saved before and after it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "compress/prune/prune_internal.h"
#include "train/train_internal.h"

/* ---- the loss ------------------------------------------------------------------------------ */

static kerf_status diverged(const kerf__run *run, double loss)
{
    const kerf_train_options *o = run->options;
    return kerf__fail(KERF_ERR_DIVERGED,
                      "train: the loss became %g by step %lld (epoch %lld): training diverged; try "
                      "a smaller lr than %g, a warmup longer than %s, or look for values in "
                      "the data that are not numbers",
                      loss, (long long)run->position.step,
                      (long long)((run->position.step - 1) / run->schedule.steps_per_epoch + 1),
                      o->lr, kerf__time_print(o->warmup).at);
}

/* Where every step since the last look was skipped, however small the scale has become. */
static kerf_status check_scale(const kerf__run *run, int64_t num_samples)
{
    kerf_loss_scale now = {0};
    if (run->options->precision != KERF_PRECISION_MIXED || num_samples > 0)
        return KERF_OK;
    KERF__TRY(kerf_loss_scale_read(&now, run->s));
    if (now.skipped == 0 || now.scale > 1)
        return KERF_OK;
    return kerf__fail(
        KERF_ERR_DIVERGED,
        "train: %lld steps were skipped by step %lld, as numbers are beyond 65504, the "
        "largest that float16 holds, although the loss is not scaled any more: "
        "precision must be f32, or lr smaller than %g",
        (long long)now.skipped, (long long)run->position.step, run->options->lr);
}

/* Takes what was summed on the device since the last time. */
static kerf_status read_loss(kerf__run *run)
{
    kerf_metrics m;
    KERF__TRY(kerf_plan_read_metrics(run->plan, &m));
    KERF__TRY(kerf__metrics_join(run->options->ranks, &m));
    KERF__TRY(check_scale(run, m.samples));
    if (m.samples > 0)
        run->loss = m.loss / (double)m.samples;
    if (!isfinite(m.loss))
        return diverged(run, run->loss);
    run->position.loss += m.loss;
    run->position.samples += m.samples;
    return KERF_OK;
}

static kerf_status check(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(read_loss(run));
    run->position.next++;
    return KERF_OK;
}

/* Zeros among all that layers multiply by, from the masks. */
kerf_status kerf__run_read_sparsity(kerf__run *run)
{
    kerf__prune_targets targets;
    KERF__TRY(kerf__prune_find(&targets, run->g, run->s, 0));
    int64_t zeros = 0, total = 0;
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < targets.num; i++) {
        size_t num = (size_t)kerf_shape_num_elements(targets.at[i].weight->shape);
        int64_t nonzeros = (int64_t)num;
        if (targets.at[i].mask != NULL)
            status = kerf__mask_read_nonzeros(run->s, targets.at[i].mask->state_id, &nonzeros);
        zeros += (int64_t)num - nonzeros;
        total += (int64_t)num;
    }
    kerf__prune_targets_free(&targets);
    run->sparsity = total > 0 ? (double)zeros / (double)total : 0;
    return status;
}

/* ---- the end of an epoch -------------------------------------------------------------------- */

/* Hits first, then loss; of equals the earlier epoch stays. */
static int is_better(const kerf__position *p, const kerf_epoch *e)
{
    if (p->best_epoch == 0 || e->val_top1 != p->best_top1)
        return p->best_epoch == 0 || e->val_top1 > p->best_top1;
    return e->val_loss < p->best_loss;
}

/* A host copy without what only the next step needs. */
static kerf_status keep_best(kerf__run *run, const kerf_epoch *e)
{
    kerf_state *copy;
    KERF__TRY(kerf_state_copy(&copy, run->s, NULL));
    kerf__run_forget(copy);
    kerf_state_destroy(run->best);
    run->best = copy;
    run->position.best_epoch = e->epoch;
    run->position.best_top1 = e->val_top1;
    run->position.best_loss = e->val_loss;
    return KERF_OK;
}

static kerf_status measure(kerf__run *run, kerf_epoch *e)
{
    kerf_evaluation result;
    if (run->evaluator.samples == 0)
        return KERF_OK;
    KERF__TRY(kerf__evaluator_run(&run->evaluator, &result, NULL));
    e->val_top1 = result.top1;
    e->val_loss = result.loss;
    /* What is pruned later is another network: its epochs are compared among themselves. */
    if (run->options->keep_best && !kerf__has_gates(&run->schedule) &&
        run->position.step > run->schedule.last_change && is_better(&run->position, e))
        return keep_best(run, e);
    return KERF_OK;
}

static kerf_status remember(kerf__run *run, const kerf_epoch *e)
{
    if (!kerf__grow((void **)&run->epochs, &run->epoch_capacity, run->num_epochs,
                    sizeof *run->epochs))
        return kerf__fail_memory("train", run->num_epochs * sizeof *run->epochs);
    run->epochs[run->num_epochs++] = *e;
    return kerf__run_add_metrics(run, e);
}

static kerf_status end_epoch(kerf__run *run, const kerf__event *event)
{
    kerf__position *p = &run->position;
    KERF__TRY(read_loss(run));
    kerf_epoch e = {.epoch = event->index,
                    .loss = p->samples > 0 ? p->loss / (double)p->samples : NAN,
                    .val_top1 = NAN,
                    .val_loss = NAN,
                    .lr = (double)kerf__schedule_rate(&run->schedule, p->step),
                    .sparsity = run->sparsity};
    KERF__TRY(measure(run, &e));
    double now_ms = kerf__now_ms();
    e.seconds = p->seconds + (now_ms - run->epoch_ms) / 1e3;
    KERF__TRY(remember(run, &e));
    p->loss = 0;
    p->samples = 0;
    p->seconds = 0;
    run->epoch_ms = now_ms;
    p->next++;
    KERF__TRY(kerf__run_save(run));
    kerf__run_tell(run, &(kerf_train_progress){.finished = &run->epochs[run->num_epochs - 1]});
    return KERF_OK;
}

/* ---- pruning ------------------------------------------------------------------------------- */

/* Saved on both sides: an event that is through is not repeated. */
static kerf_status begin_change(kerf__run *run)
{
    KERF__TRY(read_loss(run));
    return kerf__run_save(run);
}

static kerf_status end_change(kerf__run *run)
{
    KERF__TRY(kerf__run_read_sparsity(run));
    KERF__TRY(kerf__run_follow_zeros(run));
    run->position.next++;
    return kerf__run_save(run);
}

static kerf_status prune(kerf__run *run, const kerf__event *event)
{
    const kerf_prune_schedule *prune = &run->schedule.prunes[event->of];
    kerf_pruner *pruner = run->pruners[event->of];
    KERF__TRY(begin_change(run));
    kerf__pruner_set_time(pruner,
                          prune->events > 1 ? (event->index - 1) / (prune->events - 1.0) : 1);
    KERF__TRY(
        kerf_pruner_apply(pruner, kerf_prune_curve_at(prune->curve, event->index, prune->events)));
    if (prune->rewinds)
        KERF__TRY(kerf__lottery_rewind(run->s));
    KERF__TRY(end_change(run));
    kerf__run_tell(run, &(kerf_train_progress){.pruned = run->pruners[event->of]});
    return KERF_OK;
}

static kerf_status keep(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(begin_change(run));
    KERF__TRY(kerf__lottery_keep(run->s));
    return end_change(run);
}

static kerf_status lift(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(begin_change(run));
    KERF__TRY(kerf_prune_lift(run->s));
    return end_change(run);
}

/* ---- other changes -------------------------------------------------------------------------- */

static kerf_status quantize(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(begin_change(run));
    KERF__TRY(kerf__run_round(run));
    return end_change(run);
}

static kerf_status freeze(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(begin_change(run));
    KERF__TRY(kerf__run_follow_frozen(run));
    return end_change(run);
}

/* ---- what changes nothing ------------------------------------------------------------------- */

static kerf_status evaluate(kerf__run *run, const kerf__event *event)
{
    kerf_evaluation result;
    (void)event;
    run->position.next++;
    if (run->evaluator.samples == 0)
        return KERF_OK;
    KERF__TRY(kerf__evaluator_run(&run->evaluator, &result, NULL));
    kerf__run_tell(run, &(kerf_train_progress){.evaluated = &result});
    return KERF_OK;
}

static kerf_status save(kerf__run *run, const kerf__event *event)
{
    (void)event;
    KERF__TRY(read_loss(run));
    run->position.next++;
    return kerf__run_save(run);
}

static kerf_status call(kerf__run *run, const kerf__event *event)
{
    const kerf_call_event *c = &run->options->events[event->of].call;
    run->position.next++;
    if (c->call(c->context, run->position.step) != 0)
        kerf__run_wish_stop(run);
    return KERF_OK;
}

static kerf_status meet(kerf__run *run, const kerf__event *event)
{
    (void)event;
    run->position.next++;
    return KERF_OK;
}

static kerf_status (*const HANDLERS[KERF__NUM_EVENTS])(kerf__run *, const kerf__event *) = {
    [KERF__EVENT_CHECK] = check,   [KERF__EVENT_EPOCH] = end_epoch,
    [KERF__EVENT_KEEP] = keep,     [KERF__EVENT_PRUNE] = prune,
    [KERF__EVENT_LIFT] = lift,     [KERF__EVENT_QUANTIZE] = quantize,
    [KERF__EVENT_FREEZE] = freeze, [KERF__EVENT_EVALUATE] = evaluate,
    [KERF__EVENT_SAVE] = save,     [KERF__EVENT_CALL] = call,
    [KERF__EVENT_MEET] = meet,
};

static int changes_network(kerf__event_kind kind)
{
    return kind == KERF__EVENT_PRUNE || kind == KERF__EVENT_LIFT || kind == KERF__EVENT_KEEP ||
           kind == KERF__EVENT_QUANTIZE || kind == KERF__EVENT_FREEZE;
}

kerf_status kerf__run_event(kerf__run *run, const kerf__event *event)
{
    KERF__TRY(kerf__run_meet(run));
    KERF__TRY(kerf__run_align(run));
    KERF__TRY(HANDLERS[event->kind](run, event));
    if (run->buckets.plan != NULL)
        kerf__buckets_forget(&run->buckets);
    if (changes_network(event->kind))
        KERF__TRY(kerf__run_align(run));
    return kerf__run_agree_to_stop(run);
}
