/* train/prune_find.c -- how much of each layer can go, for a bound on what is lost.
 *
 * What each layer loses alone (prune_analyse.c) orders the steps: always the layer next that gives
 * most weights for the points it costs, which walks along the hull of all choices (as types of few
 * bits are found, bits_curve.c).  What counts is measured: prefixes of that walk, all layers
 * together, by halves, until the longest within the bound is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "compress/quantize/bits_internal.h"
#include "train/evaluate.h"
#include "train/train_internal.h"

enum { NUM_STEPS = KERF_NUM_SENSITIVITY_SHARES + 1 }; /* step 0: nothing goes */

typedef struct finding {
    const kerf_graph *g; /* borrowed, as the next four */
    const kerf_state *s;
    const kerf_dataset *d;
    const kerf_prune_options *options;
    const kerf_analyse_options *how;
    kerf_sensitivity *layers; /* owned, as all below */
    size_t num;
    double *lost, *left; /* by layer and step */
    kerf__bits_move *moves;
    size_t num_moves;
    char *patterns; /* of fixed size a layer */
    kerf_prune_amount *amounts;
    double top1; /* before */
} finding;

enum { PATTERN_BYTES = 2 * sizeof(((kerf_sensitivity *)NULL)->name) };

/* ---- the walk ------------------------------------------------------------------------------ */

/* More may not cost less: what a sample more or less says is noise. */
static void fill_table(finding *f)
{
    for (size_t l = 0; l < f->num; l++) {
        double most = 0;
        for (int k = 0; k < NUM_STEPS; k++) {
            const size_t at = l * NUM_STEPS + (size_t)k;
            most = k > 0 ? fmax(most, f->layers[l].lost[k - 1]) : 0;
            f->lost[at] = most;
            f->left[at] =
                (double)f->layers[l].total * (k > 0 ? 1 - kerf_sensitivity_share(k - 1) : 1);
        }
    }
    const kerf__bits_table table = {f->lost, f->left, f->num, NUM_STEPS};
    f->num_moves = kerf__bits_curve(&table, f->moves);
}

/* Amounts of the layers after so many steps. */
static void go_to(finding *f, size_t num_moves)
{
    for (size_t l = 0; l < f->num; l++) {
        char *pattern = f->patterns + l * PATTERN_BYTES;
        kerf__quote_pattern(pattern, f->layers[l].name);
        f->amounts[l] = (kerf_prune_amount){pattern, 0};
    }
    for (size_t i = 0; i < num_moves; i++)
        f->amounts[f->moves[i].layer].value =
            f->moves[i].to > 0 ? kerf_sensitivity_share(f->moves[i].to - 1) : 0;
}

/* ---- measuring ----------------------------------------------------------------------------- */

static kerf_status evaluate(const finding *f, const kerf_graph *g, kerf_state *s, double *top1)
{
    kerf_evaluation e;
    KERF__TRY(kerf_evaluate(g, s, f->d, kerf__split_to_judge(f->d),
                            f->how->batch > 0 ? f->how->batch : 256, f->how->prep, &e, NULL));
    *top1 = e.top1;
    return KERF_OK;
}

static kerf_status prune_copy(const finding *f, kerf_graph *g, kerf_state *s)
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

/* Points lost after so many steps. */
static kerf_status measure(finding *f, size_t num_moves, double *lost)
{
    kerf_graph *g;
    kerf_state *s = NULL;
    double top1 = 0;
    go_to(f, num_moves);
    KERF__TRY(kerf_graph_copy(&g, f->g));
    kerf_status status = kerf_state_copy(&s, f->s, kerf_state_device(f->s));
    if (status == KERF_OK && num_moves > 0)
        status = prune_copy(f, g, s);
    if (status == KERF_OK)
        status = evaluate(f, g, s, &top1);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    *lost = f->top1 - top1;
    return status;
}

/* The longest walk within the bound, if longer ones lose more. */
static kerf_status search(finding *f, double max_drop, double *lost)
{
    size_t good = 0, bad = f->num_moves + 1;
    *lost = 0;
    while (bad - good > 1) {
        const size_t middle = good + (bad - good) / 2;
        double here;
        KERF__TRY(measure(f, middle, &here));
        if (here <= max_drop) {
            good = middle;
            *lost = here;
        } else {
            bad = middle;
        }
    }
    go_to(f, good);
    return KERF_OK;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static kerf_status allocate(finding *f)
{
    const size_t cells = f->num * NUM_STEPS;
    f->lost = kerf__alloc(cells, sizeof *f->lost);
    f->left = kerf__alloc(cells, sizeof *f->left);
    f->moves = kerf__alloc(cells, sizeof *f->moves);
    f->patterns = kerf__alloc(f->num, PATTERN_BYTES);
    f->amounts = kerf__alloc(f->num, sizeof *f->amounts);
    if (f->lost == NULL || f->left == NULL || f->moves == NULL || f->patterns == NULL ||
        f->amounts == NULL)
        return kerf__fail_memory("prune", cells * sizeof *f->moves);
    return KERF_OK;
}

static kerf_status find(finding *f, double max_drop, double *lost)
{
    if (!(max_drop >= 0 && max_drop <= 100))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: at most %g points are to be lost: must be from 0 to 100",
                          max_drop);
    KERF__TRY(kerf_prune_analyse(&f->layers, &f->num, f->g, f->s, f->d, f->options, f->how));
    KERF__TRY(allocate(f));
    fill_table(f);
    KERF__TRY(measure(f, 0, &f->top1)); /* 0 - top1 so far */
    f->top1 = -f->top1;
    return search(f, max_drop, lost);
}

kerf_status kerf_prune_find_amounts(kerf_prune_found **out, const kerf_graph *g,
                                    const kerf_state *s, const kerf_dataset *d,
                                    const kerf_prune_options *options, double max_drop,
                                    const kerf_analyse_options *how)
{
    finding f = {.g = g, .s = s, .d = d, .options = options, .how = how};
    kerf_prune_found *found = kerf__alloc(1, sizeof *found);
    *out = NULL;
    if (found == NULL)
        return kerf__fail_memory("prune", sizeof *found);
    kerf_status status = find(&f, max_drop, &found->lost);
    free(f.layers);
    free(f.lost);
    free(f.left);
    free(f.moves);
    if (status == KERF_OK) {
        found->amounts = f.amounts;
        found->num_amounts = f.num;
        found->patterns = f.patterns;
        *out = found;
        return KERF_OK;
    }
    free(f.amounts);
    free(f.patterns);
    free(found);
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
