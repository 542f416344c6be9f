/* bench_suite.c -- `kerf bench [FAMILY...]`: each case is checked, then timed.
 *
 * A sample is as many runs as take 2 ms, queued one behind the other, and one wait: what a
 * network pays a node, not what a single call waits.  Programs of --beside take their
 * samples in turns with ours.  What the times say of the device: bench_rate.c. */
#include "bench_suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "bench_node.h"
#include "crash.h"
#include "files.h"
#include "interrupt.h"
#include "progress.h"

enum { MIN_SAMPLES = 15, SAMPLE_MS = 2, MAX_CALLS = 1000 };

/* ---- timing -------------------------------------------------------------------------------- */

static kerf_status sample(bench_node *n, int64_t calls, double *ms)
{
    double start = now_ms();
    kerf_status status = bench_node_run(n, calls);
    *ms = (now_ms() - start) / (double)calls;
    return status;
}

/* Runs until it is warm, and tells how many calls a sample is. */
static kerf_status warm_up(const options *o, bench_node *n, int64_t *calls)
{
    double warm_ms = options_given(o, "warm") ? o->warm : 50, ms = 0;
    *calls = 1;
    double begin = now_ms();
    kerf_status status = KERF_OK;
    do {
        status = sample(n, *calls, &ms);
        if (ms * (double)*calls < SAMPLE_MS)
            *calls = *calls < MAX_CALLS / 2 ? 2 * *calls : MAX_CALLS;
    } while (status == KERF_OK && (now_ms() - begin < warm_ms ||
                                   (*calls < MAX_CALLS && ms * (double)*calls < SAMPLE_MS)));
    return status;
}

/* Enough samples, or so slow that fewer must do. */
int bench_is_enough(const options *o, size_t num, double passed_ms)
{
    double measure_ms = 1e3 * (options_given(o, "duration") ? o->duration : 0.25);
    if (options_given(o, "runs"))
        return (int64_t)num >= o->runs;
    return passed_ms > measure_ms &&
           (num >= MIN_SAMPLES || (num >= 3 && passed_ms > 8 * measure_ms));
}

/* Thread pools may spin for a while after their work; the others get an idle machine from us as
 * we do from them. */
static void rest(void)
{
    clock_t used;
    int rounds = 0;
    do {
        clock_t before = clock();
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        used = clock() - before;
    } while (used > CLOCKS_PER_SEC / 1000 && ++rounds < 200);
}

/* A sample of each of the others; their first answer may be that they have none. */
static int ask_others(const options *o, bench_suite *x, case_result *r, int64_t calls, int *has)
{
    for (size_t i = 0; i < x->num_others; i++) {
        double ms;
        if (!has[i])
            continue;
        int code = beside_ask(o, &x->others[i], r->c, calls, &ms);
        has[i] = code == 0 && !isnan(ms);
        if (has[i] && !timing_add(&r->others[i], ms))
            code = fail_memory(o);
        if (code != 0)
            return interrupted() ? EXIT_INTERRUPTED : code;
    }
    return 0;
}

static int time_case(const options *o, bench_suite *x, bench_node *n, case_result *r,
                     kerf_status *status)
{
    int has[MAX_BESIDE];
    int64_t calls;
    double ms;
    for (size_t i = 0; i < MAX_BESIDE; i++)
        has[i] = 1;
    *status = warm_up(o, n, &calls);
    if (x->meter != NULL)
        sensors_start(x->meter);
    for (double begin = now_ms(); *status == KERF_OK && !interrupted();) {
        if (x->num_others > 0) /* what the others left in the caches is no one's fault */
            *status = bench_node_run(n, 1);
        if (*status == KERF_OK)
            *status = sample(n, calls, &ms);
        if (*status == KERF_OK && !timing_add(&r->times, ms))
            *status = KERF_ERR_MEMORY;
        if (x->meter != NULL)
            sensors_tick(x->meter);
        if (x->num_others > 0)
            rest();
        int code = *status == KERF_OK ? ask_others(o, x, r, calls, has) : 0;
        if (code != 0)
            return code;
        if (bench_is_enough(o, r->times.num, now_ms() - begin))
            break;
    }
    if (x->meter != NULL)
        r->joules = sensors_joules(x->meter) / (double)(calls * (int64_t)r->times.num);
    return 0;
}

/* ---- one case ------------------------------------------------------------------------------ */

case_result case_result_of(const bench_case *c)
{
    return (case_result){.c = c, .gflops = NAN, .gbps = NAN, .of_peak = NAN, .joules = NAN};
}

void case_set_failure(case_result *r, kerf_status status)
{
    const char *text = kerf_last_error();
    r->outcome =
        status == KERF_ERR_UNSUPPORTED || status == KERF_ERR_MEMORY ? CASE_SKIPPED : CASE_FAILED;
    snprintf(r->verdict.why, sizeof r->verdict.why, "%s",
             text[0] != '\0' ? text : kerf_status_text(status));
}

int case_run(const options *o, bench_suite *x, case_result *r)
{
    bench_node n = {0};
    int code = 0;
    kerf_status status = case_fits(r->c, x->dev, &r->verdict);
    if (status == KERF_OK && r->verdict.why[0] != '\0')
        r->outcome = CASE_SKIPPED;
    if (status != KERF_OK || r->outcome != CASE_TIMED) {
        if (status != KERF_OK)
            case_set_failure(r, status);
        return 0;
    }
    status = bench_node_open(&n, r->c, x->dev);
    if (status == KERF_OK)
        status = bench_node_check(&n, &r->verdict);
    if (status == KERF_OK && r->verdict.why[0] != '\0')
        r->outcome = CASE_WRONG;
    else if (status == KERF_OK)
        code = time_case(o, x, &n, r, &status);
    if (status == KERF_OK)
        snprintf(r->variant, sizeof r->variant, "%s", main_variant(n.plan));
    if (status == KERF_OK && r->times.num > 0)
        case_rate(r, n.bytes, &x->peaks, kerf_device_get_info(x->dev)->cache_bytes);
    if (status != KERF_OK)
        case_set_failure(r, status);
    bench_node_close(&n);
    return code;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* 1 if the case's family was asked for; without words all are. */
static int is_wanted(const options *o, const bench_case *c)
{
    for (size_t i = 0; i < o->words.num; i++)
        if (strcmp(o->words.items[i], c->family->name) == 0)
            return 1;
    return o->words.num == 0;
}

static int choose_cases(const options *o, bench_suite *x)
{
    int code = case_set_read(o, &o->cases, &x->set);
    if (code != 0)
        return code;
    x->results = calloc(x->set.num, sizeof *x->results);
    if (x->results == NULL)
        return fail_memory(o);
    for (size_t i = 0; i < x->set.num; i++)
        if (is_wanted(o, &x->set.items[i]))
            x->results[x->num_results++] =
                case_result_of(&x->set.items[i]);
    return x->num_results > 0
               ? 0
               : fail_work(o, "%s: no case of it in %s", o->words.items[0], o->cases.items[0]);
}

static int start_others(const options *o, bench_suite *x)
{
    if (o->beside.num > MAX_BESIDE)
        return fail_usage(o, "--beside: must be at most %d", MAX_BESIDE);
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->beside.num; i++)
        code = beside_start(o, o->beside.items[i], &x->others[x->num_others++]);
    return code;
}

static int run_cases(const options *o, bench_suite *x)
{
    progress bar;
    int code = 0;
    interrupt_catch();
    progress_begin(&bar, o, "bench");
    for (size_t i = 0; code == 0 && i < x->num_results && !interrupted(); i++) {
        char about[160];
        snprintf(about, sizeof about, "%s %s", x->results[i].c->family->name,
                 x->results[i].c->name);
        progress_count(&bar, (double)i, (double)x->num_results, about);
        code = case_run(o, x, &x->results[i]);
        if (interrupted())
            x->num_results = i; /* those that are whole are told */
    }
    progress_clear(&bar);
    return code;
}

static void close_suite(const options *o, bench_suite *x)
{
    for (size_t i = 0; i < x->num_others; i++)
        beside_stop(&x->others[i]);
    for (size_t i = 0; x->results != NULL && i < x->set.num; i++) {
        timing_free(&x->results[i].times);
        for (int k = 0; k < MAX_BESIDE; k++)
            timing_free(&x->results[i].others[k]);
    }
    free(x->results);
    case_set_free(&x->set);
    close_device(o, x->dev);
}

int bench_suite_run(const options *o)
{
    bench_suite x = {0};
    int code = choose_cases(o, &x);
    if (code == 0)
        code = start_others(o, &x); /* before drivers have threads */
    kerf_status status = code == 0 ? open_device(&x.dev, o, o->device) : KERF_OK;
    if (code == 0 && status == KERF_OK)
        status = kerf_device_measure(x.dev, &x.peaks);
    if (status != KERF_OK)
        code = fail_kerf(o, status);
    if (code == 0)
        code = run_cases(o, &x);
    if (code == 0 || code == EXIT_INTERRUPTED)
        code = suite_report(o, &x);
    if (interrupted())
        code = EXIT_INTERRUPTED;
    close_suite(o, &x);
    return code;
}
