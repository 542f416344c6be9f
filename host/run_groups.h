/* run_groups.h -- runs side by side: those that differ in their seed alone are one point, with a
 * mean and a deviation.  Other half: run_groups.c. */
#ifndef HOST_RUN_GROUPS_H
#define HOST_RUN_GROUPS_H

#include "run_read.h"

/* low to high: 95 % interval of the mean by Student's t; NAN of one number alone, as sd. */
typedef struct run_mean {
    double mean, sd, low, high;
    size_t num;
} run_mean;
run_mean mean_of(const double *x, size_t num);

/* What a network costs, the horizontal axes of pictures. */
enum { COST_BYTES, COST_MACS, COST_MS, NUM_COSTS };
extern const char *const cost_names[NUM_COSTS], *const cost_units[NUM_COSTS];
/* Sums over the layers; NAN where one does not know. */
run_side run_sum(const run_record *r, int side);
double run_cost(const run_record *r, int side, int cost);

typedef struct run_group {
    char name[160];          /* of the first run */
    const run_record **runs; /* owned; borrowed, each */
    size_t num;
    run_mean top1, change;   /* after; after less before, of the same run */
    double cost[NUM_COSTS];  /* means */
    int is_front[NUM_COSTS]; /* no other group is cheaper and as right */
} run_group;
typedef struct run_groups {
    run_group *items; /* owned */
    size_t num;
} run_groups;

/* 0: memory is short.  The runs must live as long.  Free it in any case. */
int run_groups_make(run_groups *g, const run_record *runs, size_t num);
void run_groups_free(run_groups *g);
/* Of top-1 of `a` less that of `b`, over the seeds that both have. */
run_mean run_groups_paired(const run_group *a, const run_group *b);

#endif
