/* train/exchange.c -- what ranks send each other in a step, which events of the schedule say:
 * gradients, as floats or by a byte each, or nothing for some steps of their own (local SGD, Stich
 * 2019), behind which weights and all that updates change become means.
 *
 * (1) How a step goes is a function of its number alone, so that a run which is taken up goes on
 *     alike.
 * (2) Ranks are apart behind a step of their own.  Behind an event they never are; so a checkpoint
 *     is whole, and resumes with any number of ranks.
 * (3) What bytes leave out is given up at events and not sent: it is less than a step of one
 *     gradient's scale, for which there is no update at that place, and would cost as much as a
 *     step of floats.
 * (4) A wish to stop travels with every sum and is followed where no rank keeps anything that the
 *     others, or the checkpoint, have not: behind a step of floats, at means, at events.
 *
 * Moving them: buckets.h. */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "train/train_internal.h"

/* ---- which ---------------------------------------------------------------------------------- */

static int is_local(const kerf__exchange *x)
{
    return x->how.local_steps > 1;
}

kerf_status kerf__schedule_exchange(kerf__schedule *s, int64_t begin, int64_t end,
                                    const kerf_exchange_event *how)
{
    if ((unsigned)how->gradients > KERF_GRADIENTS_INT8 || how->local_steps < 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: an exchange has gradients %d and %lld local steps: must be of "
                          "kerf/schedule.h, and at least 1",
                          (int)how->gradients, (long long)how->local_steps);
    if (how->local_steps > 1 && how->gradients != KERF_GRADIENTS_F32)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: after local steps weights travel, as floats: gradients must be "
                          "f32, or local steps 1");
    for (size_t i = 0; i < s->num_exchanges; i++)
        if (begin < s->exchanges[i].end && s->exchanges[i].begin < end)
            return kerf__fail(
                KERF_ERR_ARGUMENT, "train: two exchanges hold at step %lld: must be one at a time",
                (long long)(begin > s->exchanges[i].begin ? begin : s->exchanges[i].begin) + 1);
    if (!kerf__grow((void **)&s->exchanges, &s->exchange_capacity, s->num_exchanges,
                    sizeof *s->exchanges))
        return kerf__fail_memory("schedule", s->num_exchanges * sizeof *s->exchanges);
    s->exchanges[s->num_exchanges++] = (kerf__exchange){begin, end, *how};
    return KERF_OK;
}

kerf__exchange kerf__exchange_at(const kerf__schedule *s, int64_t step)
{
    for (size_t i = 0; i < s->num_exchanges; i++)
        if (step > s->exchanges[i].begin && step <= s->exchanges[i].end)
            return s->exchanges[i];
    return (kerf__exchange){.end = s->num_steps};
}

int kerf__has_local_steps(const kerf__schedule *s)
{
    int has = 0;
    for (size_t i = 0; i < s->num_exchanges; i++)
        has |= is_local(&s->exchanges[i]);
    return has;
}

/* What a mixed precision needs of a step: that all see the same gradients, with those among them
 * that are no numbers. */
static kerf_status check_mixed(const kerf__schedule *s)
{
    for (size_t i = 0; i < s->num_exchanges; i++) {
        if (s->exchanges[i].how.gradients != KERF_GRADIENTS_F32)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: bytes hide gradients that are no numbers, by which a mixed "
                              "precision goes: gradients or precision must be f32");
        if (is_local(&s->exchanges[i]))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: in local steps each rank would scale its loss by another "
                              "factor: local steps must be 1, or precision f32");
    }
    return KERF_OK;
}

/* Statistics of all ranks' samples are of one network. */
kerf_status kerf__exchange_check(const kerf__schedule *s, const kerf_train_options *o)
{
    if (o->batch_norm == KERF_BATCH_NORM_TOGETHER && kerf__has_local_steps(s))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: in local steps each rank has weights of its own: local steps "
                          "must be 1, or batch norms apart");
    return o->precision == KERF_PRECISION_MIXED ? check_mixed(s) : KERF_OK;
}

/* ---- a step --------------------------------------------------------------------------------- */

float kerf__exchange_share(const kerf__run *run, const kerf__exchange *x)
{
    return is_local(x) ? 1 / (float)kerf__num_parts(run->options)
                       : (float)kerf__own_rows(run) / (float)run->options->batch;
}

float kerf__run_share_of_means(const kerf__run *run)
{
    return (float)kerf__own_rows(run) / (float)kerf__part_size(run->options);
}

kerf_status kerf__exchange_queue(kerf__run *run, const kerf__exchange *x, int is_last)
{
    const int has_sums = kerf__num_parts(run->options) * kerf__num_ranks(run->options) > 1;
    const int travels = is_last && run->buckets.plan != NULL && !is_local(x);
    run->flight.updates = is_last && has_sums && !travels;
    run->flight.buckets = travels ? &run->buckets : NULL;
    return travels ? kerf__buckets_code(&run->buckets, x->how.gradients == KERF_GRADIENTS_INT8)
                   : KERF_OK;
}

static kerf_status add_up(kerf__run *run, const kerf__exchange *x)
{
    KERF__TRY(kerf__buckets_sum(&run->buckets, &run->wishes_stop));
    if (x->how.gradients == KERF_GRADIENTS_F32)
        run->cancelled = run->wishes_stop;
    return kerf_plan_update(run->plan);
}

kerf_status kerf__exchange_finish(kerf__run *run, const kerf__exchange *x, int64_t step)
{
    if (run->buckets.plan == NULL)
        return KERF_OK;
    if (!is_local(x))
        return add_up(run, x);
    kerf__buckets_rest(&run->buckets);
    run->is_apart = 1;
    return (step - x->begin) % x->how.local_steps == 0 ? kerf__run_meet(run) : KERF_OK;
}

/* ---- between steps -------------------------------------------------------------------------- */

kerf_status kerf__run_meet(kerf__run *run)
{
    if (!run->is_apart)
        return KERF_OK;
    KERF__TRY(kerf__buckets_fetch(&run->means, kerf__run_share_of_means(run)));
    KERF__TRY(kerf__buckets_sum(&run->means, &run->wishes_stop));
    run->cancelled = run->wishes_stop;
    run->is_apart = 0;
    return KERF_OK;
}

void kerf__run_wish_stop(kerf__run *run)
{
    run->wishes_stop = 1;
    if (kerf__num_ranks(run->options) == 1)
        run->cancelled = 1;
}

kerf_status kerf__run_agree_to_stop(kerf__run *run)
{
    double wishes = run->wishes_stop;
    KERF__TRY(kerf__ranks_sum(run->options->ranks, &wishes, 1));
    run->cancelled = run->wishes_stop = wishes > 0;
    return KERF_OK;
}
