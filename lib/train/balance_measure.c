/* train/balance_measure.c -- how fast this rank is, and so the rows that each takes; see balance.h.
 *
 * The run's own steps are timed, on a copy of all that they change: with ranks of whom nobody
 * answers, so that gradients go out and in but nothing travels.  All ranks do so at the same time,
 * as those of one machine may share its cores; and with two sizes, as a step has work that does not
 * grow with its rows. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/together.h"
#include "train/train_internal.h"

static const double TRIAL_MS = 1000;
enum { WARM_STEPS = 2, LEAST_STEPS = 3 };

/* ---- trials -------------------------------------------------------------------------------- */

/* Nothing but steps, and more of them than there is time for, so that no end of the run's changes
 * what is timed. */
static kerf_train_options trial_options(const kerf__run *run, const kerf_ranks *silent)
{
    enum { MOST_STEPS = 100000 };
    kerf_train_options o = *run->options;
    o.epochs = fmax(o.epochs, (double)MOST_STEPS / (double)run->schedule.steps_per_epoch);
    o.ranks = silent;
    o.balance = NULL;
    o.exchange = NULL;
    o.run_dir = NULL;
    o.tensorboard = o.resume = o.keep_best = 0;
    o.prune = (kerf_prune_schedule){.events = 0};
    o.events = NULL;
    o.num_events = 0;
    o.callback = NULL;
    return o;
}

static kerf_status run_steps(kerf__run *trial, int num)
{
    for (int i = 0; i < num; i++)
        KERF__TRY(kerf__run_step(trial));
    return kerf__flight_land(&trial->flight, trial->loader);
}

/* All begin at once, and nobody ends before a time that is the same for all. */
static kerf_status time_steps(kerf__run *trial, const kerf_ranks *ranks, double *ms)
{
    double nothing = 0;
    int num = 0;
    KERF__TRY(run_steps(trial, WARM_STEPS));
    KERF__TRY(ranks->sum_doubles(ranks->context, &nothing, 1));
    const double begun = kerf__now_ms();
    for (; num < LEAST_STEPS || kerf__now_ms() - begun < TRIAL_MS; num++)
        KERF__TRY(run_steps(trial, 1));
    *ms = (kerf__now_ms() - begun) / num;
    return KERF_OK;
}

static kerf_status time_copy(kerf__run *run, kerf_graph *g, kerf_state *s, int64_t part,
                             double *rows, double *ms)
{
    const kerf_ranks silent = kerf__ranks_silent(run->options->ranks->num);
    kerf_train_options o = trial_options(run, &silent);
    o.batch = part * kerf__num_parts(&o);
    kerf__run trial = kerf__run_of(g, s, run->d, &o);
    kerf_status status = kerf__run_begin(&trial);
    if (status == KERF_OK) {
        *rows = (double)kerf__own_rows(&trial);
        status = time_steps(&trial, run->options->ranks, ms);
    }
    kerf__run_end(&trial);
    return status;
}

/* An even share of parts of so many rows. */
static kerf_status try_part(kerf__run *run, int64_t part, double *rows, double *ms)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_graph_copy(&g, run->trained);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, run->s, kerf_state_device(run->s));
    if (status == KERF_OK)
        status = time_copy(run, g, s, part, rows, ms);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return status;
}

/* The second, half as large, only where all have fewer rows then. */
static kerf_status measure(kerf__run *run, kerf__pace *pace)
{
    const int64_t part = kerf__part_size(run->options);
    KERF__TRY(try_part(run, part, &pace->rows[0], &pace->ms[0]));
    if (part / 2 < kerf__num_ranks(run->options))
        return KERF_OK;
    return try_part(run, part / 2, &pace->rows[1], &pace->ms[1]);
}

/* ---- what follows -------------------------------------------------------------------------- */

static kerf_status settle(kerf__run *run, const kerf__pace *paces)
{
    const size_t num = (size_t)kerf__num_ranks(run->options);
    double *weights = kerf__alloc(num, sizeof *weights);
    if (weights == NULL)
        return kerf__fail_memory("train", num * sizeof *weights);
    kerf__balance_weigh(weights, paces, num, kerf__part_size(run->options));
    kerf__run_cut(run, weights);
    free(weights);
    run->balance.measured = kerf__balance_text(run->balance.rows, num);
    return run->balance.measured != NULL ? KERF_OK : kerf__fail_memory("train", num);
}

kerf_status kerf__run_measure_balance(kerf__run *run)
{
    const kerf_ranks *ranks = run->options->ranks;
    if (kerf__num_ranks(run->options) == 1 || !kerf__balance_is_measured(run->options->balance) ||
        run->position.step >= run->schedule.num_steps)
        return KERF_OK;
    const size_t num = (size_t)ranks->num;
    kerf__pace *paces = kerf__alloc(num, sizeof *paces);
    if (paces == NULL)
        return kerf__fail_memory("train", num * sizeof *paces);
    kerf_status status = measure(run, &paces[ranks->rank]);
    if (status == KERF_OK) /* all others' are 0 here */
        status = ranks->sum_doubles(ranks->context, (double *)paces, 4 * num);
    if (status == KERF_OK)
        status = settle(run, paces);
    free(paces);
    return status == KERF_OK ? kerf__run_open_loader(run) : status;
}
