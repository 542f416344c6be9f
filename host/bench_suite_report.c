/* bench_suite_report.c -- what `kerf bench [FAMILY...]` tells: a table, the reasons for what
 * is missing from it, and JSON that carries the device along. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "bench_suite.h"
#include "json.h"
#include "table.h"

/* Their time over ours: how many times as fast we are. */
static ratio_summary ratio_to(const case_result *r, size_t i)
{
    return timing_ratio(&r->others[i], &r->times);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *others_json(const bench_suite *x, const case_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->num_others; i++) {
        if (r->others[i].num == 0)
            continue;
        timing_summary s = timing_summarize(&r->others[i]);
        ratio_summary ratio = ratio_to(r, i);
        json_array_append_new(list, json_pack("{s:s,s:o,s:o,s:o,s:[o,o]}", "name",
                                              x->others[i].name, "ms_min", json_number(s.min),
                                              "ms_median", json_number(s.median), "times_as_fast",
                                              json_number(ratio.median), "ci95",
                                              json_number(ratio.low), json_number(ratio.high)));
    }
    return list;
}

json_t *case_result_json(const bench_suite *x, const case_result *r)
{
    json_t *object = timing_json(&r->times);
    json_object_set_new(object, "op", json_text(r->c->family->name));
    json_object_set_new(object, "case", json_text(r->c->name));
    json_object_set_new(object, "variant", r->variant[0] ? json_text(r->variant) : json_null());
    json_object_set_new(object, "gflops", json_number(r->gflops));
    json_object_set_new(object, "gbps", json_number(r->gbps));
    json_object_set_new(object, "of_peak", json_number(r->of_peak));
    if (x->meter != NULL)
        json_object_set_new(object, "joules", json_number(r->joules));
    json_object_set_new(object, "valid", json_boolean(r->outcome == CASE_TIMED));
    json_object_set_new(object, "why",
                        r->outcome == CASE_TIMED ? json_null() : json_text(r->verdict.why));
    if (x->num_others > 0)
        json_object_set_new(object, "beside", others_json(x, r));
    return object;
}

static json_t *suite_json(const bench_suite *x)
{
    json_t *object = json_begin(), *cases = json_array();
    for (size_t i = 0; i < x->num_results; i++)
        json_array_append_new(cases, case_result_json(x, &x->results[i]));
    json_object_set_new(object, "case_set", json_text(x->set.id));
    bench_tell_device(object, x->dev, &x->peaks);
    json_object_set_new(object, "cases", cases);
    return object;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void ratio_cells(table *t, const bench_suite *x, const case_result *r)
{
    for (size_t i = 0; i < x->num_others; i++) {
        ratio_summary s = ratio_to(r, i);
        if (isfinite(s.median))
            table_cell(t, "%.2f (%.2f-%.2f)", s.median, s.low, s.high);
        else
            table_cell(t, "%s", "");
    }
}

static void print_result(table *t, const bench_suite *x, const case_result *r)
{
    static const char *const marks[] = {"yes", "NO", "skipped", "WRONG", "FAILED"};
    timing_summary s = timing_summarize(&r->times);
    table_cell(t, "%s", r->c->family->name);
    table_cell(t, "%s", r->c->name);
    table_cell(t, "%s", r->variant);
    table_number(t, "%.4f", s.min, "");
    table_number(t, "%.4f", s.median, "");
    table_number(t, "%.4f", s.p90, "");
    table_number(t, "%.1f", r->gflops, "");
    table_number(t, "%.1f", r->gbps, "");
    table_number(t, "%.0f %%", 100 * r->of_peak, "");
    table_cell(t, "%s", marks[r->outcome]);
    ratio_cells(t, x, r);
}

/* One a program: how many times as fast as it, over all cases that both have. */
static void print_means(const bench_suite *x, FILE *out)
{
    for (size_t i = 0; i < x->num_others; i++) {
        double sum = 0;
        size_t num = 0;
        for (size_t k = 0; k < x->num_results; k++) {
            double ratio = ratio_to(&x->results[k], i).median;
            sum += isfinite(ratio) ? log(ratio) : 0;
            num += isfinite(ratio) != 0;
        }
        if (num > 0)
            fprintf(out, "%.2f times as fast as %s (geometric mean of %zu cases)\n",
                    exp(sum / (double)num), x->others[i].name, num);
    }
}

void suite_print(const bench_suite *x, FILE *out)
{
    char header[512] = "op|case|kernel|>ms min|>ms median|>ms p90|>GFLOPS|>GB/s|>of peak|valid";
    for (size_t i = 0; i < x->num_others; i++) {
        size_t length = strlen(header);
        snprintf(header + length, sizeof header - length, "|>x %s", x->others[i].name);
    }
    table *t = table_create(header);
    for (size_t i = 0; i < x->num_results; i++)
        print_result(t, x, &x->results[i]);
    fprintf(out, "%s: peak %.0f GFLOPS, copy %.1f GB/s; cases %s\n", kerf_device_name(x->dev),
            x->peaks.f32_gflops, x->peaks.copy_gbps, x->set.id);
    table_print(t, out);
    table_destroy(t);
    for (size_t i = 0; i < x->num_results; i++)
        if (x->results[i].outcome != CASE_TIMED)
            fprintf(out, "%s %s: %s\n", x->results[i].c->family->name, x->results[i].c->name,
                    x->results[i].verdict.why);
    print_means(x, out);
}

int suite_check_results(const options *o, const bench_suite *x)
{
    const case_result *first = NULL;
    size_t num = 0;
    for (size_t i = 0; i < x->num_results; i++)
        if (x->results[i].outcome >= CASE_WRONG) {
            first = first != NULL ? first : &x->results[i];
            num++;
        }
    return num == 0
               ? EXIT_DONE
               : fail_work(o, "%zu of %zu cases failed, the first: %s %s: %s", num, x->num_results,
                           first->c->family->name, first->c->name, first->verdict.why);
}

int suite_report(const options *o, const bench_suite *x)
{
    if (!o->json)
        suite_print(x, result_stream(o));
    int code = o->json || o->output != NULL ? bench_finish(o, suite_json(x)) : EXIT_DONE;
    return code != 0 ? code : suite_check_results(o, x);
}
