/* plan/tune.c -- measures every way to compute each distinct case of some plans and remembers
 * the fastest in the tuning store, where later plans find it (choose.c).
 *
 * A case keeps its untuned choice unless another one is faster by more than the noise; and as
 * kernels that are fast alone can be slow together, whole plans have the last word
 * (tune_gain.c).  One case after the other is saved, so that a driver that dies, or a user who
 * has seen enough, loses one case and not the night. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/tuning.h"
#include "plan/node_trial.h"
#include "plan/tune_gain.h"
#include "plan/tune_zeros.h"

/* Another option must beat the untuned one by this factor; a foreign one, which may wait and
 * allocate in the middle of a run, must be clearly faster. */
static const double GAIN = 0.97, FOREIGN_GAIN = 0.8;

/* A case that was measured in this call. */
typedef struct done {
    char *which;   /* owned */
    int is_broken; /* the untuned choice does not work */
} done;

typedef struct tuner {
    kerf_device *dev; /* borrowed */
    double end_ms;    /* when the budget is spent; 0: never */
    done *done;       /* owned */
    size_t num_done, capacity;
    kerf_tune_progress progress;
    void *context;
    int stop;
} tuner;

/* What is left of the budget for each of `num` parts; 0: no bound. */
static double share_ms(const tuner *t, size_t num)
{
    return t->end_ms > 0 ? fmax(1, t->end_ms - kerf__now_ms()) / (double)num : 0;
}

static int is_over(const tuner *t)
{
    return t->stop || (t->end_ms > 0 && kerf__now_ms() >= t->end_ms);
}

/* ---- one case ----------------------------------------------------------------------- */

static const kerf__trial *fastest(const kerf__trials *t, int foreign)
{
    const kerf__trial *best = NULL;
    for (int i = 0; i < t->num; i++)
        if (t->items[i].alive && t->items[i].option.variant->foreign == foreign &&
            (best == NULL || t->items[i].ms < best->ms))
            best = &t->items[i];
    return best;
}

static double ms_of(const kerf__trial *trial)
{
    return trial != NULL && trial->alive ? trial->ms : NAN;
}

/* The one to take from now on; NULL if nothing works. */
static const kerf__trial *pick(const kerf__trials *t, const kerf__trial *untuned)
{
    const kerf__trial *best = fastest(t, 0), *foreign = fastest(t, 1);
    if (foreign != NULL && (best == NULL || foreign->ms < FOREIGN_GAIN * best->ms))
        best = foreign;
    const int keep = best != NULL && !(best->ms < GAIN * ms_of(untuned)) && !isnan(ms_of(untuned));
    return keep ? untuned : best;
}

/* Remembers the winner and tells of it. */
static kerf_status conclude(tuner *t, const kerf__trials *trials, const kerf__planned *node,
                            const kerf__trial *untuned, kerf_tune_case *c)
{
    const kerf__trial *best = pick(trials, untuned);
    if (best == NULL) /* nothing works here: not this call's business */
        return KERF_OK;
    char *name = kerf__option_name(best->option), *left_out = kerf__trials_left_out(trials);
    kerf_status status = name != NULL && left_out != NULL ? KERF_OK : kerf__fail_memory("tune", 64);
    if (status == KERF_OK)
        status = kerf__tuning_set(t->dev, node->which, name, best->ms);
    if (status == KERF_OK)
        status = kerf__tuning_save(t->dev);
    c->which = node->which;
    c->untuned = node->name;
    c->variant = name;
    c->untuned_ms = ms_of(untuned);
    c->ms = best->ms;
    c->left_out = left_out;
    if (status == KERF_OK && t->progress != NULL)
        t->stop = t->progress(t->context, c);
    free(name);
    free(left_out);
    return status;
}

static kerf_status measure(tuner *t, const kerf_plan *p, size_t i, double budget_ms,
                           kerf_tune_case *c, int *is_broken)
{
    kerf__trials trials;
    kerf__ballot ballot = {.node = p->graph->nodes[i]};
    kerf_status status = kerf__trials_create(&trials, t->dev, ballot.node, NULL);
    if (status == KERF_OK)
        status = kerf__trials_vote(&trials, &ballot);
    if (status == KERF_OK)
        kerf__trials_judge(&trials, &ballot);
    kerf__ballot_clear(&ballot);
    const kerf__trial *untuned = kerf__trials_find(&trials, p->nodes[i].option);
    if (status == KERF_OK)
        status = kerf__trials_time(&trials, untuned, budget_ms);
    *is_broken = untuned == NULL || !untuned->alive;
    if (status == KERF_OK)
        status = conclude(t, &trials, &p->nodes[i], untuned, c);
    kerf__trials_destroy(&trials);
    return status;
}

/* ---- one plan ----------------------------------------------------------------------- */

/* 1 if there is a choice for this node. */
static int has_choice(const kerf_plan *p, size_t i)
{
    const kerf__op_case c = {.dev = p->dev, .node = p->graph->nodes[i]};
    kerf__option second;
    return p->nodes[i].which != NULL && kerf__option_at(&c, 1, &second);
}

static done *find_done(const tuner *t, const char *which)
{
    for (size_t i = 0; which != NULL && i < t->num_done; i++)
        if (strcmp(t->done[i].which, which) == 0)
            return &t->done[i];
    return NULL;
}

static kerf_status add_done(tuner *t, const char *which)
{
    char *copy = kerf__strdup(which);
    if (copy == NULL ||
        !kerf__grow((void **)&t->done, &t->capacity, t->num_done, sizeof *t->done)) {
        free(copy);
        return kerf__fail_memory("tune", t->num_done * sizeof *t->done);
    }
    t->done[t->num_done++] = (done){copy, 0};
    return KERF_OK;
}

/* The places of the nodes that stand for a new case; the caller frees it. */
static kerf_status list_cases(tuner *t, const kerf_plan *p, size_t **places, int *num)
{
    *num = 0;
    *places = kerf__alloc(p->num_nodes, sizeof **places);
    if (*places == NULL)
        return kerf__fail_memory("tune", p->num_nodes * sizeof **places);
    for (size_t i = 0; i < p->num_nodes; i++) {
        if (!has_choice(p, i) || find_done(t, p->nodes[i].which) != NULL)
            continue;
        KERF__TRY(add_done(t, p->nodes[i].which));
        (*places)[(*num)++] = i;
    }
    return KERF_OK;
}

static kerf_status measure_all(tuner *t, const kerf_plan *p, kerf_tune_case c, kerf_tune_gain *gain)
{
    size_t *places;
    kerf_status status = list_cases(t, p, &places, &c.num);
    gain->num_cases += c.num;
    for (; c.i < c.num && status == KERF_OK && !is_over(t); c.i++) {
        /* What one case leaves over, the later ones share, and the whole plan at the end. */
        const size_t parts_left = (size_t)(c.num - c.i) + 1;
        status = measure(t, p, places[c.i], share_ms(t, parts_left), &c,
                         &find_done(t, p->nodes[places[c.i]].which)->is_broken);
        gain->num_measured++;
    }
    free(places);
    return status;
}

static int count_broken(const tuner *t, const kerf_plan *p)
{
    int num = 0;
    for (size_t i = 0; i < p->num_nodes; i++) {
        const done *d = find_done(t, p->nodes[i].which);
        num += d != NULL && d->is_broken;
    }
    return num;
}

static kerf_status compare(const tuner *t, const kerf_tune_target *target, kerf_state *s,
                           kerf_plan_options options, kerf_tune_gain *gain)
{
    kerf_plan *untuned = NULL, *tuned = NULL;
    kerf_state *other;
    KERF__TRY(kerf__tune_second_state(&other, s, options.mode));
    options.untuned = 0;
    kerf_status status = kerf_plan_create(&tuned, target->g, s, &options);
    options.untuned = 1;
    if (status == KERF_OK)
        status = kerf_plan_create(&untuned, target->g, other != NULL ? other : s, &options);
    if (status == KERF_OK)
        status = kerf__tune_compare(untuned, tuned, share_ms(t, 1), gain);
    kerf_plan_destroy(tuned);
    kerf_plan_destroy(untuned);
    kerf_state_destroy(other);
    return status;
}

/* Measures the cases of a target if zeros are dealt with so. */
static kerf_status tune_draft(tuner *t, const kerf_tune_target *target, kerf_state *s,
                              kerf_zeros zeros, kerf_tune_case first, kerf_tune_gain *gain)
{
    kerf_plan *draft;
    kerf_plan_options options = target->options;
    options.untuned = 1;
    options.zeros = zeros;
    KERF__TRY(kerf__plan_draft(&draft, target->g, s, &options));
    kerf_status status = measure_all(t, draft, first, gain);
    if (zeros == target->options.zeros)
        gain->num_broken = count_broken(t, draft);
    kerf_plan_destroy(draft);
    return status;
}

/* ---- zeros ----------------------------------------------------------------------------- */

typedef struct zeros_teller {
    tuner *t;
    kerf_tune_case c;
} zeros_teller;

/* What a layer takes with its zeros, and without them if that is less. */
static int tell_zeros(void *context, const kerf_zeros_time *z)
{
    zeros_teller *x = context;
    kerf_tune_case c = {.which = z->which,
                        .untuned = "dense",
                        .variant = z->sparse_ms < z->dense_ms ? "sparse" : "dense",
                        .untuned_ms = z->dense_ms,
                        .ms = fmin(z->dense_ms, z->sparse_ms),
                        .left_out = "",
                        .target = x->c.target,
                        .i = x->c.i++};
    c.num = x->c.i;
    if (x->t->progress != NULL)
        x->t->stop = x->t->progress(x->t->context, &c);
    return is_over(x->t);
}

static kerf_status has_zeros(const kerf_tune_target *target, kerf_state *s, int *out)
{
    kerf_plan *draft;
    kerf_plan_options options = target->options;
    options.zeros = KERF_ZEROS_SPARSE;
    KERF__TRY(kerf__plan_draft(&draft, target->g, s, &options));
    *out = kerf__tune_has_zeros(draft);
    kerf_plan_destroy(draft);
    return KERF_OK;
}

/* Both sides are tuned first. */
static kerf_status tune_zeros(tuner *t, const kerf_tune_target *target, kerf_state *s,
                              kerf_tune_case first, kerf_tune_gain *gain)
{
    int is_worth_it;
    zeros_teller teller = {t, first};
    if (target->options.zeros != KERF_ZEROS_AUTO)
        return KERF_OK;
    KERF__TRY(has_zeros(target, s, &is_worth_it));
    if (!is_worth_it)
        return KERF_OK;
    KERF__TRY(tune_draft(t, target, s, KERF_ZEROS_DENSE, first, gain));
    KERF__TRY(tune_draft(t, target, s, KERF_ZEROS_SPARSE, first, gain));
    if (is_over(t))
        return KERF_OK;
    kerf_status status = kerf__tune_zeros(target, s, tell_zeros, &teller);
    return status == KERF_ERR_CANCELLED ? KERF_OK : status; /* told of at the end */
}

/* ---- one target ------------------------------------------------------------------------ */

/* Measures the cases of a target, then the plan as a whole if it works without tuning. */
static kerf_status tune_plan(tuner *t, const kerf_tune_target *target, kerf_state *s,
                             kerf_tune_case first, kerf_tune_gain *gain)
{
    KERF__TRY(tune_draft(t, target, s, target->options.zeros, first, gain));
    if (!is_over(t) && gain->num_broken == 0)
        KERF__TRY(tune_zeros(t, target, s, first, gain));
    if (t->stop || gain->num_broken > 0)
        return KERF_OK;
    return compare(t, target, s, target->options, gain);
}

static kerf_status tune_target(tuner *t, const kerf_tune_target *targets, size_t i,
                               kerf_tune_gain *gain)
{
    const kerf_tune_target *target = &targets[i];
    const kerf_tune_case first = {.target = i};
    if (target->options.mode != KERF_TRAIN)
        return tune_plan(t, target, target->s, first, gain);
    kerf_state *copy;
    KERF__TRY(kerf_state_copy(&copy, target->s, t->dev));
    kerf_status status = tune_plan(t, target, copy, first, gain);
    kerf_state_destroy(copy);
    return status;
}

/* ---- all ---------------------------------------------------------------------------- */

kerf_status kerf_tune(const kerf_tune_target *targets, size_t num_targets, double budget_ms,
                      kerf_tune_gain *gains, kerf_tune_progress progress, void *context)
{
    const double end_ms = budget_ms > 0 ? kerf__now_ms() + budget_ms : 0;
    tuner t = {.progress = progress, .context = context};
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < num_targets; i++)
        gains[i] = (kerf_tune_gain){NAN, NAN, NAN, NAN, NAN, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < num_targets && status == KERF_OK && !t.stop; i++) {
        t.dev = kerf_state_device(targets[i].s);
        t.end_ms = end_ms > 0 ? kerf__now_ms() +
                                    fmax(0, end_ms - kerf__now_ms()) / (double)(num_targets - i)
                              : 0;
        if (i == 0) /* a folder that cannot be written to is better told of now */
            status = kerf__tuning_save(t.dev);
        if (status == KERF_OK && (end_ms == 0 || kerf__now_ms() < end_ms))
            status = tune_target(&t, targets, i, &gains[i]);
    }
    for (size_t i = 0; i < t.num_done; i++)
        free(t.done[i].which);
    free(t.done);
    return status == KERF_OK && t.stop
               ? kerf__fail(KERF_ERR_CANCELLED, "tune: stopped; what was measured is kept")
               : status;
}
