/* compress/prune/prune_rigl.c -- the rigged lottery: at each event the smallest weights go, and as
 * many come back where the gradient of the last step is largest, from 0.
 *
 * Evci et al. 2020, "Rigging the lottery: making all tickets winners"; how much is exchanged falls
 * with a cosine (pruner.c).  On a curve that rises it is Liu et al. 2021, "Sparse training via
 * boosting pruning plasticity with neuroregeneration".
 *
 *     scores, mask --TopKMask(taken)--> kept;  |gradient|, not kept --TopKMask(stay)--> grown
 *     next mask = kept or grown */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_making.h"

/* By layer: what is asked of TopKMask, and what it gave. */
typedef struct lists {
    kerf_value **scores, **was, **kept, **slopes, **open, **grown;
} lists;

/* The gradient by unit; any unit may be asked for it. */
static kerf_status add_slopes(const kerf__making *m, size_t i, kerf_value **out)
{
    kerf_value *gradient, *unused;
    KERF__TRY(kerf__making_remembered(m, i, &gradient));
    return kerf__making_pool(m, i, gradient, m->layers[i].may, out, &unused);
}

static kerf_status exchange(const kerf__making *m, const lists *x, size_t first, size_t num)
{
    kerf_value *taken, *stay, *threshold;
    KERF__TRY(kerf__making_input(m, "taken", first, KERF_S32, &taken));
    KERF__TRY(kerf__making_input(m, "stay", first, KERF_S32, &stay));
    KERF__TRY(kerf__making_top_k(m, taken, first, num, x->scores, x->was, x->kept, &threshold));
    for (size_t i = first; i < first + num; i++)
        KERF__TRY(kerf__making_node(m, "Not", &x->kept[i], 1, &x->open[i]));
    KERF__TRY(kerf__making_top_k(m, stay, first, num, x->slopes, x->open, x->grown, NULL));
    for (size_t i = first; i < first + num; i++)
        KERF__TRY(kerf__making_node(m, "Or", (kerf_value *[]){x->kept[i], x->grown[i]}, 2,
                                    &m->layers[i].unit_next));
    return KERF_OK;
}

static kerf_status add_choice(const kerf__making *m)
{
    const size_t num = m->targets->num, step = kerf__making_step(m);
    kerf_value **all = kerf__alloc(6 * num, sizeof *all);
    if (all == NULL)
        return kerf__fail_memory("prune", 6 * num * sizeof *all);
    const lists x = {all, all + num, all + 2 * num, all + 3 * num, all + 4 * num, all + 5 * num};
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < num; i++) {
        x.scores[i] = m->layers[i].unit_scores;
        x.was[i] = m->layers[i].unit_was;
        status = add_slopes(m, i, &x.slopes[i]);
    }
    for (size_t i = 0; status == KERF_OK && i < num; i += step)
        status = exchange(m, &x, i, step);
    free(all);
    return status;
}

const kerf__prune_way kerf__prune_rigl = {
    .by_rank = 1, .exchanges = 1, .remembers = "gradient", .add_choice = add_choice};
