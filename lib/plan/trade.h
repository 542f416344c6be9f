/* plan/trade.h -- what a network loses against what it takes: shared by those who find a choice for
 * each layer, of types (compress/quantize) or of amounts that go (train/prune_find.c).
 *
 * Words.  harm: what a layer's choice costs the results, in a measure that adds up over layers.
 * cost: what it takes, bytes or time.  curve: ever cheaper networks, from the one that is whole;
 * each point is the one before it with one layer moved.
 *
 *   trade_curve.c   from the layers' harm and costs to the curve, by arithmetic alone
 *   trade_find.c    the point of it that keeps a target, by measuring few
 *   trade_time.c    what a network and its layers take: on their device, or by a file of costs */
#ifndef KERF_PLAN_TRADE_H
#define KERF_PLAN_TRADE_H

#include "kerf/plan.h"
#include "kerf/ranks.h"

/* By layer, then by choice; choice 0 is where the curve begins. */
typedef struct kerf__trade_table {
    const double *harm, *cost;
    size_t num_layers, num_choices;
} kerf__trade_table;

typedef struct kerf__trade_move {
    size_t layer;
    int from, to;
} kerf__trade_move;

/* Fills in moves, with room for num_layers * (num_choices - 1), and gives how many there are. */
size_t kerf__trade_curve(const kerf__trade_table *t, kerf__trade_move *moves);

/* ---- a target -------------------------------------------------------------------------- */

/* A network of the curve that was made and measured. */
typedef struct kerf__trade_point {
    double lost, bytes, ms;
} kerf__trade_point;

typedef kerf_status (*kerf__trade_measure)(void *context, size_t num_moves, kerf__trade_point *out);

/* 1 if the target bounds bytes or time: then it is a point's cost that is looked for. */
int kerf__trade_has_cost(const kerf_target *t);
/* In *behind the first point on the far side of the bound, by halves: that keeps the cost, or that
 * loses too much where no cost is bounded; num_moves + 1: none. */
kerf_status kerf__trade_find(size_t *behind, const kerf_target *t, size_t num_moves,
                             kerf__trade_measure measure, void *context);
/* Which bound the point breaks, and by how much; "" if none.  what_takes: "the file". */
void kerf__trade_tell_missed(char *text, size_t text_bytes, const kerf_target *t,
                             const kerf__trade_point *p, const char *what_takes);
/* Fails on bounds that nothing can keep.  who: "quantize". */
kerf_status kerf__trade_check(const kerf_target *t, const char *who);

/* ---- time ------------------------------------------------------------------------------ */

/* Where milliseconds come from. */
typedef struct kerf__trade_clock {
    const kerf_costs *costs; /* of another device (kerf/costs.h); NULL: measured on the state's */
    const kerf_known_input *inputs; /* for measuring, where shapes are open */
    size_t num_inputs;
    const kerf_ranks *ranks; /* borrowed: rank 0's clock is everybody's (NULL: one alone) */
} kerf__trade_clock;

/* Of a run with one sample that somebody waits for: the median of some. */
kerf_status kerf__trade_run_ms(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms);
/* Of the steps that belong to each of these nodes. */
kerf_status kerf__trade_layers_ms(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms);
/* The place in names of the layer that a node or a plan's step belongs to; num: none. */
size_t kerf__trade_owner(const char *step, const char *const *names, size_t num);

/* A network that is planned once and timed often. */
typedef struct kerf__trade_errand kerf__trade_errand;
kerf_status kerf__trade_open(kerf__trade_errand **out, const kerf__trade_clock *clock,
                             kerf_precision precision, const kerf_graph *g, kerf_state *s);
void kerf__trade_close(kerf__trade_errand *e); /* NULL is allowed */
/* Both in turns, run by run, for so long at least: medians of the round that was the quietest, so
 * that what holds one up holds up the other, too, and their ratio is that of the networks. */
kerf_status kerf__trade_turns(kerf__trade_errand *const both[2], double at_least_ms, double ms[2]);
/* Of the steps that belong to each of these nodes, one by one. */
kerf_status kerf__trade_steps_ms(const kerf__trade_errand *e, const char *const *names, size_t num,
                                 double *ms);
#endif
