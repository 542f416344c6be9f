/* plan/trade_curve.c -- the trade-off between harm and cost.
 *
 * Each layer takes one of its choices, so that the sum of costs stays within a bound and the sum of
 * harm is least: a multiple-choice knapsack.  Moving each time the layer that saves most for the
 * harm it adds walks along the convex hull of all networks, and is optimal at each cost that it
 * stops at (Sinha and Zoltners 1979; for bits, Shoham and Gersho 1988).  HAWQ-V2 (Dong et al. 2020)
 * adds up its layers' sensitivities in the same way, made of Hessians where here they are measured.
 */
#include <math.h>

#include "plan/trade.h"

/* Harm for a unit of cost; NAN: nothing is saved. */
static double price(const kerf__trade_table *t, kerf__trade_move m)
{
    const size_t row = m.layer * t->num_choices;
    const double saved = t->cost[row + (size_t)m.from] - t->cost[row + (size_t)m.to];
    const double added = t->harm[row + (size_t)m.to] - t->harm[row + (size_t)m.from];
    return saved > 0 ? added / saved : NAN;
}

/* At a tie the earlier layer goes first, and its earlier choice. */
static int find_best(const kerf__trade_table *t, const kerf__trade_move *done, size_t num_done,
                     kerf__trade_move *best)
{
    double least = INFINITY;
    for (size_t l = 0; l < t->num_layers; l++) {
        kerf__trade_move m = {.layer = l};
        for (size_t i = 0; i < num_done; i++)
            if (done[i].layer == l)
                m.from = done[i].to;
        for (m.to = 0; (size_t)m.to < t->num_choices; m.to++) {
            const double p = price(t, m);
            if (p < least) {
                least = p;
                *best = m;
            }
        }
    }
    return least < INFINITY;
}

size_t kerf__trade_curve(const kerf__trade_table *t, kerf__trade_move *moves)
{
    const size_t most = t->num_layers * (t->num_choices - 1);
    size_t num = 0;
    while (num < most && find_best(t, moves, num, &moves[num]))
        num++;
    return num;
}
