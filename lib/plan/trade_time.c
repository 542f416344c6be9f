/* plan/trade_time.c -- what a network takes, whole and by layer: measured on its device, or by what
 * was measured of its layers on another (costs_predict.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/together.h"
#include "plan/costs_internal.h"
#include "plan/trade.h"

/* ---- a run ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run as somebody has it who waits for the result: copies in and out count. */
struct kerf__trade_errand {
    kerf_plan *p;        /* owned */
    const kerf_graph *g; /* borrowed */
    void *in, *out;      /* owned; zeros for any input, room for any output */
};

static size_t bytes_of(const kerf_tensor *t)
{
    return t != NULL ? kerf_tensor_size_bytes(t) : 0;
}

static kerf_status add_room(kerf__trade_errand *e)
{
    size_t in = 1, out = 1;
    for (int i = 0; i < kerf_graph_num_inputs(e->g); i++)
        in += bytes_of(kerf_plan_input(e->p, kerf_value_name(kerf_graph_input(e->g, i))));
    for (int i = 0; i < kerf_graph_num_outputs(e->g); i++)
        out += bytes_of(kerf_plan_output(e->p, kerf_value_name(kerf_graph_output(e->g, i))));
    e->in = kerf__alloc(in, 1);
    e->out = kerf__alloc(out, 1);
    return e->in != NULL && e->out != NULL ? KERF_OK : kerf__fail_memory("plan", in + out);
}

kerf_status kerf__trade_open(kerf__trade_errand **out, const kerf__trade_clock *clock,
                             kerf_precision precision, const kerf_graph *g, kerf_state *s)
{
    const kerf_plan_options options = {.mode = KERF_EVALUATE,
                                       .batch = 1,
                                       .precision = precision,
                                       .inputs = clock->inputs,
                                       .num_inputs = clock->num_inputs};
    kerf__trade_errand *e = kerf__alloc(1, sizeof *e);
    *out = NULL;
    if (e == NULL)
        return kerf__fail_memory("plan", sizeof *e);
    e->g = g;
    kerf_status status = kerf_plan_create(&e->p, g, s, &options);
    if (status == KERF_OK)
        status = add_room(e);
    if (status == KERF_OK)
        *out = e;
    else
        kerf__trade_close(e);
    return status;
}

void kerf__trade_close(kerf__trade_errand *e)
{
    if (e == NULL)
        return;
    kerf_plan_destroy(e->p);
    free(e->in);
    free(e->out);
    free(e);
}

static kerf_status run_once(const kerf__trade_errand *e)
{
    for (int i = 0; i < kerf_graph_num_inputs(e->g); i++) {
        const char *name = kerf_value_name(kerf_graph_input(e->g, i));
        const size_t num_bytes = bytes_of(kerf_plan_input(e->p, name));
        if (num_bytes > 0) /* it may have become a constant */
            KERF__TRY(kerf_plan_feed(e->p, name, e->in, num_bytes));
    }
    KERF__TRY(kerf_plan_run(e->p));
    for (int i = 0; i < kerf_graph_num_outputs(e->g); i++) {
        const kerf_tensor *t = kerf_plan_output(e->p, kerf_value_name(kerf_graph_output(e->g, i)));
        if (bytes_of(t) > 0)
            KERF__TRY(kerf_tensor_read(t, e->out));
    }
    return KERF_OK;
}

static kerf_status time_once(const kerf__trade_errand *e, double *ms)
{
    const double start = kerf__now_ms();
    KERF__TRY(run_once(e));
    *ms = kerf__now_ms() - start;
    return KERF_OK;
}

enum { WARM = 3 };

static kerf_status warm_up(const kerf__trade_errand *e)
{
    for (int i = 0; i < WARM; i++)
        KERF__TRY(run_once(e));
    return KERF_OK;
}

static double median(double *all, size_t num)
{
    qsort(all, num, sizeof *all, compare);
    return all[num / 2];
}

static kerf_status time_errand(const kerf__trade_errand *e, double *ms)
{
    enum { RUNS = 31 };
    double all[RUNS];
    KERF__TRY(warm_up(e));
    for (int i = 0; i < RUNS; i++)
        KERF__TRY(time_once(e, &all[i]));
    *ms = median(all, RUNS);
    return KERF_OK;
}

/* ---- two in turns ---------------------------------------------------------------------- */

/* Who comes second may find caches warm or the clock lower, so each does. */
static kerf_status time_round(kerf__trade_errand *const both[2], double ms[2])
{
    enum { PAIRS = 15 };
    double all[2][PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        const int first = i % 2;
        KERF__TRY(time_once(both[first], &all[first][i]));
        KERF__TRY(time_once(both[!first], &all[!first][i]));
    }
    for (int k = 0; k < 2; k++)
        ms[k] = median(all[k], PAIRS);
    return KERF_OK;
}

kerf_status kerf__trade_turns(kerf__trade_errand *const both[2], double at_least_ms, double ms[2])
{
    const double begin = kerf__now_ms();
    KERF__TRY(warm_up(both[0]));
    KERF__TRY(warm_up(both[1]));
    ms[0] = ms[1] = INFINITY;
    do {
        double round[2];
        KERF__TRY(time_round(both, round));
        if (round[0] + round[1] < ms[0] + ms[1])
            memcpy(ms, round, sizeof round);
    } while (kerf__now_ms() - begin < at_least_ms);
    return KERF_OK;
}

/* ---- its layers ------------------------------------------------------------------------ */

/* Rewriting calls a layer's nodes NAME_product and so on: the longest name that fits is meant. */
size_t kerf__trade_owner(const char *step, const char *const *names, size_t num)
{
    size_t best = num, best_length = 0;
    for (size_t i = 0; i < num; i++) {
        const size_t length = strlen(names[i]);
        if (length > best_length && strncmp(step, names[i], length) == 0 &&
            (step[length] == '\0' || step[length] == '_')) {
            best = i;
            best_length = length;
        }
    }
    return best;
}

/* The least of a few: what disturbs a timing only makes it longer. */
static kerf_status time_step(kerf_plan *p, int i, double *ms)
{
    enum { REPEAT = 10, TIMES = 5 };
    *ms = INFINITY;
    for (int k = 0; k < TIMES; k++) {
        double once;
        KERF__TRY(kerf_plan_time_step(p, i, REPEAT, &once));
        *ms = fmin(*ms, once);
    }
    return KERF_OK;
}

static kerf_status time_steps(kerf_plan *p, const char *const *names, size_t num, double *ms)
{
    for (size_t i = 0; i < num; i++)
        ms[i] = 0;
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        double more;
        KERF__TRY(kerf_plan_get_step(p, i, &step));
        const size_t l = kerf__trade_owner(step.name, names, num);
        if (l == num)
            continue;
        KERF__TRY(time_step(p, i, &more));
        ms[l] += more;
    }
    return KERF_OK;
}

kerf_status kerf__trade_steps_ms(const kerf__trade_errand *e, const char *const *names, size_t num,
                                 double *ms)
{
    KERF__TRY(run_once(e)); /* steps find numbers: what lay there before may be denormal */
    return time_steps(e->p, names, num, ms);
}

/* ---- where it comes from --------------------------------------------------------------- */

static kerf_status measure_run(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms)
{
    kerf__trade_errand *e;
    kerf_status status = kerf__trade_open(&e, clock, KERF_PRECISION_F32, g, s);
    if (status == KERF_OK)
        status = time_errand(e, ms);
    kerf__trade_close(e);
    return status;
}

static kerf_status measure_layers(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms)
{
    kerf__trade_errand *e;
    kerf_status status = kerf__trade_open(&e, clock, KERF_PRECISION_F32, g, s);
    if (status == KERF_OK)
        status = kerf__trade_steps_ms(e, names, num, ms);
    kerf__trade_close(e);
    return status;
}

static kerf_status predict_run(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms)
{
    return kerf_costs_predict(clock->costs, g, s, ms);
}

static kerf_status predict_layers(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms)
{
    return kerf__costs_layers_ms(clock->costs, g, s, names, num, ms);
}

static const struct {
    kerf_status (*run_ms)(const kerf__trade_clock *, const kerf_graph *, kerf_state *, double *);
    kerf_status (*layers_ms)(const kerf__trade_clock *, const kerf_graph *, kerf_state *,
                             const char *const *, size_t, double *);
} SOURCES[] = {{measure_run, measure_layers}, {predict_run, predict_layers}};

/* The others wait, and so do not disturb it. */
static int is_timekeeper(const kerf__trade_clock *clock)
{
    return kerf__ranks_own(clock->ranks) == 0;
}

kerf_status kerf__trade_run_ms(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms)
{
    if (is_timekeeper(clock))
        KERF__TRY(SOURCES[clock->costs != NULL].run_ms(clock, g, s, ms));
    return kerf__ranks_take_first(clock->ranks, ms, sizeof *ms);
}

kerf_status kerf__trade_layers_ms(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms)
{
    if (is_timekeeper(clock))
        KERF__TRY(SOURCES[clock->costs != NULL].layers_ms(clock, g, s, names, num, ms));
    return kerf__ranks_take_first(clock->ranks, ms, num * sizeof *ms);
}
