/* train/prune_until.c -- pruning in rounds, until one loses too much: each round takes more,
 * trains, and is measured on what is held back; what is kept is the last round that lost little
 * enough.
 *
 * A round is a run of its own with a learning rate that begins anew, from the weights that the
 * round before left: Renda et al. 2020, "Comparing rewinding and fine-tuning in neural network
 * pruning" (learning-rate rewinding). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "train/evaluate.h"
#include "train/train_internal.h"

typedef struct rounds {
    kerf_graph *g; /* borrowed, as the next four */
    kerf_state *s;
    kerf_dataset *d;
    const kerf_train_options *options;
    kerf_prune_rounds *out;
    kerf_state *kept; /* owned: on the host, what the last round within left; NULL: none */
} rounds;

/* ---- a round ------------------------------------------------------------------------------ */

static kerf_status measure(const rounds *r, double *top1)
{
    enum { BATCH = 256 };
    kerf_evaluation e;
    KERF__TRY(kerf_evaluate_as(r->g, r->s, r->d, kerf__split_to_judge(r->d), BATCH,
                               r->options->prep, KERF_PRECISION_F32, r->options->ranks, &e, NULL));
    *top1 = e.top1;
    return KERF_OK;
}

/* Its share of all amounts; *amounts belongs to the caller. */
static kerf_status scale(kerf_prune_options *o, double progress, kerf_prune_amount **amounts)
{
    *amounts = kerf__alloc(o->num_amounts + 1, sizeof **amounts);
    if (*amounts == NULL)
        return kerf__fail_memory("prune", (o->num_amounts + 1) * sizeof **amounts);
    for (size_t i = 0; i < o->num_amounts; i++) {
        (*amounts)[i] = o->amounts[i];
        (*amounts)[i].value *= progress;
    }
    o->amounts = *amounts;
    o->amount *= progress;
    return KERF_OK;
}

/* In a folder of its own within the run's. */
static kerf_status train_in(const rounds *r, kerf_train_options *o, int round)
{
    char name[32];
    snprintf(name, sizeof name, "round-%d", round);
    char *dir = o->run_dir != NULL ? kerf__path_join(o->run_dir, name) : NULL;
    if (o->run_dir != NULL && dir == NULL)
        return kerf__fail_memory(o->run_dir, strlen(o->run_dir));
    o->run_dir = dir;
    kerf_status status = kerf_train(r->g, r->s, r->d, o);
    free(dir);
    return status;
}

static kerf_status run_round(const rounds *r, int round)
{
    const kerf_prune_schedule *prune = &r->options->prune;
    kerf_train_options o = *r->options;
    kerf_prune_amount *amounts;
    o.epochs = prune->start + prune->every;
    o.seed += (uint64_t)round - 1; /* no two rounds see batches in one order */
    o.prune.events = 1;
    KERF__TRY(
        scale(&o.prune.options, kerf_prune_curve_at(prune->curve, round, prune->events), &amounts));
    kerf_status status = train_in(r, &o, round);
    free(amounts);
    return status;
}

/* ---- all of them --------------------------------------------------------------------------- */

static kerf_status keep(rounds *r, int round, double lost)
{
    kerf_state_destroy(r->kept);
    r->kept = NULL;
    KERF__TRY(kerf_state_copy(&r->kept, r->s, NULL));
    kerf__run_forget(r->kept);
    r->out->kept = round;
    r->out->lost = lost;
    return KERF_OK;
}

static kerf_status run_rounds(rounds *r, double max_drop)
{
    KERF__TRY(measure(r, &r->out->before));
    for (int round = 1; round <= r->options->prune.events; round++) {
        double top1;
        KERF__TRY(run_round(r, round));
        KERF__TRY(measure(r, &top1));
        r->out->tried = round;
        r->out->lost_last = r->out->before - top1;
        if (!(r->out->lost_last <= max_drop))
            break;
        KERF__TRY(keep(r, round, r->out->lost_last));
    }
    if (r->kept == NULL) { /* nothing is nearer */
        r->out->lost = r->out->lost_last;
        return KERF_OK;
    }
    return r->out->kept < r->out->tried ? kerf__run_put_back(r->s, r->kept) : KERF_OK;
}

static kerf_status check(const kerf_train_options *o, double max_drop)
{
    const kerf_prune_schedule *p = &o->prune;
    if (!(max_drop >= 0 && max_drop <= 100))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: at most %g points are to be lost: must be from 0 to 100",
                          max_drop);
    if (p->events < 1 || !(p->every > 0))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: %d rounds of %g epochs: must be at least 1, each above 0",
                          p->events, p->every);
    if (o->resume || p->lift > 0 || p->rewinds)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: rounds are not resumed, lifted or rewound: "
                                             "must be without those");
    if (p->options.method == KERF_PRUNE_MASK || p->options.method == KERF_PRUNE_SNIP ||
        p->options.method == KERF_PRUNE_RIGL || p->options.structure == KERF_STRUCTURE_N_OF_M)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: rounds take more and more: must be by a method other than mask, "
                          "snip and rigl, and a structure other than N of M");
    return KERF_OK;
}

kerf_status kerf_prune_until(kerf_prune_rounds *out, kerf_graph *g, kerf_state *s, kerf_dataset *d,
                             const kerf_train_options *options, double max_drop)
{
    rounds r = {.g = g, .s = s, .d = d, .options = options, .out = out};
    *out = (kerf_prune_rounds){.before = NAN, .lost = NAN, .lost_last = NAN};
    KERF__TRY(check(options, max_drop));
    kerf_status status = run_rounds(&r, max_drop);
    kerf_state_destroy(r.kept);
    return status;
}
