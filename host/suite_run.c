/* suite_run.c -- `kerf bench --suite N`: what devices are compared by.  Each case as often as `kerf
 * bench` does it, in the suite's order, until all are done or --budget is spent; with the energy of
 * each, clock and warmth before and after, and the first case once more at the end, which tells
 * whether the device has slowed down.  What a file of it holds: docs/bench.md. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "crash.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "suite_net.h"
#include "suite_result.h"

enum { BUDGET_S = 300 };

typedef struct numbered {
    const options *o;
    suite_list list;
    bench_suite x;
    sensors meter;
    case_result again; /* the first case at the end */
    json_t *before;    /* owned: clock and warmth */
    double begin_ms, seconds; /* of the cases; peaks are measured before */
} numbered;

/* ---- measuring --------------------------------------------------------------------------------- */

static double budget_s(const options *o)
{
    return options_given(o, "budget") ? o->budget : BUDGET_S;
}

static int run_one(numbered *n, const suite_case *of, case_result *r)
{
    if (of->is_net)
        suite_net_run(n->o, &n->x, of, r);
    else
        return case_run(n->o, &n->x, r);
    return 0;
}

/* What no time is left for says so; what was interrupted is no result. */
static int run_all(numbered *n)
{
    progress bar;
    int code = 0;
    progress_begin(&bar, n->o, "suite");
    n->begin_ms = now_ms();
    for (size_t i = 0; code == 0 && i < n->list.num && !interrupted(); i++) {
        const suite_case *of = &n->list.items[i];
        case_result *r = &n->x.results[i];
        *r = case_result_of(&of->c);
        n->x.num_results = i + 1;
        char about[160];
        snprintf(about, sizeof about, "%s %s", of->c.family->name, of->c.name);
        progress_count(&bar, (double)i, (double)n->list.num, about);
        if (i == 0 || now_ms() - n->begin_ms < 1e3 * budget_s(n->o)) {
            code = run_one(n, of, r);
            continue;
        }
        r->outcome = CASE_SKIPPED;
        snprintf(r->verdict.why, sizeof r->verdict.why, "--budget %g s were over before it",
                 budget_s(n->o));
    }
    if (code == 0 && !interrupted())
        code = run_one(n, &n->list.items[0], &n->again);
    progress_clear(&bar);
    return interrupted() ? EXIT_INTERRUPTED : code;
}

static int open_all(numbered *n)
{
    const options *o = n->o;
    int code = suite_read(o, o->suite, &n->list);
    if (code != 0)
        return code;
    n->x.results = calloc(n->list.num, sizeof *n->x.results);
    n->again = case_result_of(&n->list.items[0].c);
    if (n->x.results == NULL)
        return fail_memory(o);
    snprintf(n->x.set.id, sizeof n->x.set.id, "%s", n->list.id);
    kerf_status status = open_device(&n->x.dev, o, o->device);
    if (status == KERF_OK)
        status = kerf_device_measure(n->x.dev, &n->x.peaks);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    sensors_open(&n->meter, kerf_device_get_info(n->x.dev));
    n->x.meter = &n->meter;
    n->before = sensors_now(&n->meter);
    return 0;
}

/* ---- telling ----------------------------------------------------------------------------------- */

/* How much slower the first case was at the end, percent. */
static double drift_pct(const numbered *n)
{
    const double first = timing_summarize(&n->x.results[0].times).median;
    return 100 * (timing_summarize(&n->again.times).median / first - 1);
}

static json_t *result_json(numbered *n)
{
    json_t *object = json_begin(), *cases = json_array();
    for (size_t i = 0; i < n->x.num_results; i++)
        json_array_append_new(cases, case_result_json(&n->x, &n->x.results[i]));
    json_object_set_new(object, "suite", json_integer(n->list.version));
    json_object_set_new(object, "case_set", json_text(n->list.id));
    bench_tell_device(object, n->x.dev, &n->x.peaks);
    json_object_set_new(object, "seconds", json_number(n->seconds));
    json_object_set_new(object, "budget_s", json_number(budget_s(n->o)));
    json_object_set_new(object, "drift_pct", json_number(drift_pct(n)));
    json_object_set_new(object, "energy_from",
                        n->meter.num > 0 ? json_text(n->meter.source) : json_null());
    json_object_set_new(object, "energy_why",
                        n->meter.num > 0 ? json_null() : json_text(n->meter.why));
    json_object_set(object, "before", n->before);
    json_object_set_new(object, "after", sensors_now(&n->meter));
    json_object_set_new(object, "cases", cases);
    char digest[20];
    if (suite_digest(object, digest))
        json_object_set_new(object, "digest", json_text(digest));
    return object;
}

static void print_rest(const numbered *n, FILE *out)
{
    fprintf(out, "suite %d in %.0f s; the first case at the end: %+.1f %%\n", n->list.version,
            n->seconds, drift_pct(n));
    if (n->meter.num == 0)
        fprintf(out, "energy is not known: %s\n", n->meter.why);
    for (size_t i = 0; n->meter.num > 0 && i < n->x.num_results; i++)
        if (isfinite(n->x.results[i].joules))
            fprintf(out, "%s %s: %.3g J, %.1f W (%s)\n", n->x.results[i].c->family->name,
                    n->x.results[i].c->name, n->x.results[i].joules,
                    1e3 * n->x.results[i].joules /
                        timing_summarize(&n->x.results[i].times).mean,
                    n->meter.source);
}

static int report(numbered *n)
{
    const options *o = n->o;
    n->seconds = 1e-3 * (now_ms() - n->begin_ms);
    if (!o->json) {
        suite_print(&n->x, result_stream(o));
        print_rest(n, result_stream(o));
    }
    int code = o->json || o->output != NULL ? bench_finish(o, result_json(n)) : EXIT_DONE;
    return code != 0 ? code : suite_check_results(o, &n->x);
}

int bench_numbered_run(const options *o)
{
    numbered n = {.o = o};
    interrupt_catch();
    int code = open_all(&n);
    if (code == 0)
        code = run_all(&n);
    if (code == 0)
        code = report(&n);
    for (size_t i = 0; n.x.results != NULL && i < n.list.num; i++)
        timing_free(&n.x.results[i].times);
    timing_free(&n.again.times);
    free(n.x.results);
    json_decref(n.before);
    close_device(o, n.x.dev);
    suite_free(&n.list);
    return code;
}
