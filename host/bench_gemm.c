/* bench_gemm.c -- `kerf bench gemm`: matrix products through a plan of one MatMul, checked
 * against sums in double, then timed; packing is part of the time, copies are not. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "files.h"
#include "json.h"
#include "table.h"

/* Squares, then the products of LeNet-300-100 at batches of 64 and 256. */
const gemm_case gemm_cases[] = {
    {64, 64, 64},   {128, 128, 128}, {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024},
    {64, 300, 784}, {64, 100, 300},  {256, 300, 784}, {256, 100, 300}, {300, 784, 256}};
const size_t num_gemm_cases = sizeof gemm_cases / sizeof gemm_cases[0];

void fill_random(float *x, size_t num, uint64_t seed)
{
    for (size_t i = 0; i < num; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(seed >> 40) / 8388608.0f - 1.0f;
    }
}

kerf_status gemm_graph(kerf_graph **g, kerf_state **s, kerf_device *dev, const gemm_case *shape)
{
    kerf_value *inputs[2];
    kerf_node *node;
    *s = NULL;
    kerf_status status = kerf_graph_create(g);
    if (status == KERF_OK)
        status = kerf_state_create(s, dev);
    if (status == KERF_OK)
        status =
            kerf_graph_add_input(*g, "a", KERF_F32, KERF_SHAPE(shape->m, shape->k), &inputs[0]);
    if (status == KERF_OK)
        status =
            kerf_graph_add_input(*g, "b", KERF_F32, KERF_SHAPE(shape->k, shape->n), &inputs[1]);
    if (status == KERF_OK)
        status = kerf_graph_add_node(*g, "MatMul", "c", inputs, 2, 1, &node);
    if (status == KERF_OK)
        status = kerf_graph_add_output(*g, kerf_node_output(node, 0));
    return status;
}

kerf_status run_and_finish(kerf_plan *p)
{
    uint64_t token;
    kerf_status status = kerf_plan_run(p);
    if (status == KERF_OK)
        status = kerf_plan_mark(p, &token);
    return status == KERF_OK ? kerf_plan_finish(p, token) : status;
}

/* ---- one case ------------------------------------------------------------------------- */

typedef struct gemm_run {
    gemm_case shape;
    kerf_graph *g; /* owned, as all below */
    kerf_state *s;
    kerf_plan *plan;
    float *a, *b, *c;
    const char *output, *variant;
    timing times;
    int is_valid;
} gemm_run;

static kerf_status open_run(gemm_run *r, kerf_device *dev)
{
    const gemm_case *x = &r->shape;
    size_t num_a = (size_t)(x->m * x->k), num_b = (size_t)(x->k * x->n);
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE, .batch = 1};
    kerf_status status = gemm_graph(&r->g, &r->s, dev, x);
    if (status == KERF_OK)
        status = kerf_plan_create(&r->plan, r->g, r->s, &plan_options);
    r->a = calloc(num_a, sizeof(float));
    r->b = calloc(num_b, sizeof(float));
    r->c = calloc((size_t)(x->m * x->n), sizeof(float));
    if (status != KERF_OK || r->a == NULL || r->b == NULL || r->c == NULL)
        return status != KERF_OK ? status : KERF_ERR_MEMORY;
    fill_random(r->a, num_a, 1);
    fill_random(r->b, num_b, 2);
    r->output = kerf_value_name(kerf_graph_output(r->g, 0));
    status = kerf_tensor_write(kerf_plan_input(r->plan, "a"), r->a);
    return status == KERF_OK ? kerf_tensor_write(kerf_plan_input(r->plan, "b"), r->b) : status;
}

static void close_run(gemm_run *r)
{
    kerf_plan_destroy(r->plan);
    kerf_state_destroy(r->s);
    kerf_graph_destroy(r->g);
    free(r->a);
    free(r->b);
    free(r->c);
    timing_free(&r->times);
}

/* The largest error of 16 rows spread over the result, against sums in double. */
static kerf_status check_result(gemm_run *r)
{
    enum { ROWS = 16 };
    const gemm_case *x = &r->shape;
    double worst = 0, largest = 0;
    kerf_status status = run_and_finish(r->plan);
    if (status == KERF_OK)
        status = kerf_tensor_read(kerf_plan_output(r->plan, r->output), r->c);
    for (int64_t i = 0; status == KERF_OK && i < ROWS; i++) {
        int64_t row = i * (x->m - 1) / (ROWS - 1);
        for (int64_t col = 0; col < x->n; col++) {
            double sum = 0;
            for (int64_t t = 0; t < x->k; t++)
                sum += (double)r->a[row * x->k + t] * (double)r->b[t * x->n + col];
            double error = fabs(sum - (double)r->c[row * x->n + col]);
            worst = fmax(worst, isnan(error) ? INFINITY : error);
            largest = fmax(largest, fabs(sum));
        }
    }
    r->is_valid = worst <= 4 * (double)FLT_EPSILON * sqrt((double)x->k) * largest;
    return status;
}

static kerf_status time_runs(const options *o, gemm_run *r)
{
    double warm_ms = options_given(o, "warm") ? o->warm : 100;
    double measure_ms = options_given(o, "duration") ? o->duration * 1e3 : 500;
    kerf_status status = KERF_OK;
    for (double begin = now_ms(); status == KERF_OK && now_ms() - begin < warm_ms;)
        status = run_and_finish(r->plan);
    for (double begin = now_ms(); status == KERF_OK;) {
        double start = now_ms();
        status = run_and_finish(r->plan);
        double end = now_ms();
        if (status == KERF_OK && !timing_add(&r->times, end - start))
            status = KERF_ERR_MEMORY;
        int enough = options_given(o, "runs") ? (int64_t)r->times.num >= o->runs
                                              : end - begin > measure_ms && r->times.num >= 5;
        if (enough)
            break;
    }
    return status;
}

const char *gemm_variant(const kerf_plan *p)
{
    kerf_plan_step step, best = {.variant = "?"};
    for (int i = 0; i < kerf_plan_num_steps(p); i++)
        if (kerf_plan_get_step(p, i, &step) == KERF_OK && step.macs >= best.macs)
            best = step;
    return best.variant;
}

/* ---- all of them ------------------------------------------------------------------------- */

static void report_run(const gemm_run *r, const kerf_device_peaks *peaks, table *t, json_t *cases)
{
    const gemm_case *x = &r->shape;
    timing_summary s = timing_summarize(&r->times);
    double gflops = 2e-6 * (double)x->m * (double)x->n * (double)x->k / s.median;
    double gbps = 4e-6 * (double)(x->m * x->k + x->k * x->n + x->m * x->n) / s.median;
    double of_peak = peaks->f32_gflops > 0 ? gflops / peaks->f32_gflops : NAN;
    char name[80];
    snprintf(name, sizeof name, "m=%lld n=%lld k=%lld f32", (long long)x->m, (long long)x->n,
             (long long)x->k);
    table_cell(t, "%s", name);
    table_cell(t, "%s", r->variant);
    table_cell(t, "%.3f", s.min);
    table_cell(t, "%.3f", s.median);
    table_cell(t, "%.3f", s.p90);
    table_cell(t, "%zu", r->times.num);
    table_cell(t, "%.1f", gflops);
    table_cell(t, "%.1f", gbps);
    table_cell(t, isnan(of_peak) ? "?" : "%.0f %%", 100 * of_peak);
    table_cell(t, "%s", r->is_valid ? "yes" : "NO");
    json_t *object = timing_json(&r->times);
    json_object_set_new(object, "op", json_text("gemm"));
    json_object_set_new(object, "case", json_text(name));
    json_object_set_new(object, "variant", json_text(r->variant));
    json_object_set_new(object, "gflops", json_number(gflops));
    json_object_set_new(object, "gbps", json_number(gbps));
    json_object_set_new(object, "of_peak", json_number(of_peak));
    json_object_set_new(object, "valid", json_boolean(r->is_valid));
    json_array_append_new(cases, object);
}

static kerf_status bench_case(const options *o, kerf_device *dev, const kerf_device_peaks *peaks,
                              size_t i, table *t, json_t *cases)
{
    gemm_run r = {.shape = gemm_cases[i]};
    kerf_status status = open_run(&r, dev);
    if (status == KERF_OK)
        status = check_result(&r);
    if (status == KERF_OK)
        status = time_runs(o, &r);
    if (status == KERF_OK) {
        r.variant = gemm_variant(r.plan);
        report_run(&r, peaks, t, cases);
    }
    close_run(&r);
    return status;
}

int bench_gemm(const options *o, kerf_device *dev)
{
    kerf_device_peaks peaks = {0};
    kerf_status status = kerf_device_measure(dev, &peaks);
    json_t *cases = json_array();
    table *t =
        table_create("product|kernel|>ms min|>ms median|>ms p90|>runs|>GFLOPS|>GB/s|>of peak|"
                     "right");
    for (size_t i = 0; status == KERF_OK && i < num_gemm_cases; i++)
        status = bench_case(o, dev, &peaks, i, t, cases);
    int code = status == KERF_OK ? EXIT_DONE : fail_kerf(o, status);
    json_t *object = json_begin();
    json_object_set_new(object, "device", json_text(kerf_device_name(dev)));
    json_object_set_new(object, "cases", cases);
    if (code == 0 && o->json)
        json_finish(o, json_incref(object));
    else if (code == 0) {
        printf("%s: peak %.0f GFLOPS\n", kerf_device_name(dev), peaks.f32_gflops);
        table_print(t, stdout);
    }
    table_destroy(t);
    json_decref(object);
    return code;
}
