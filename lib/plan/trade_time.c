/* plan/trade_time.c -- what a plan takes on its device, whole and by layer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "plan/trade.h"

/* ---- a run ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static kerf_status run_once(kerf_plan *p)
{
    uint64_t token;
    KERF__TRY(kerf_plan_run(p));
    KERF__TRY(kerf_plan_mark(p, &token));
    return kerf_plan_finish(p, token);
}

static kerf_status time_once(kerf_plan *p, double *ms)
{
    const double start = kerf__now_ms();
    KERF__TRY(run_once(p));
    *ms = kerf__now_ms() - start;
    return KERF_OK;
}

kerf_status kerf__trade_run_ms(kerf_plan *p, double *ms)
{
    enum { WARM = 3, RUNS = 31 };
    double all[RUNS];
    for (int i = 0; i < WARM; i++)
        KERF__TRY(run_once(p));
    for (int i = 0; i < RUNS; i++)
        KERF__TRY(time_once(p, &all[i]));
    qsort(all, RUNS, sizeof *all, compare);
    *ms = all[RUNS / 2];
    return KERF_OK;
}

/* ---- its layers ------------------------------------------------------------------------ */

/* Rewriting calls a layer's nodes NAME_product and so on: the longest name that fits is meant. */
static size_t owner(const char *step, const char *const *names, size_t num)
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

kerf_status kerf__trade_layers_ms(kerf_plan *p, const char *const *names, size_t num, double *ms)
{
    for (size_t i = 0; i < num; i++)
        ms[i] = 0;
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        double more;
        KERF__TRY(kerf_plan_get_step(p, i, &step));
        const size_t l = owner(step.name, names, num);
        if (l == num)
            continue;
        KERF__TRY(time_step(p, i, &more));
        ms[l] += more;
    }
    return KERF_OK;
}
