/* plan/trade_time.c -- what a network takes, whole and by layer: measured on its device, or by what
 * was measured of its layers on another (costs_predict.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "plan/costs_internal.h"
#include "plan/trade.h"

/* ---- a run ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run as somebody has it who waits for the result: copies in and out count. */
typedef struct errand {
    kerf_plan *p;        /* owned */
    const kerf_graph *g; /* borrowed */
    void *in, *out;      /* owned; zeros for any input, room for any output */
} errand;

static size_t bytes_of(const kerf_tensor *t)
{
    return t != NULL ? kerf_tensor_size_bytes(t) : 0;
}

static kerf_status make_plan(kerf_plan **out, const kerf__trade_clock *clock, const kerf_graph *g,
                             kerf_state *s)
{
    const kerf_plan_options options = {.mode = KERF_EVALUATE,
                                       .batch = 1,
                                       .inputs = clock->inputs,
                                       .num_inputs = clock->num_inputs};
    return kerf_plan_create(out, g, s, &options);
}

/* To be closed in any case. */
static kerf_status open_errand(errand *e, const kerf__trade_clock *clock, const kerf_graph *g,
                               kerf_state *s)
{
    kerf_plan *p;
    size_t in = 1, out = 1;
    *e = (errand){.g = g};
    KERF__TRY(make_plan(&p, clock, g, s));
    for (int i = 0; i < kerf_graph_num_inputs(g); i++)
        in += bytes_of(kerf_plan_input(p, kerf_value_name(kerf_graph_input(g, i))));
    for (int i = 0; i < kerf_graph_num_outputs(g); i++)
        out += bytes_of(kerf_plan_output(p, kerf_value_name(kerf_graph_output(g, i))));
    *e = (errand){p, g, kerf__alloc(in, 1), kerf__alloc(out, 1)};
    return e->in != NULL && e->out != NULL ? KERF_OK : kerf__fail_memory("plan", in + out);
}

static void close_errand(errand *e)
{
    kerf_plan_destroy(e->p);
    free(e->in);
    free(e->out);
}

static kerf_status run_once(const errand *e)
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

static kerf_status time_once(const errand *e, double *ms)
{
    const double start = kerf__now_ms();
    KERF__TRY(run_once(e));
    *ms = kerf__now_ms() - start;
    return KERF_OK;
}

static kerf_status time_errand(const errand *e, double *ms)
{
    enum { WARM = 3, RUNS = 31 };
    double all[RUNS];
    for (int i = 0; i < WARM; i++)
        KERF__TRY(run_once(e));
    for (int i = 0; i < RUNS; i++)
        KERF__TRY(time_once(e, &all[i]));
    qsort(all, RUNS, sizeof *all, compare);
    *ms = all[RUNS / 2];
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

/* ---- where it comes from --------------------------------------------------------------- */

static kerf_status measure_run(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms)
{
    errand e;
    kerf_status status = open_errand(&e, clock, g, s);
    if (status == KERF_OK)
        status = time_errand(&e, ms);
    close_errand(&e);
    return status;
}

static kerf_status measure_layers(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms)
{
    errand e;
    kerf_status status = open_errand(&e, clock, g, s);
    if (status == KERF_OK) /* so that steps find numbers: what lay there before may be denormal */
        status = run_once(&e);
    if (status == KERF_OK)
        status = time_steps(e.p, names, num, ms);
    close_errand(&e);
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

kerf_status kerf__trade_run_ms(const kerf__trade_clock *clock, const kerf_graph *g, kerf_state *s,
                               double *ms)
{
    return SOURCES[clock->costs != NULL].run_ms(clock, g, s, ms);
}

kerf_status kerf__trade_layers_ms(const kerf__trade_clock *clock, const kerf_graph *g,
                                  kerf_state *s, const char *const *names, size_t num, double *ms)
{
    return SOURCES[clock->costs != NULL].layers_ms(clock, g, s, names, num, ms);
}
