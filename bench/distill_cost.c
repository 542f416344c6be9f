/* distill_cost.c -- what a distilling step costs beside a student's step and the teacher's
 * inference.
 *
 *     tests/device_run.sh pocl build/release/tests/distill_cost [STUDENT TEACHER [BATCH [LOSS]]]
 *
 * In turns: the student's step alone, the teacher's inference alone, and both with soft targets,
 * the batch lying in one place; with LOSS ("mse", "attention" ...) a tap of both networks' layer
 * "conv2", too.  Wanted: at most 1.05 of the sum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step_bench.h"

enum { STUDENT, TEACHER, BOTH, NUM, MOST_ROUNDS = 1001 };
static const char *const NAMES[NUM] = {"student", "teacher", "distilling"};

typedef struct networks {
    kerf_device *dev;
    kerf_graph *student, *teacher;
    kerf_state *student_state, *teacher_state;
    kerf_plan *step, *inference, *distilling;
    int64_t num_steps, num_distilling;
} networks;

static void open_net(kerf_graph **g, kerf_state **s, const char *net, double width,
                     kerf_device *dev)
{
    const kerf_net_options own = {.width = width, .seed = 1};
    bench_ok(kerf_net_create(g, s, net, &own, dev));
}

static kerf_tap_loss loss_named(const char *name)
{
    for (int i = 0; i < KERF_NUM_TAP_LOSSES; i++)
        if (strcmp(kerf_tap_loss_name((kerf_tap_loss)i), name) == 0)
            return (kerf_tap_loss)i;
    fprintf(stderr, "distill_cost: there is no loss '%s'\n", name);
    exit(1);
}

static void make_plans(networks *n, int64_t batch, const char *loss)
{
    kerf_tap taps[2] = {{.loss = KERF_TAP_SOFT_TARGETS}};
    const kerf_plan_options evaluate = {.mode = KERF_EVALUATE, .batch = batch};
    kerf_plan_options train = {.mode = KERF_TRAIN,
                               .batch = batch,
                               .loss = KERF_LOSS_CROSS_ENTROPY,
                               .optimizer = kerf_train_defaults().optimizer,
                               .taps = taps,
                               .num_taps = loss != NULL ? 2 : 1};
    const char *input = kerf_value_name(kerf_graph_input(n->teacher, 0));
    const char *output = kerf_value_name(kerf_graph_output(n->teacher, 0));
    if (loss != NULL)
        bench_ok(kerf_graph_add_output(n->teacher, kerf_graph_find(n->teacher, "conv2")));
    bench_ok(kerf_plan_create(&n->inference, n->teacher, n->teacher_state, &evaluate));
    bench_fill_noise(kerf_plan_input(n->inference, input));
    taps[0].teacher = kerf_plan_output(n->inference, output);
    if (loss != NULL)
        taps[1] = (kerf_tap){.loss = loss_named(loss),
                             .teacher = kerf_plan_output(n->inference, "conv2"),
                             .student = "conv2"};
    train.input_place = kerf_plan_input(n->inference, input);
    bench_ok(kerf_plan_create(&n->distilling, n->student, n->student_state, &train));
    n->step = bench_step_plan(n->student, n->student_state, batch, 0);
}

static double inference_ms(const networks *n)
{
    const double start = kerf__now_ms();
    bench_ok(kerf_plan_run(n->inference));
    bench_ok(kerf_device_finish(n->dev));
    return kerf__now_ms() - start;
}

static double distilling_ms(networks *n)
{
    const kerf_step step = {.lr = 1e-6f,
                            .step = ++n->num_distilling,
                            .labels = 0.3f,
                            .taps = {0.7f, 1},
                            .temperature = 4};
    const double start = kerf__now_ms();
    bench_ok(kerf_plan_run(n->inference));
    bench_ok(kerf_plan_set_step(n->distilling, &step));
    bench_ok(kerf_plan_run(n->distilling));
    bench_ok(kerf_device_finish(n->dev));
    return kerf__now_ms() - start;
}

static void take_round(networks *n, double ms[NUM])
{
    ms[STUDENT] = bench_step_ms(n->step, &n->num_steps, n->dev);
    ms[TEACHER] = inference_ms(n);
    ms[BOTH] = distilling_ms(n);
}

/* Ratios are of each round; the interval holds the median 19 times in 20. */
static void time_rounds(networks *n)
{
    enum { LEAST = 15, LONG_ENOUGH_MS = 10000 };
    static double ms[NUM][MOST_ROUNDS], ratio[MOST_ROUNDS];
    double now[NUM];
    int rounds = 0;
    for (int warm = 0; warm < 3; warm++)
        take_round(n, now);
    const double start = kerf__now_ms();
    while (rounds < LEAST ||
           (kerf__now_ms() - start < LONG_ENOUGH_MS && rounds < MOST_ROUNDS - 2)) {
        take_round(n, now);
        for (int i = 0; i < NUM; i++)
            ms[i][rounds] = now[i];
        ratio[rounds++] = now[BOTH] / (now[STUDENT] + now[TEACHER]);
    }
    printf("part,fastest_ms,median_ms\n");
    for (int i = 0; i < NUM; i++) {
        qsort(ms[i], (size_t)rounds, sizeof(double), bench_order);
        printf("%s,%.4f,%.4f\n", NAMES[i], ms[i][0], ms[i][rounds / 2]);
    }
    qsort(ratio, (size_t)rounds, sizeof(double), bench_order);
    const int off = (int)(0.98 * sqrt((double)rounds)) + 1;
    printf("of_the_sum,%.3f (%.3f to %.3f; %d rounds; fastest %.3f)\n", ratio[rounds / 2],
           ratio[rounds / 2 - off], ratio[rounds / 2 + off], rounds,
           ms[BOTH][0] / (ms[STUDENT][0] + ms[TEACHER][0]));
}

int main(int argc, char **argv)
{
    networks n = {.num_steps = 0};
    const int64_t batch = argc > 3 ? atoll(argv[3]) : 128;
    bench_ok(kerf_device_open(&n.dev, NULL));
    open_net(&n.student, &n.student_state, argc > 2 ? argv[1] : "lenet-5", argc > 2 ? 1 : 0.1,
             n.dev);
    open_net(&n.teacher, &n.teacher_state, argc > 2 ? argv[2] : "lenet-5", 1, n.dev);
    make_plans(&n, batch, argc > 4 ? argv[4] : NULL);
    time_rounds(&n);
    kerf_plan_destroy(n.step);
    kerf_plan_destroy(n.distilling);
    kerf_plan_destroy(n.inference);
    kerf_graph_destroy(n.student);
    kerf_graph_destroy(n.teacher);
    kerf_state_destroy(n.student_state);
    kerf_state_destroy(n.teacher_state);
    kerf_device_close(n.dev);
    return 0;
}
