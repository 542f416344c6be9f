/* qat_cost.c -- what a step of training with roundings costs beside one without.
 *
 *     tests/device_run.sh pocl build/release/tests/qat_cost [NET [BATCH [WEIGHTS' BITS]]]
 *
 * Steps in turns: of the network as it is trained as floats, of the same with its batch
 * normalisation folded, of that with its roundings, of that with ranges that follow what is seen,
 * and of that with ranges that are learned.  Then where all but the first spend their time, by kind
 * of node, each step of a plan alone; what stands beside is what it is more than the folded
 * network's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step_bench.h"

enum { PLAIN, FOLDED, ROUNDING, FOLLOWING, LEARNING, NUM, MOST_ROUNDS = 1001, MOST_OPS = 64 };
static const char *const NAMES[NUM] = {"float", "folded", "rounding", "following", "learning"};

typedef struct contender {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *plan;
    double ms[MOST_ROUNDS];
    int64_t step;
} contender;

/* What all steps of one kind take. */
typedef struct kind {
    char op[48], direction[16];
    double ms[NUM];
} kind;

/* ---- making ready ------------------------------------------------------------------------ */

static kerf_ranges *find_ranges(const contender *c, const kerf_quantize_options *q)
{
    char spec[64];
    const kerf_shape in = kerf_value_shape(kerf_graph_input(c->g, 0));
    const kerf_calibrate_options how = {.samples = 32, .batch = 32, .seed = 1};
    kerf_dataset *data;
    kerf_ranges *ranges;
    snprintf(spec, sizeof spec, "random:%d,%d,%d,10", (int)in.dims[1], (int)in.dims[2],
             (int)in.dims[3]);
    bench_ok(kerf_dataset_open(&data, spec));
    bench_ok(kerf_calibrate(&ranges, c->g, c->s, data, q, &how));
    kerf_dataset_close(data);
    return ranges;
}

static void make_networks(contender all[NUM], const char *net, kerf_type weights, kerf_device *dev)
{
    const kerf_net_options own = {0};
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    q.weights = weights;
    for (int i = 0; i < NUM; i++)
        bench_ok(kerf_net_create(&all[i].g, &all[i].s, net, &own, dev));
    for (int i = FOLDED; i < NUM; i++)
        bench_ok(kerf_quantize_fold(all[i].g, all[i].s));
    kerf_ranges *ranges = find_ranges(&all[ROUNDING], &q);
    q.ranges = ranges;
    for (int i = ROUNDING; i < NUM; i++) {
        kerf_graph *plain = all[i].g;
        q.learn_ranges = i == LEARNING;
        bench_ok(kerf_quantize_rounding(&all[i].g, plain, i == ROUNDING ? NULL : all[i].s, &q));
        kerf_graph_destroy(plain);
    }
    kerf_ranges_destroy(ranges);
}

/* ---- timing ------------------------------------------------------------------------------- */

static double step_ms(contender *c, kerf_device *dev)
{
    return bench_step_ms(c->plan, &c->step, dev);
}

/* For a while, but for 15 rounds and of an odd number. */
static void time_steps(contender all[NUM], kerf_device *dev)
{
    enum { LEAST = 15, LONG_ENOUGH_MS = 12000 };
    const double start = kerf__now_ms();
    int rounds = 0;
    for (int warm = 0; warm < 3; warm++)
        for (int i = 0; i < NUM; i++)
            step_ms(&all[i], dev);
    while (rounds < LEAST ||
           (kerf__now_ms() - start < LONG_ENOUGH_MS && rounds < MOST_ROUNDS - 2)) {
        for (int i = 0; i < NUM; i++)
            all[i].ms[rounds] = step_ms(&all[i], dev);
        rounds++;
    }
    printf("graph,fastest_ms,median_ms,of_float,of_folded\n");
    for (int i = 0; i < NUM; i++)
        qsort(all[i].ms, (size_t)rounds, sizeof(double), bench_order);
    for (int i = 0; i < NUM; i++)
        printf("%s,%.3f,%.3f,%.3f,%.3f\n", NAMES[i], all[i].ms[0], all[i].ms[rounds / 2],
               all[i].ms[rounds / 2] / all[PLAIN].ms[rounds / 2],
               all[i].ms[rounds / 2] / all[FOLDED].ms[rounds / 2]);
}

static kind *find_kind(kind *kinds, int *num, const kerf_plan_step *step)
{
    for (int i = 0; i < *num; i++)
        if (strcmp(kinds[i].op, step->op) == 0 && strcmp(kinds[i].direction, step->direction) == 0)
            return &kinds[i];
    if (*num == MOST_OPS)
        return &kinds[MOST_OPS - 1];
    snprintf(kinds[*num].op, sizeof kinds->op, "%s", step->op);
    snprintf(kinds[*num].direction, sizeof kinds->direction, "%s", step->direction);
    return &kinds[(*num)++];
}

static void time_kinds(contender all[NUM])
{
    enum { REPEAT = 20 };
    static kind kinds[MOST_OPS];
    int num = 0;
    for (int c = FOLDED; c < NUM; c++)
        for (int i = 0; i < kerf_plan_num_steps(all[c].plan); i++) {
            kerf_plan_step step;
            double ms;
            bench_ok(kerf_plan_get_step(all[c].plan, i, &step));
            bench_ok(kerf_plan_time_step(all[c].plan, i, REPEAT, &ms));
            find_kind(kinds, &num, &step)->ms[c] += ms;
        }
    printf("\nop,direction,folded_ms");
    for (int c = ROUNDING; c < NUM; c++)
        printf(",%s_ms,more_ms", NAMES[c]);
    for (int i = 0; i < num; i++) {
        printf("\n%s,%s,%.3f", kinds[i].op, kinds[i].direction, kinds[i].ms[FOLDED]);
        for (int c = ROUNDING; c < NUM; c++)
            printf(",%.3f,%+.3f", kinds[i].ms[c], kinds[i].ms[c] - kinds[i].ms[FOLDED]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static contender all[NUM];
    const char *net = argc > 1 ? argv[1] : "lenet-5";
    const int64_t batch = argc > 2 ? atoll(argv[2]) : 64;
    const int bits = argc > 3 ? atoi(argv[3]) : 8;
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    make_networks(all, net, bits == 8 ? KERF_S8 : bits == 4 ? KERF_S4 : KERF_S2, dev);
    for (int i = 0; i < NUM; i++)
        all[i].plan = bench_step_plan(all[i].g, all[i].s, batch, 0);
    time_steps(all, dev);
    time_kinds(all);
    for (int i = 0; i < NUM; i++) {
        kerf_plan_destroy(all[i].plan);
        kerf_graph_destroy(all[i].g);
        kerf_state_destroy(all[i].s);
    }
    kerf_device_close(dev);
    return 0;
}
