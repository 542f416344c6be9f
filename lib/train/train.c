/* train/train.c -- the loop; see train_internal.h for what always holds.
 *
 * The device is kept busy by queueing three steps ahead.  The host looks at results only
 * at events, so the loop between them does not wait for anything but the oldest step. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "compress/prune/prune_internal.h"
#include "train/train_internal.h"

/* A few times a second is what a person can follow. */
static const double TELL_MS = 250;

void kerf__run_tell(kerf__run *run, const kerf_train_progress *happened)
{
    run->told_ms = kerf__now_ms();
    if (run->options->callback == NULL)
        return;
    double seconds = (run->told_ms - run->run_ms) / 1e3;
    double done = (double)(run->position.step - run->run_step);
    double rate = seconds > 0 ? done / seconds : 0;
    double left = (double)(run->schedule.num_steps - run->position.step);
    kerf_train_progress progress = {.epoch = run->position.step / run->schedule.steps_per_epoch + 1,
                                    .num_epochs = run->schedule.num_epochs,
                                    .step = run->position.step,
                                    .num_steps = run->schedule.num_steps,
                                    .samples_per_second = rate * (double)run->options->batch,
                                    .seconds_left = rate > 0 ? left / rate : NAN,
                                    .loss = run->loss,
                                    .sparsity = run->sparsity,
                                    .finished = happened->finished,
                                    .pruned = happened->pruned,
                                    .evaluated = happened->evaluated,
                                    .warning = run->warning,
                                    .balance = run->balance.is_told ? NULL : run->balance.measured};
    if (progress.epoch > progress.num_epochs)
        progress.epoch = progress.num_epochs;
    run->warning = NULL;
    run->balance.is_told = 1;
    if (run->options->callback(run->options->context, &progress) != 0)
        kerf__run_wish_stop(run);
}

static kerf_status begin_loading(kerf__run *run)
{
    int64_t per_epoch = run->schedule.steps_per_epoch;
    KERF__TRY(kerf_loader_begin(run->loader, run->position.step / per_epoch,
                                run->position.step % per_epoch * kerf__num_parts(run->options)));
    run->loading = 1;
    return KERF_OK;
}

/* Outside of its time the teacher counts nothing, and behind that it is not even asked. */
static void set_teacher(kerf__run *run, kerf_step *now)
{
    const int64_t *steps = run->schedule.distill_steps;
    kerf__teacher_step(now, run);
    if (now->step > steps[1])
        run->flight.teaching = NULL;
    if (now->step > steps[0] && now->step <= steps[1])
        return;
    now->labels = 1;
    memset(now->taps, 0, sizeof now->taps);
}

/* What the step's part (from 0) counts and is drawn by. */
static void set_part(kerf_step *now, const kerf__run *run, const kerf__exchange *x, int64_t part)
{
    const int64_t ranks = kerf__num_ranks(run->options);
    const int64_t num = kerf__num_parts(run->options) * ranks;
    now->share = kerf__exchange_share(run, x);
    now->batch = (now->step - 1) * num + part * ranks + kerf__rank(run->options) + 1;
    now->observe =
        kerf__observe_share(run->options, now->batch, run->schedule.steps_per_epoch * num);
}

static kerf_status run_part(kerf__run *run, kerf_step *now, const kerf__exchange *x, int64_t part)
{
    kerf_batch batch;
    const int is_last = part + 1 == kerf__num_parts(run->options);
    KERF__TRY(kerf__exchange_queue(run, x, is_last));
    KERF__TRY(kerf_loader_next(run->loader, &batch));
    set_part(now, run, x, part);
    kerf_status status = kerf_plan_set_step(run->plan, now);
    if (status != KERF_OK) {
        kerf_loader_release(run->loader, &batch);
        return status;
    }
    return kerf__flight_launch(&run->flight, run->loader, run->plan,
                               kerf_value_name(kerf_graph_input(run->g, 0)), &batch);
}

kerf_status kerf__run_step(kerf__run *run)
{
    if (!run->loading)
        KERF__TRY(begin_loading(run));
    int64_t step = run->position.step + 1;
    kerf_step now = {.lr = kerf__schedule_rate(&run->schedule, step), .step = step};
    set_teacher(run, &now);
    if (run->options->mixup > 0)
        run->mixing.share = now.mix =
            kerf__mix_share(run->options->mixup, run->options->seed, step);
    now.shrink = kerf__shrink_by(&run->schedule, now.lr, step, run->options->batch);
    const kerf__exchange x = kerf__exchange_at(&run->schedule, step);
    for (int64_t part = 0; part < kerf__num_parts(run->options); part++)
        KERF__TRY(run_part(run, &now, &x, part));
    KERF__TRY(kerf__exchange_finish(run, &x, step));
    run->position.step = step;
    if (step % run->schedule.steps_per_epoch == 0)
        run->loading = 0;
    return KERF_OK;
}

static kerf_status stop(kerf__run *run)
{
    KERF__TRY(kerf__flight_land(&run->flight, run->loader));
    KERF__TRY(kerf__run_align(run));
    KERF__TRY(kerf__run_save(run));
    if (run->folder.path == NULL)
        return kerf__fail(KERF_ERR_CANCELLED, "train: stopped after step %lld of %lld",
                          (long long)run->position.step, (long long)run->schedule.num_steps);
    return kerf__fail(
        KERF_ERR_CANCELLED, "train: stopped after step %lld of %lld; resume goes on from %s",
        (long long)run->position.step, (long long)run->schedule.num_steps, run->folder.checkpoint);
}

/* Steps up to an instant; nothing is in flight after it. */
static kerf_status run_until(kerf__run *run, int64_t step)
{
    while (run->position.step < step && !run->cancelled) {
        KERF__TRY(kerf__run_step(run));
        if (kerf__now_ms() - run->told_ms >= TELL_MS)
            kerf__run_tell(run, &(kerf_train_progress){0});
    }
    if (run->cancelled)
        return stop(run);
    return kerf__flight_land(&run->flight, run->loader);
}

static kerf_status run_schedule(kerf__run *run)
{
    while (run->position.next < (int64_t)run->schedule.num) {
        const kerf__event *event = &run->schedule.events[run->position.next];
        KERF__TRY(run_until(run, event->step));
        KERF__TRY(kerf__run_event(run, event));
    }
    return run->cancelled ? stop(run) : KERF_OK;
}

kerf__run kerf__run_of(kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                       const kerf_train_options *options)
{
    return (kerf__run){.g = g,
                       .s = s,
                       .d = d,
                       .given = options,
                       .trained = g,
                       .own = kerf__train_own_options(options),
                       .loss = NAN,
                       .saved_step = -1,
                       .saved_next = -1,
                       .folder = {.lock = -1}};
}

kerf_status kerf_train(kerf_graph *g, kerf_state *s, kerf_dataset *d,
                       const kerf_train_options *options)
{
    if (kerf_state_device(s) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: the state lies in host memory, must lie on a "
                                             "device");
    kerf__run run = kerf__run_of(g, s, d, options);
    kerf_status status = kerf__run_begin(&run);
    if (status == KERF_OK)
        status = run_schedule(&run);
    if (run.best != NULL && (status == KERF_OK || status == KERF_ERR_DIVERGED)) {
        kerf_status restored = kerf__run_restore_best(&run);
        status = restored != KERF_OK ? restored : status;
    }
    if (status == KERF_OK)
        status = kerf__prune_settle_gates(g, s);
    if (status == KERF_OK && run.schedule.num_prunes > 0)
        status = kerf_prune_harden(g, s);
    if (status == KERF_OK)
        status = kerf__run_share(&run);
    if (status == KERF_OK)
        status = kerf__run_quantize(&run);
    kerf__run_end(&run);
    return status;
}
