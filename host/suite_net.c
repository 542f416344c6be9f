/* suite_net.c -- networks of a suite: fresh weights, pruned or quantized as the case says, on random
 * numbers.  Speed is asked, not what a network knows, so no data is needed and every device computes
 * the same.  See suite_net.h; bench_model.c plans and runs. */
#include "suite_net.h"

#include <math.h>

#include "bench_model.h"
#include "bench_node.h"
#include "files.h"
#include "interrupt.h"

/* ---- making ------------------------------------------------------------------------------------ */

/* The smallest nine tenths of each layer go. */
static kerf_status make_sparse(contender *c)
{
    kerf_pruner *p = NULL;
    const kerf_prune_options how = {.amount = 0.9};
    kerf_status status = kerf_prune_mark(c->m.g, c->m.s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, c->m.g, c->m.s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_apply(p, 1);
    kerf_pruner_destroy(p);
    return status;
}

/* Ranges are found on random pictures of the network's own size. */
static kerf_status make_int8(contender *c)
{
    kerf_ranges *ranges = NULL;
    kerf_dataset *data = NULL;
    kerf_quantize_options how = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const kerf_calibrate_options calibrate = {.samples = 8, .batch = 8, .seed = 1};
    const int64_t *in = kerf_value_shape(kerf_graph_input(c->m.g, 0)).dims;
    char spec[80];
    snprintf(spec, sizeof spec, "random:%lld,%lld,%lld,10", (long long)in[1], (long long)in[2],
             (long long)in[3]);
    kerf_status status = kerf_dataset_open(&data, spec);
    if (status == KERF_OK)
        status = kerf_quantize_fold(c->m.g, c->m.s);
    if (status == KERF_OK)
        status = kerf_calibrate(&ranges, c->m.g, c->m.s, data, &how, &calibrate);
    how.ranges = ranges;
    if (status == KERF_OK)
        status = kerf_quantize(c->m.g, c->m.s, &how);
    kerf_ranges_destroy(ranges);
    kerf_dataset_close(data);
    return status;
}

static kerf_status make(const suite_case *of, contender *c, kerf_device *dev)
{
    const kerf_net_options net_options = {.seed = 1};
    kerf_status status = kerf_net_create(&c->m.g, &c->m.s, of->net, &net_options, dev);
    if (status == KERF_OK && of->form == SUITE_SPARSE)
        status = make_sparse(c);
    if (status == KERF_OK && of->form == SUITE_INT8)
        status = make_int8(c);
    return status;
}

/* ---- timing ------------------------------------------------------------------------------------ */

enum { WARM_MS = 100 };

static kerf_status time_net(const options *o, contender *c, int trains, sensors *meter,
                            case_result *r)
{
    double ms;
    kerf_status status = bench_run_once(c, trains, &ms); /* what is prepared once */
    for (double begin = now_ms(); status == KERF_OK && now_ms() - begin < WARM_MS;)
        status = bench_run_once(c, trains, &ms);
    sensors_start(meter);
    for (double begin = now_ms();
         status == KERF_OK && !interrupted() &&
         !bench_is_enough(o, r->times.num, now_ms() - begin);) {
        status = bench_run_once(c, trains, &ms);
        if (status == KERF_OK && !timing_add(&r->times, ms))
            status = KERF_ERR_MEMORY;
        sensors_tick(meter);
    }
    r->joules = sensors_joules(meter) / (double)r->times.num;
    return status;
}

/* Of the limit that its numbers have; more than that is possible where layers are computed by fewer
 * multiplies than defined (Winograd's), but not more than all of them so. */
static void rate(case_result *r, const kerf_device_peaks *peaks, suite_form form)
{
    const double peak = form == SUITE_INT8 ? peaks->int8_gops : peaks->f32_gflops;
    const double most = fmax(peak, multiply_peak("conv_winograd", peaks));
    if (!(r->c->flops > 0))
        return;
    r->gflops = 1e-6 * r->c->flops / timing_summarize(&r->times).median;
    r->of_peak = peak > 0 ? r->gflops / peak : (double)NAN;
    if (!(r->gflops > most) || !(peaks->f32_gflops > 0)) /* or it is not known */
        return;
    r->outcome = CASE_DOUBTED;
    snprintf(r->verdict.why, sizeof r->verdict.why, "%.0f GFLOPS, the device has %.0f", r->gflops,
             most);
}

void suite_net_run(const options *o, bench_suite *x, const suite_case *of, case_result *r)
{
    options mine = *o;
    contender c = {.batch = of->batch};
    mine.train = of->trains;
    c.m.path = of->net;
    kerf_status status = make(of, &c, x->dev);
    if (status == KERF_OK)
        status = bench_plan_model(&mine, &c, x->dev);
    if (status == KERF_OK)
        status = time_net(o, &c, of->trains, x->meter, r);
    if (status == KERF_OK)
        snprintf(r->variant, sizeof r->variant, "%s", main_variant(c.plan));
    if (status == KERF_OK && r->times.num > 0)
        rate(r, &x->peaks, of->form);
    if (status != KERF_OK)
        case_set_failure(r, status);
    bench_close_model(&c);
}
