/* plan/tune_gain.c -- the last word on tuning: both plans, whole, in turn; see tune_gain.h.
 *
 * Pairs, since a busy or warm machine hits both halves of a pair alike.  The interval of the
 * median ratio is read off the sorted ratios (Conover, Practical Nonparametric Statistics,
 * 3.2): it assumes nothing of how times are spread. */
#include "plan/tune_gain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/tuning.h"
#include "plan/node_trial.h"
#include "plan/zeros_known.h"

enum { LEAST_PAIRS = 15, MOST_PAIRS = 61 };

typedef struct pairs {
    double untuned[MOST_PAIRS], tuned[MOST_PAIRS], ratio[MOST_PAIRS]; /* ms a run */
    int num;
} pairs;

/* ---- running ------------------------------------------------------------------------ */

/* Any numbers will do, but not zeros, which some devices multiply faster. */
kerf_status kerf__tune_fill(kerf_plan *p)
{
    for (size_t i = 0; i < p->inputs.num; i++) {
        kerf_tensor *t = p->tensors[p->inputs.items[i].value->index];
        char *bytes = kerf__alloc(t->size_bytes, 1);
        if (bytes == NULL)
            return kerf__fail_memory("tune", t->size_bytes);
        kerf__fill_random(bytes, t->type, t->num_elements, (uint32_t)i);
        kerf_status status = kerf_tensor_write(t, bytes);
        free(bytes);
        KERF__TRY(status);
    }
    /* A learning rate of 0: the next step has the same numbers to work on. */
    return p->step != NULL ? kerf_plan_set_step(p, &(kerf_step){.lr = 0, .step = 1}) : KERF_OK;
}

/* Milliseconds of one of `repeat` runs. */
static kerf_status time_plan(kerf_plan *p, int repeat, double *ms)
{
    const double start = kerf__now_ms();
    for (int i = 0; i < repeat; i++)
        KERF__TRY(kerf_plan_run(p));
    KERF__TRY(kerf_device_finish(p->dev));
    *ms = (kerf__now_ms() - start) / repeat;
    return KERF_OK;
}

/* The first run may still compile; the second tells how many make a sample that the clock and
 * the waiting at its end do not disturb. */
static kerf_status warm_up(kerf_plan *p, int *repeat)
{
    enum { SAMPLE_MS = 2, MOST = 1000 };
    double ms;
    KERF__TRY(kerf__tune_fill(p));
    KERF__TRY(time_plan(p, 1, &ms));
    KERF__TRY(time_plan(p, 1, &ms));
    *repeat = (int)fmax(1, fmin(MOST, SAMPLE_MS / fmax(ms, 1e-3)));
    return KERF_OK;
}

static kerf_status run_pairs(kerf_plan *untuned, kerf_plan *tuned, double budget_ms, pairs *x)
{
    int repeat;
    KERF__TRY(warm_up(tuned, &repeat));
    KERF__TRY(warm_up(untuned, &repeat));
    const double end = kerf__now_ms() + (budget_ms > 0 ? budget_ms : 2000);
    for (x->num = 0; x->num < MOST_PAIRS; x->num++) {
        double *first = &x->untuned[x->num], *second = &x->tuned[x->num];
        if (x->num >= LEAST_PAIRS && kerf__now_ms() > end)
            break;
        if (x->num % 2 == 0) { /* who comes second may find caches warm or the clock lower */
            KERF__TRY(time_plan(untuned, repeat, first));
            KERF__TRY(time_plan(tuned, repeat, second));
        } else {
            KERF__TRY(time_plan(tuned, repeat, second));
            KERF__TRY(time_plan(untuned, repeat, first));
        }
        x->ratio[x->num] = *second / *first;
    }
    return KERF_OK;
}

/* ---- judging ------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of the smallest ratios lie outside a 95 % interval of the median: as many as heads
 * come in num tosses with a chance of at most 2.5 %, or fewer. */
static int num_outside(int num)
{
    double chance = pow(0.5, num), sum = chance;
    for (int heads = 0;; heads++) {
        chance *= (double)(num - heads) / (heads + 1);
        sum += chance;
        if (sum > 0.025)
            return heads;
    }
}

static void judge(pairs *x, kerf_tune_gain *gain)
{
    const size_t num = (size_t)x->num, middle = num / 2, outside = (size_t)num_outside(x->num);
    qsort(x->untuned, num, sizeof(double), by_size);
    qsort(x->tuned, num, sizeof(double), by_size);
    qsort(x->ratio, num, sizeof(double), by_size);
    gain->untuned_ms = x->untuned[middle];
    gain->tuned_ms = x->tuned[middle];
    gain->ratio = x->ratio[middle];
    gain->low = x->ratio[outside];
    gain->high = x->ratio[num - 1 - outside];
    gain->taken_back = gain->low > 1;
}

/* What computes this case, or NULL: the plan has none, as its zeros are skipped elsewhere. */
static const char *choice_of(const kerf_plan *p, const char *which)
{
    for (size_t i = 0; i < p->num_nodes; i++)
        if (p->nodes[i].which != NULL && strcmp(p->nodes[i].which, which) == 0)
            return p->nodes[i].name;
    return NULL;
}

static int is_changed(const kerf__planned *was, const kerf_plan *tuned)
{
    const char *is = was->which != NULL ? choice_of(tuned, was->which) : NULL;
    return was->which != NULL && (is == NULL || strcmp(was->name, is) != 0);
}

/* Of layers without their zeros in one of the plans: both, as only one of them is known to be. */
static kerf_status forget_zeros(const kerf_plan *p)
{
    for (size_t i = 0; i < p->num_nodes; i++) {
        const char *key = kerf__zeros_mark_of(p->graph->nodes[i]);
        if (key != NULL)
            KERF__TRY(kerf__zeros_forget(p->dev, key));
    }
    return KERF_OK;
}

/* Alone they are slower than what they replace, so there is no time to write beside them. */
static kerf_status take_back(const kerf_plan *untuned, const kerf_plan *tuned)
{
    for (size_t i = 0; i < untuned->num_nodes; i++)
        if (is_changed(&untuned->nodes[i], tuned))
            KERF__TRY(
                kerf__tuning_set(untuned->dev, untuned->nodes[i].which, untuned->nodes[i].name, 0));
    KERF__TRY(forget_zeros(untuned));
    KERF__TRY(forget_zeros(tuned));
    return kerf__tuning_save(untuned->dev);
}

static int num_changed(const kerf_plan *untuned, const kerf_plan *tuned)
{
    int num = 0;
    for (size_t i = 0; i < untuned->num_nodes; i++)
        num += is_changed(&untuned->nodes[i], tuned);
    return num;
}

kerf_status kerf__tune_time_pairs(kerf_plan *a, kerf_plan *b, double budget_ms,
                                  kerf_tune_gain *gain)
{
    pairs x;
    KERF__TRY(run_pairs(a, b, budget_ms, &x));
    judge(&x, gain);
    return KERF_OK;
}

kerf_status kerf__tune_compare(kerf_plan *untuned, kerf_plan *tuned, double budget_ms,
                               kerf_tune_gain *gain)
{
    gain->num_changed = num_changed(untuned, tuned);
    if (gain->num_changed == 0) {
        gain->ratio = gain->low = gain->high = 1;
        return KERF_OK;
    }
    KERF__TRY(kerf__tune_time_pairs(untuned, tuned, budget_ms, gain));
    return gain->taken_back ? take_back(untuned, tuned) : KERF_OK;
}

kerf_status kerf__tune_second_state(kerf_state **out, const kerf_state *s, kerf_mode mode)
{
    *out = NULL;
    return mode == KERF_TRAIN ? kerf_state_copy(out, s, kerf_state_device(s)) : KERF_OK;
}
