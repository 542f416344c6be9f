/* compress/prune/prune_obd.c -- second order: w^2 H / 2, with the Hessian's diagonal taken as that
 * of Fisher's matrix, the squared gradients averaged over the last batches.
 *
 * LeCun et al. 1990, "Optimal brain damage"; the diagonal as in Theis et al. 2018, "Faster gaze
 * prediction with dense networks and Fisher pruning".  The half is left out: it moves no rank. */
#include "base/fail.h"
#include "compress/prune/prune_making.h"

static kerf_status add_scores(const kerf__making *m, size_t layer, kerf_value **out)
{
    kerf_value *fisher, *weight = m->layers[layer].weight, *product;
    KERF__TRY(kerf__making_remembered(m, layer, &fisher));
    KERF__TRY(kerf__making_node(m, "Mul", (kerf_value *[]){weight, fisher}, 2, &product));
    return kerf__making_node(m, "Mul", (kerf_value *[]){product, weight}, 2, out);
}

const kerf__prune_way kerf__prune_obd = {
    .by_rank = 1, .remembers = "fisher", .add_scores = add_scores};
