/* bench_report.c -- what `kerf bench M...` prints: each model whole and by layer, and how
 * they compare. */
#include <math.h>

#include "bench.h"
#include "bench_model.h"
#include "bench_suite.h"
#include "gate_report.h"
#include "json.h"

static void known_cell(table *t, double value, int digits, const char *unit)
{
    if (isnan(value))
        table_cell(t, "%s", "");
    else
        table_cell(t, "%.*f%s", digits, value, unit);
}

static json_t *layer_times(contender *c, const kerf_device_peaks *peaks, table *t)
{
    json_t *list = json_array();
    for (int i = 0; i < kerf_plan_num_steps(c->plan); i++) {
        kerf_plan_step step;
        double ms;
        if (kerf_plan_get_step(c->plan, i, &step) != KERF_OK ||
            kerf_plan_time_step(c->plan, i, 20, &ms) != KERF_OK)
            continue;
        double gflops = step.macs > 0 && ms > 0 ? 2e-6 * step.macs / ms : NAN;
        const double peak = multiply_peak(step.variant, peaks);
        double of_peak = peak > 0 ? gflops / peak : NAN;
        table_cell(t, "%s", step.name);
        table_cell(t, "%s", step.op);
        table_cell(t, "%s", step.variant);
        table_cell(t, "%s", step.direction);
        table_cell(t, "%.4f", ms);
        known_cell(t, gflops, 1, "");
        known_cell(t, 100 * of_peak, 0, " %");
        json_t *object = json_object();
        json_object_set_new(object, "name", json_text(step.name));
        json_object_set_new(object, "op", json_text(step.op));
        json_object_set_new(object, "variant", json_text(step.variant));
        json_object_set_new(object, "direction", json_text(step.direction));
        json_object_set_new(object, "ms", json_number(ms));
        json_object_set_new(object, "gflops", json_number(gflops));
        json_object_set_new(object, "of_peak", json_number(of_peak));
        json_array_append_new(list, object);
    }
    return list;
}

static gate_savings savings(const options *o, const contender *c)
{
    const kerf_plan_options how = bench_plan_options(o, c);
    gate_savings gates = {0};
    if (!o->train) {
        gates = savings_of(c->m.g, &how, kerf_plan_macs(c->plan));
        gates.ms = timing_summarize(&c->times).median / (double)c->batch;
    }
    return gates;
}

static json_t *contender_json(const options *o, const contender *c, const gate_savings *gates,
                              json_t *layers)
{
    kerf_shape shape =
        c->num_known > 0 ? c->known.shape : kerf_value_shape(kerf_graph_input(c->m.g, 0));
    if (shape.rank > 0 && shape.dims[0] < 0)
        shape.dims[0] = c->batch;
    json_t *object = json_object(), *times = timing_json(&c->times);
    json_object_set_new(
        times, "peak_bytes",
        json_integer((json_int_t)(kerf_plan_arena_bytes(c->plan) + kerf_state_bytes(c->m.s))));
    json_object_set_new(object, "model", json_text(c->m.path));
    json_object_set_new(object, "shape", json_shape(shape));
    json_object_set_new(object, "precision", json_text(kerf_precision_name(c->precision)));
    json_object_set_new(object, o->train ? "train" : "infer", times);
    json_object_set_new(object, "start", start_json(&c->start));
    json_object_set_new(object, "layers", layers);
    savings_json(object, gates);
    return object;
}

static json_t *ratios_json(contender *all, size_t num, int prints)
{
    json_t *list = json_array();
    for (size_t i = 1; i < num; i++) {
        ratio_summary r = timing_ratio(&all[i].times, &all[0].times);
        json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:[o,o]}", "of", all[i].m.path, "to",
                                              all[0].m.path, "median", json_number(r.median),
                                              "ci95", json_number(r.low), json_number(r.high)));
        if (prints)
            printf("%s / %s: %.3f of its time (95 %% interval %.3f to %.3f)\n", all[i].m.path,
                   all[0].m.path, r.median, r.low, r.high);
    }
    return list;
}

static void print_contender(const options *o, const contender *c, const gate_savings *gates,
                            const table *t)
{
    timing_summary s = timing_summarize(&c->times);
    printf("%s: %s, batch %lld: %.3f ms median (min %.3f, p90 %.3f, p99 %.3f, %zu runs, drift "
           "%+.1f %%)\n",
           c->m.path, o->train ? "training step" : "inference", (long long)c->batch, s.median,
           s.min, s.p90, s.p99, c->times.num, s.drift_pct);
    savings_print(gates, stdout);
    start_print(&c->start, "start");
    table_print(t, stdout);
    fputc('\n', stdout);
}

int bench_report(const options *o, kerf_device *dev, contender *all, size_t num)
{
    kerf_device_peaks peaks = {0};
    if (kerf_device_measure(dev, &peaks) != KERF_OK)
        warn(o, "%s", kerf_last_error());
    json_t *object = json_begin(), *models = json_array();
    bench_tell_device(object, dev, &peaks);
    for (size_t i = 0; i < num; i++) {
        const gate_savings gates = savings(o, &all[i]);
        table *t = table_create("layer|op|kernel|direction|>ms|>GFLOPS|>of peak");
        json_array_append_new(models,
                              contender_json(o, &all[i], &gates, layer_times(&all[i], &peaks, t)));
        if (!o->json)
            print_contender(o, &all[i], &gates, t);
        table_destroy(t);
    }
    json_t *ratios = ratios_json(all, num, !o->json);
    if (num == 1)
        json_object_update(object, json_array_get(models, 0));
    else
        json_object_set(object, "models", models);
    if (num > 1)
        json_object_set(object, "ratio", ratios);
    json_decref(models);
    json_decref(ratios);
    return bench_finish(o, object);
}
