/* compress/quantize/bits_curve.c -- the trade-off between noise and cost.
 *
 * Each layer takes one of its types, so that the sum of costs stays within a bound and the sum of
 * noise is least: a multiple-choice knapsack.  Moving each time the layer that saves most for the
 * noise it adds walks along the convex hull of all networks, and is optimal at each cost that it
 * stops at (Sinha and Zoltners 1979; for bits, Shoham and Gersho 1988).  HAWQ-V2 (Dong et al. 2020)
 * adds up its layers' sensitivities in the same way, made of Hessians where here they are measured.
 */
#include <math.h>

#include "compress/quantize/bits_internal.h"

/* Noise for a unit of cost; NAN: nothing is saved. */
static double price(const kerf__bits_table *t, kerf__bits_move m)
{
    const size_t row = m.layer * t->num_types;
    const double saved = t->cost[row + (size_t)m.from] - t->cost[row + (size_t)m.to];
    const double added = t->noise[row + (size_t)m.to] - t->noise[row + (size_t)m.from];
    return saved > 0 ? added / saved : NAN;
}

/* At a tie the earlier layer goes first, and its earlier type. */
static int find_best(const kerf__bits_table *t, const kerf__bits_move *done, size_t num_done,
                     kerf__bits_move *best)
{
    double least = INFINITY;
    for (size_t l = 0; l < t->num_layers; l++) {
        kerf__bits_move m = {.layer = l};
        for (size_t i = 0; i < num_done; i++)
            if (done[i].layer == l)
                m.from = done[i].to;
        for (m.to = 0; (size_t)m.to < t->num_types; m.to++) {
            const double p = price(t, m);
            if (p < least) {
                least = p;
                *best = m;
            }
        }
    }
    return least < INFINITY;
}

size_t kerf__bits_curve(const kerf__bits_table *t, kerf__bits_move *moves)
{
    const size_t most = t->num_layers * (t->num_types - 1);
    size_t num = 0;
    while (num < most && find_best(t, moves, num, &moves[num]))
        num++;
    return num;
}
