/* train/prune_find.c -- how much of each layer can go, for bounds on what is lost and what is left.
 *
 * What each layer loses alone (prune_analyse.c), and what it takes then, order the steps: always
 * the layer next that saves most for the points it costs (plan/trade_curve.c).  What counts is
 * measured: networks along that walk, by halves (plan/trade_find.c), pruned but not trained. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "compress/prune/prune_internal.h"
#include "plan/plan_internal.h"
#include "plan/trade.h"
#include "train/evaluate.h"
#include "train/train_internal.h"

enum { NUM_STEPS = KERF_NUM_SENSITIVITY_SHARES + 1 }; /* step 0: nothing goes */

typedef struct finding {
    const kerf_graph *g; /* borrowed, as the next five */
    const kerf_state *s;
    const kerf_dataset *d;
    const kerf_prune_options *options;
    const kerf_target *target;
    const kerf_analyse_options *how;
    kerf_known_input known; /* of the clock */
    kerf__trade_clock clock;
    kerf_sensitivity *layers; /* owned, as all below */
    size_t num;
    double *lost, *cost; /* the walk's table */
    kerf__trade_move *moves;
    kerf__trade_point *at; /* by number of moves; .lost NAN: not measured */
    size_t num_moves;
    char *patterns; /* of fixed size a layer */
    kerf_prune_amount *amounts;
    double top1; /* before */
} finding;

enum { PATTERN_BYTES = 2 * sizeof(((kerf_sensitivity *)NULL)->name) };

static int is_timed(const finding *f)
{
    return isfinite(f->target->ms);
}

/* Step k of a layer. */
static double share_at(int k)
{
    return k > 0 ? kerf_sensitivity_share(k - 1) : 0;
}

/* ---- a network that is pruned ------------------------------------------------------------ */

static kerf_status prune(const finding *f, kerf_graph *g, kerf_state *s)
{
    kerf_pruner *p;
    kerf_prune_options o = *f->options;
    o.scope = KERF_SCOPE_LAYER;
    o.amounts = f->amounts;
    o.num_amounts = f->num;
    KERF__TRY(kerf_prune_mark(g, s, &o));
    KERF__TRY(kerf_pruner_create(&p, g, s, &o));
    kerf_status status = kerf_pruner_apply(p, 1);
    kerf_pruner_destroy(p);
    return status;
}

/* By the amounts as they stand; both are destroyed by the caller, also on failure. */
static kerf_status make_pruned(const finding *f, kerf_graph **g, kerf_state **s)
{
    *s = NULL;
    KERF__TRY(kerf_graph_copy(g, f->g));
    KERF__TRY(kerf_state_copy(s, f->s, kerf_state_device(f->s)));
    return prune(f, *g, *s);
}

static kerf_status make_clock(finding *f)
{
    kerf_prep prep;
    kerf_shape sample;
    KERF__TRY(kerf_prep_parse(&prep, kerf__choose_prep(f->how->prep, f->g, f->d)));
    KERF__TRY(kerf_prep_shape(&sample, &prep, kerf_dataset_sample_shape(f->d)));
    f->clock = (kerf__trade_clock){f->how->costs, &f->known,
                                   kerf__known_input(f->g, sample, &f->known), f->how->ranks};
    return KERF_OK;
}

/* Four bytes for each weight that is left, in layers that are not looked at, too. */
static kerf_status count_bytes(const kerf_graph *g, const kerf_state *s, double *bytes)
{
    kerf__prune_targets all;
    *bytes = 0;
    KERF__TRY(kerf__prune_find(&all, g, s, 0));
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < all.num; i++) {
        const size_t num = (size_t)kerf_shape_num_elements(all.at[i].weight->shape);
        float *weights = kerf__alloc(num, sizeof *weights);
        status = weights != NULL ? kerf_state_read(s, all.at[i].weight->state_id, weights)
                                 : kerf__fail_memory("prune", num * sizeof *weights);
        for (size_t k = 0; status == KERF_OK && k < num; k++)
            *bytes += weights[k] != 0 ? sizeof *weights : 0;
        free(weights);
    }
    kerf__prune_targets_free(&all);
    return status;
}

static kerf_status measure_network(const finding *f, const kerf_graph *g, kerf_state *s,
                                   kerf__trade_point *out)
{
    kerf_evaluation e;
    KERF__TRY(kerf_evaluate_as(g, s, f->d, kerf__split_to_judge(f->d),
                               f->how->batch > 0 ? f->how->batch : 256, f->how->prep,
                               KERF_PRECISION_F32, f->how->ranks, &e, NULL));
    *out = (kerf__trade_point){.lost = f->top1 - e.top1, .ms = NAN};
    KERF__TRY(count_bytes(g, s, &out->bytes));
    KERF__TRY(kerf__ranks_take_first(f->how->ranks, &out->bytes, sizeof out->bytes));
    return is_timed(f) ? kerf__trade_run_ms(&f->clock, g, s, &out->ms) : KERF_OK;
}

static kerf_status measure_amounts(const finding *f, kerf__trade_point *out)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_status status = make_pruned(f, &g, &s);
    if (status == KERF_OK)
        status = measure_network(f, g, s, out);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* ---- what layers take -------------------------------------------------------------------- */

static kerf_status time_layers(finding *f, const char *const *names, int k, double *ms)
{
    kerf_graph *g;
    kerf_state *s;
    for (size_t l = 0; l < f->num; l++)
        f->amounts[l].value = share_at(k);
    kerf_status status = make_pruned(f, &g, &s);
    if (status == KERF_OK)
        status = kerf__trade_layers_ms(&f->clock, g, s, names, f->num, ms);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* Adds to costs.  With more zeros the planner may compute as with fewer: never slower. */
static kerf_status add_times(finding *f, const char *const *names, double *ms)
{
    double *least = ms + f->num;
    for (int k = 0; k < NUM_STEPS; k++) {
        KERF__TRY(time_layers(f, names, k, ms));
        for (size_t l = 0; l < f->num; l++) {
            least[l] = k == 0 ? ms[l] : fmin(least[l], ms[l]);
            f->cost[l * NUM_STEPS + (size_t)k] += least[l] / f->at[0].ms;
        }
    }
    return KERF_OK;
}

/* The layers' nodes, in the order of the sensitivities. */
static kerf_status time_all(finding *f)
{
    kerf__prune_targets targets;
    const char **names = kerf__alloc(f->num, sizeof *names);
    double *ms = kerf__alloc(2 * f->num, sizeof *ms);
    kerf_status status =
        names != NULL && ms != NULL ? KERF_OK : kerf__fail_memory("prune", f->num * sizeof *names);
    if (status == KERF_OK)
        status = kerf__prune_find(&targets, f->g, f->s, f->options->biases);
    if (status == KERF_OK) {
        status = kerf__prune_choose(&targets, f->options);
        for (size_t l = 0; status == KERF_OK && l < f->num; l++)
            names[l] = targets.at[l].user->name;
        if (status == KERF_OK)
            status = add_times(f, names, ms);
        kerf__prune_targets_free(&targets);
    }
    free(names);
    free(ms);
    return status;
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* Costs are what the target bounds, each as a share of what the whole network takes; weights, if
 * it bounds neither.  More may not cost less: what a sample more or less says is noise. */
static kerf_status fill_table(finding *f)
{
    const int counts_bytes = isfinite(f->target->bytes) || !is_timed(f);
    for (size_t l = 0; l < f->num; l++) {
        double most = 0;
        for (int k = 0; k < NUM_STEPS; k++) {
            const size_t at = l * NUM_STEPS + (size_t)k;
            const double left = (double)f->layers[l].total * (1 - share_at(k));
            most = k > 0 ? fmax(most, f->layers[l].lost[k - 1]) : 0;
            f->lost[at] = most;
            f->cost[at] = counts_bytes ? left * sizeof(float) / f->at[0].bytes : 0;
        }
    }
    return is_timed(f) ? time_all(f) : KERF_OK;
}

static void go_to(finding *f, size_t num_moves)
{
    for (size_t l = 0; l < f->num; l++)
        f->amounts[l].value = 0;
    for (size_t i = 0; i < num_moves; i++)
        f->amounts[f->moves[i].layer].value = share_at(f->moves[i].to);
}

static kerf_status measure(void *context, size_t num_moves, kerf__trade_point *out)
{
    finding *f = context;
    if (isnan(f->at[num_moves].lost)) {
        go_to(f, num_moves);
        KERF__TRY(measure_amounts(f, &f->at[num_moves]));
    }
    *out = f->at[num_moves];
    return KERF_OK;
}

/* The longest walk that does not lose too much; with a bound on cost the shortest that keeps it,
 * or where none does, the whole of it. */
static kerf_status choose(finding *f, kerf_prune_found *found)
{
    size_t chosen;
    kerf__trade_point p;
    KERF__TRY(kerf__trade_find(&chosen, f->target, f->num_moves, measure, f));
    if (!kerf__trade_has_cost(f->target) || chosen > f->num_moves)
        chosen--;
    KERF__TRY(measure(f, chosen, &p));
    go_to(f, chosen);
    kerf__trade_tell_missed(found->missed, sizeof found->missed, f->target, &p,
                            "what is left takes");
    found->lost = p.lost;
    found->bytes = p.bytes;
    found->ms = p.ms;
    return KERF_OK;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static kerf_status allocate(finding *f)
{
    const size_t cells = f->num * NUM_STEPS;
    f->lost = kerf__alloc(cells, sizeof *f->lost);
    f->cost = kerf__alloc(cells, sizeof *f->cost);
    f->moves = kerf__alloc(cells, sizeof *f->moves);
    f->at = kerf__alloc(cells + 1, sizeof *f->at);
    f->patterns = kerf__alloc(f->num, PATTERN_BYTES);
    f->amounts = kerf__alloc(f->num, sizeof *f->amounts);
    if (f->lost == NULL || f->cost == NULL || f->moves == NULL || f->at == NULL ||
        f->patterns == NULL || f->amounts == NULL)
        return kerf__fail_memory("prune", cells * sizeof *f->moves);
    for (size_t i = 0; i <= cells; i++)
        f->at[i].lost = NAN;
    for (size_t l = 0; l < f->num; l++) {
        char *pattern = f->patterns + l * PATTERN_BYTES;
        kerf__quote_pattern(pattern, f->layers[l].name);
        f->amounts[l].pattern = pattern;
    }
    return KERF_OK;
}

static kerf_status measure_whole(finding *f)
{
    kerf__trade_point whole;
    KERF__TRY(measure(f, 0, &whole)); /* loses 0 - top1 so far */
    f->top1 = -whole.lost;
    f->at[0].lost = 0;
    return KERF_OK;
}

static kerf_status check(const kerf_target *t)
{
    KERF__TRY(kerf__trade_check(t, "prune"));
    if (t->max_drop > 100)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: at most %g points are to be lost: must be from 0 to 100",
                          t->max_drop);
    return KERF_OK;
}

static kerf_status find(finding *f, kerf_prune_found *found)
{
    KERF__TRY(check(f->target));
    KERF__TRY(kerf_prune_analyse(&f->layers, &f->num, f->g, f->s, f->d, f->options, f->how));
    KERF__TRY(allocate(f));
    KERF__TRY(make_clock(f));
    KERF__TRY(measure_whole(f));
    KERF__TRY(fill_table(f));
    const kerf__trade_table table = {f->lost, f->cost, f->num, NUM_STEPS};
    f->num_moves = kerf__trade_curve(&table, f->moves);
    return choose(f, found);
}

kerf_status kerf_prune_find_amounts(kerf_prune_found **out, const kerf_graph *g,
                                    const kerf_state *s, const kerf_dataset *d,
                                    const kerf_prune_options *options, const kerf_target *target,
                                    const kerf_analyse_options *how)
{
    finding f = {.g = g, .s = s, .d = d, .options = options, .target = target, .how = how};
    kerf_prune_found *found = kerf__alloc(1, sizeof *found);
    *out = NULL;
    if (found == NULL)
        return kerf__fail_memory("prune", sizeof *found);
    kerf_status status = find(&f, found);
    free(f.layers);
    free(f.lost);
    free(f.cost);
    free(f.moves);
    free(f.at);
    found->amounts = f.amounts;
    found->num_amounts = f.num;
    found->patterns = f.patterns;
    if (status == KERF_OK)
        *out = found;
    else
        kerf_prune_found_destroy(found);
    return status;
}

void kerf_prune_found_destroy(kerf_prune_found *found)
{
    if (found == NULL)
        return;
    free(found->amounts);
    free(found->patterns);
    free(found);
}
