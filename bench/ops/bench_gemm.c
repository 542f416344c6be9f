/* bench_gemm.c -- every variant and tile of the matrix product, beside the device's measured
 * limit.
 *
 *     bench_gemm [SHAPES.txt | M N K TRANS_A TRANS_B]
 *
 * Packing is part of the time.  A star stands where the operation's guess points without any
 * tuning.  Each result is compared with the plain variant's first. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "check.h"
#include "op_check.h"

typedef struct problem {
    int m, n, k, trans_a, trans_b;
} problem;

static kerf_device *dev;
static double limit_gflops;

static kerf_status run_steps(void *context)
{
    const kerf__steps *steps = context;
    return kerf__steps_enqueue(steps, 0, steps->num);
}

static double guess_of(const kerf__op_case *c, const kerf__variant *v, const kerf__candidate *x)
{
    return v->guess != NULL ? v->guess(c, x) : 1e30;
}

/* The lowest guess of all that fits: what a plan without tuning takes. */
static double lowest_guess(const kerf__op_case *c, const kerf__op *op)
{
    double lowest = INFINITY;
    for (int i = 0; i < op->num_variants; i++)
        for (int j = 0; op->variants[i].fits(c) && j < (op->variants[i].num_candidates | 1); j++) {
            const kerf__variant *v = &op->variants[i];
            if (j < (v->num_candidates > 0 ? v->num_candidates : 1))
                lowest = fmin(lowest, guess_of(c, v, v->candidates ? &v->candidates[j] : NULL));
        }
    return lowest;
}

static void compare(const kerf_tensor *t, double *want, size_t num, size_t k, const char *what)
{
    float *got = malloc(num * sizeof *got);
    bench_ok(kerf_tensor_read(t, got));
    if (isnan(want[0]))
        for (size_t i = 0; i < num; i++)
            want[i] = (double)got[i];
    check_close(what, got, want, num, check_tolerance(8, k));
    free(got);
}

static void time_one(kerf__op_case c, const kerf__variant *v, const kerf__candidate *x,
                     const problem *p, double lowest, double *want)
{
    kerf__steps steps = {0};
    char name[64];
    const size_t scratch = v->scratch_bytes != NULL ? v->scratch_bytes(&c, x) : 0;
    snprintf(name, sizeof name, "%s%s%s", v->name, x ? "/" : "", x ? x->name : "");
    c.steps = &steps;
    c.options = x != NULL ? x->options : "";
    c.parameters = x != NULL ? x->parameters : NULL;
    if (scratch > 0)
        bench_ok(kerf__buffer_create(&c.scratch, dev, scratch));
    bench_ok(v->build(&c));
    bench_ok(run_steps(&steps));
    compare(c.outputs[0], want, (size_t)p->m * (size_t)p->n, (size_t)p->k, name);
    const bench_time t = bench_measure(dev, run_steps, &steps);
    const double gflops = 2e-6 * p->m * p->n * p->k / t.min_ms;
    printf("%d,%d,%d,%d,%d,%s%s,%.4f,%.4f,%.1f,%.0f\n", p->m, p->n, p->k, p->trans_a, p->trans_b,
           name, guess_of(&c, v, x) <= lowest ? " *" : "", t.min_ms, t.median_ms, gflops,
           limit_gflops > 0 ? 100 * gflops / limit_gflops : 0.0);
    fflush(stdout);
    kerf__steps_clear(&steps);
    kerf__buffer_destroy(c.scratch);
}

static void run(problem p)
{
    op_check c;
    const size_t num_a = (size_t)p.m * (size_t)p.k, num_b = (size_t)p.k * (size_t)p.n;
    float *data = malloc((num_a > num_b ? num_a : num_b) * sizeof *data);
    double *want = malloc((size_t)p.m * (size_t)p.n * sizeof *want);
    kerf_tensor *in[2], *out[1];
    op_check_fill(data, num_a > num_b ? num_a : num_b, 1);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, p.trans_a ? KERF_SHAPE(p.k, p.m) : KERF_SHAPE(p.m, p.k), data);
    op_check_input(&c, KERF_F32, p.trans_b ? KERF_SHAPE(p.n, p.k) : KERF_SHAPE(p.k, p.n), data);
    op_check_node(&c, "Gemm", 1);
    bench_ok(kerf_node_set_int(c.node, "transA", p.trans_a));
    bench_ok(kerf_node_set_int(c.node, "transB", p.trans_b));
    bench_ok(kerf__node_infer(c.node));
    for (int i = 0; i < 2; i++) {
        bench_ok(kerf_tensor_create(&in[i], dev, KERF_F32, c.inputs[i]->shape));
        bench_ok(kerf_tensor_write(in[i], data));
    }
    bench_ok(kerf_tensor_create(&out[0], dev, KERF_F32, KERF_SHAPE(p.m, p.n)));
    const kerf__op *op = kerf__op_find("Gemm");
    const kerf__op_case k = {.dev = dev, .node = c.node, .inputs = in, .outputs = out};
    const double lowest = lowest_guess(&k, op);
    want[0] = NAN; /* the first variant fills it in */
    for (int i = 0; i < op->num_variants; i++)
        for (int j = 0; op->variants[i].fits(&k) && j < 64; j++) {
            const kerf__variant *v = &op->variants[i];
            if (j < (v->num_candidates > 0 ? v->num_candidates : 1))
                time_one(k, v, v->candidates ? &v->candidates[j] : NULL, &p, lowest, want);
        }
    kerf_tensor_destroy(in[0]);
    kerf_tensor_destroy(in[1]);
    kerf_tensor_destroy(out[0]);
    op_check_end(&c);
    free(want);
    free(data);
}

static void run_file(const char *path)
{
    char line[256];
    problem p;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "bench_gemm: cannot read %s\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "%d %d %d %d %d", &p.m, &p.n, &p.k, &p.trans_a, &p.trans_b) == 5)
            run(p);
    fclose(file);
}

int main(int argc, char **argv)
{
    kerf_device_peaks peaks = {0};
    dev = check_open_device();
    if (kerf_device_measure(dev, &peaks) == KERF_OK)
        limit_gflops = peaks.f32_gflops;
    printf("# limit %.1f GFLOPS\nm,n,k,trans_a,trans_b,variant,min_ms,median_ms,gflops,"
           "percent_of_limit\n",
           limit_gflops);
    if (argc > 5)
        run((problem){atoi(argv[1]), atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), atoi(argv[5])});
    else
        run_file(argc > 1 ? argv[1] : "bench/shapes/gemm.txt");
    kerf_device_close(dev);
    return check_result();
}
