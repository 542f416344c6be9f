/* sparse_step.c -- what a training step takes when little of a network is left, beside a plan that
 * multiplies by its zeros.
 *
 *     tests/device_run.sh pocl build/release/tests/sparse_step [NET [BATCH [PERCENT PRUNED
 * [joined]]]]
 *
 * Steps of both in turns; then where each spends its time, node by node; then what it costs to have
 * other masks (patterns are made again) and another plan, in steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan_internal.h"
#include "step_bench.h"

enum { DENSE, SPARSE, NUM, MOST_ROUNDS = 4001 };
static const char *const NAMES[NUM] = {"dense", "sparse"};

typedef struct contender {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *plan;
    kerf_pruner *pruner;
    double ms[MOST_ROUNDS];
    int64_t step;
} contender;

/* ---- making ready ------------------------------------------------------------------------ */

/* By magnitude, the same share of each layer; a fifth of what is left may go for new masks. */
static double all_of(double share)
{
    return 1 - 0.8 * (1 - share);
}

static void make(contender *c, const char *net, double share, kerf_device *dev)
{
    const kerf_net_options own = {0};
    const kerf_prune_options prune = {.amount = all_of(share), .seed = 1};
    bench_ok(kerf_net_create(&c->g, &c->s, net, &own, dev));
    bench_ok(kerf_prune_mark(c->g, c->s, &prune));
    bench_ok(kerf_pruner_create(&c->pruner, c->g, c->s, &prune));
    bench_ok(kerf_pruner_apply(c->pruner, share / all_of(share)));
}

/* ---- timing ------------------------------------------------------------------------------- */

static double step_ms(contender *c, kerf_device *dev)
{
    return bench_step_ms(c->plan, &c->step, dev);
}

static void time_steps(contender all[NUM], kerf_device *dev)
{
    enum { LEAST = 15, LONG_ENOUGH_MS = 6000 };
    const double start = kerf__now_ms();
    int rounds = 0;
    for (int warm = 0; warm < 10; warm++)
        for (int i = 0; i < NUM; i++)
            step_ms(&all[i], dev);
    while (rounds < LEAST ||
           (kerf__now_ms() - start < LONG_ENOUGH_MS && rounds < MOST_ROUNDS - 1)) {
        for (int i = 0; i < NUM; i++)
            all[i].ms[rounds] = step_ms(&all[i], dev);
        rounds++;
    }
    for (int i = 0; i < NUM; i++)
        qsort(all[i].ms, (size_t)rounds, sizeof(double), bench_order);
    const double dense = all[DENSE].ms[rounds / 2], sparse = all[SPARSE].ms[rounds / 2];
    printf("plan,fastest_ms,median_ms,plan_mib,with_states_mib\n");
    for (int i = 0; i < NUM; i++)
        printf("%s,%.3f,%.3f,%.1f,%.1f\n", NAMES[i], all[i].ms[0], all[i].ms[rounds / 2],
               (double)kerf_plan_arena_bytes(all[i].plan) / (1 << 20),
               (double)kerf__plan_needed_bytes(all[i].plan) / (1 << 20));
    printf("dense / sparse,%.2f,%.2f\n", all[DENSE].ms[0] / all[SPARSE].ms[0], dense / sparse);
}

static void time_nodes(const contender *c, const char *name)
{
    enum { REPEAT = 50 };
    printf("\n%s: node,op,direction,ms\n", name);
    for (int i = 0; i < kerf_plan_num_steps(c->plan); i++) {
        kerf_plan_step step;
        double ms;
        bench_ok(kerf_plan_get_step(c->plan, i, &step));
        bench_ok(kerf_plan_time_step(c->plan, i, REPEAT, &ms));
        printf("%s,%s,%s,%.4f\n", step.name, step.op, step.direction, ms);
    }
}

static double median(double *x, int num)
{
    qsort(x, (size_t)num, sizeof *x, bench_order);
    return x[num / 2];
}

/* Steps of now: the machine changes its pace within seconds. */
static double pace_ms(contender *c, kerf_device *dev)
{
    enum { STEPS = 7 };
    double ms[STEPS];
    for (int i = 0; i < STEPS; i++)
        ms[i] = step_ms(c, dev);
    return median(ms, STEPS);
}

/* A step with new masks, which they precede, and a plan with its first step; beside the steps that
 * come before. */
static void time_changes(contender *c, int64_t batch, double share, kerf_device *dev)
{
    enum { TIMES = 31 };
    const double first = share / all_of(share);
    double ms[2][TIMES], steps[2][TIMES];
    for (int i = 0; i < TIMES; i++) {
        int is_stale;
        double pace = pace_ms(c, dev), start = kerf__now_ms();
        bench_ok(kerf_pruner_apply(c->pruner, first + (1 - first) * (i + 1) / TIMES));
        bench_ok(kerf_plan_is_stale(c->plan, &is_stale));
        step_ms(c, dev);
        ms[0][i] = kerf__now_ms() - start - pace;
        steps[0][i] = ms[0][i] / pace;
        pace = pace_ms(c, dev);
        start = kerf__now_ms();
        kerf_plan_destroy(c->plan);
        c->plan = bench_step_plan(c->g, c->s, batch, 0);
        step_ms(c, dev);
        ms[1][i] = kerf__now_ms() - start - pace;
        steps[1][i] = ms[1][i] / pace;
    }
    printf("\nchange,median_ms,steps\n");
    for (int i = 0; i < 2; i++)
        printf("%s,%.3f,%.2f\n", i == 0 ? "masks" : "plan", median(ms[i], TIMES),
               median(steps[i], TIMES));
}

int main(int argc, char **argv)
{
    static contender all[NUM];
    const char *net = argc > 1 ? argv[1] : "lenet-300-100";
    const int64_t batch = argc > 2 ? atoll(argv[2]) : 256;
    const double share = (argc > 3 ? atof(argv[3]) : 95) / 100;
    const int is_joined = argc > 4; /* launches, as training has them where that pays */
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    for (int i = 0; i < NUM; i++) {
        make(&all[i], net, share, dev);
        all[i].plan = bench_step_plan(all[i].g, all[i].s, batch, i == DENSE);
        if (is_joined)
            bench_ok(kerf_plan_join(all[i].plan));
    }
    time_steps(all, dev);
    for (int i = 0; i < NUM; i++)
        time_nodes(&all[i], NAMES[i]);
    time_changes(&all[SPARSE], batch, share, dev);
    for (int i = 0; i < NUM; i++) {
        kerf_pruner_destroy(all[i].pruner);
        kerf_plan_destroy(all[i].plan);
        kerf_graph_destroy(all[i].g);
        kerf_state_destroy(all[i].s);
    }
    kerf_device_close(dev);
    return 0;
}
