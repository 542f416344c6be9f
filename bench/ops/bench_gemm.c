/* bench_gemm.c -- every way to compute a matrix product, beside the device's measured limit.
 *
 *     bench_gemm [--all] [--vs CHOICE] [SHAPES.txt | M N K TRANS_A TRANS_B]
 *
 * Packing is part of the time.  A star marks what a plan without tuning takes; choices whose
 * guess is ten times worse are left out but for --all.  Each result is checked first against
 * sums in double, 500 elements of them.  --vs ("gemm_clblast", or "limit" for the
 * device's multiply-adds) times the starred one in turns with it and prints the ratio; other
 * libraries: `kerf bench --beside`. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "limits/limits.h"
#include "op_check.h"

typedef struct problem {
    int m, n, k, trans_a, trans_b;
} problem;

/* A problem on the device. */
typedef struct workload {
    problem p;
    op_check c;
    float *data; /* of both operands */
    kerf_tensor *in[2], *out[1];
    kerf__op_case asked;
} workload;

typedef struct choice {
    kerf__option option;
    double guess;
    char *name; /* owned */
} choice;

typedef struct running {
    kerf__steps steps;
    kerf__buffer *scratch;
} running;

static kerf_device *dev;
static double limit_gflops;
static int show_all;
static const char *versus;

/* ---- choices --------------------------------------------------------------------------------- */

enum { MOST_CHOICES = 128 };

static int list_choices(const workload *w, choice *list)
{
    kerf__op_case c = w->asked;
    int num = 0;
    while (num < MOST_CHOICES && kerf__option_at(&w->asked, num, &c.option))
        list[num++] = (choice){.option = c.option,
                               .guess = c.option.variant->guess(&c),
                               .name = kerf__option_name(c.option)};
    return num;
}

static const choice *best_guess(const choice *list, int num)
{
    const choice *best = list;
    for (int i = 1; i < num; i++)
        if (list[i].guess < best->guess)
            best = &list[i];
    return best;
}

static kerf_status run_steps(void *context)
{
    const running *r = context;
    return kerf__steps_enqueue(&r->steps, 0, r->steps.num);
}

static void check(const workload *w, const char *what)
{
    enum { PROBES = 500 };
    const problem *p = &w->p;
    const size_t num = (size_t)p->m * (size_t)p->n;
    float *all = malloc(num * sizeof *all), got[PROBES];
    double want[PROBES];
    bench_ok(kerf_tensor_read(w->out[0], all));
    for (size_t i = 0; i < PROBES; i++) {
        const size_t at = (size_t)((double)i / PROBES * (double)num);
        const int row = (int)(at / (size_t)p->n), column = (int)(at % (size_t)p->n);
        got[i] = all[at];
        want[i] = 0;
        for (int t = 0; t < p->k; t++)
            want[i] += (double)w->data[p->trans_a ? t * p->m + row : row * p->k + t] *
                       (double)w->data[p->trans_b ? column * p->k + t : t * p->n + column];
    }
    check_close(what, got, want, PROBES, check_tolerance(8, (size_t)p->k));
    free(all);
}

/* Builds a choice and checks what it gives. */
static running start(const workload *w, const choice *x)
{
    running r = {0};
    kerf__op_case c = w->asked;
    c.option = x->option;
    const size_t scratch = kerf__case_scratch(&c);
    if (scratch > 0)
        bench_ok(kerf__buffer_create(&r.scratch, dev, scratch));
    c.scratch = r.scratch;
    c.steps = &r.steps;
    bench_ok(x->option.variant->build(&c));
    bench_ok(run_steps(&r));
    check(w, x->name);
    return r;
}

static void stop(running *r)
{
    kerf__steps_clear(&r->steps);
    kerf__buffer_destroy(r->scratch);
}

/* ---- timing ------------------------------------------------------------------------------ */

static void print(const workload *w, const char *name, const char *mark, double min_ms,
                  double median_ms)
{
    const problem *p = &w->p;
    const double gflops = 2e-6 * p->m * p->n * p->k / min_ms;
    printf("%d,%d,%d,%d,%d,%s%s,%.4f,%.4f,%.1f,%.0f\n", p->m, p->n, p->k, p->trans_a, p->trans_b,
           name, mark, min_ms, median_ms, gflops,
           limit_gflops > 0 ? 100 * gflops / limit_gflops : 0.0);
    fflush(stdout);
}

static void time_alone(const workload *w, const choice *x, const char *mark)
{
    running r = start(w, x);
    const bench_time t = bench_measure(dev, run_steps, &r);
    print(w, x->name, mark, t.min_ms, t.median_ms);
    stop(&r);
}

/* 15 pairs in turns. */
static void time_in_turns(const workload *w, const choice *x, const choice *other)
{
    enum { PAIRS = 15 };
    double own[PAIRS], theirs[PAIRS], ratio[PAIRS];
    running r = start(w, x), o = start(w, other);
    bench_sample_ms(dev, run_steps, &r, 1);
    const int calls = bench_calls(bench_sample_ms(dev, run_steps, &r, 2));
    for (int i = 0; i < PAIRS; i++) {
        own[i] = bench_sample_ms(dev, run_steps, &r, calls);
        theirs[i] = bench_sample_ms(dev, run_steps, &o, calls);
        ratio[i] = theirs[i] / own[i];
    }
    qsort(own, PAIRS, sizeof *own, bench_order);
    qsort(theirs, PAIRS, sizeof *theirs, bench_order);
    qsort(ratio, PAIRS, sizeof *ratio, bench_order);
    print(w, x->name, " *", own[0], own[PAIRS / 2]);
    print(w, other->name, "", theirs[0], theirs[PAIRS / 2]);
    /* The 4th and the 12th of 15 enclose the median 19 times in 20. */
    printf("# %.2f times as fast (%.2f to %.2f)\n", ratio[PAIRS / 2], ratio[3], ratio[11]);
    stop(&r);
    stop(&o);
}

static void time_beside_limit(const workload *w, const choice *x)
{
    enum { PAIRS = 15 };
    const problem *p = &w->p;
    const double operations = 2.0 * p->m * p->n * p->k;
    double own[PAIRS], share[PAIRS];
    limits l;
    running r = start(w, x);
    limits_open(&l, dev, LIMITS_MULTIPLY_ADD, operations);
    limits_rate(&l);
    const int calls = bench_calls(bench_sample_ms(dev, run_steps, &r, 2));
    for (int i = 0; i < PAIRS; i++) {
        const double rate = limits_rate(&l);
        own[i] = bench_sample_ms(dev, run_steps, &r, calls);
        share[i] = 1e-6 * operations / own[i] / rate;
    }
    qsort(own, PAIRS, sizeof *own, bench_order);
    qsort(share, PAIRS, sizeof *share, bench_order);
    print(w, x->name, " *", own[0], own[PAIRS / 2]);
    printf("# %.3f of the limit (%.3f to %.3f)\n", share[PAIRS / 2], share[3], share[11]);
    limits_close(&l);
    stop(&r);
}

/* ---- one problem ------------------------------------------------------------------------- */

static void open_workload(workload *w, problem p)
{
    const size_t num_a = (size_t)p.m * (size_t)p.k, num_b = (size_t)p.k * (size_t)p.n;
    *w = (workload){.p = p};
    w->data = malloc((num_a > num_b ? num_a : num_b) * sizeof *w->data);
    op_check_fill(w->data, num_a > num_b ? num_a : num_b, 1);
    op_check_begin(&w->c, dev);
    op_check_input(&w->c, KERF_F32, p.trans_a ? KERF_SHAPE(p.k, p.m) : KERF_SHAPE(p.m, p.k),
                   w->data);
    op_check_input(&w->c, KERF_F32, p.trans_b ? KERF_SHAPE(p.n, p.k) : KERF_SHAPE(p.k, p.n),
                   w->data);
    op_check_node(&w->c, "Gemm", 1);
    bench_ok(kerf_node_set_int(w->c.node, "transA", p.trans_a));
    bench_ok(kerf_node_set_int(w->c.node, "transB", p.trans_b));
    bench_ok(kerf__node_infer(w->c.node));
    for (int i = 0; i < 2; i++) {
        bench_ok(kerf_tensor_create(&w->in[i], dev, KERF_F32, w->c.inputs[i]->shape));
        bench_ok(kerf_tensor_write(w->in[i], w->data));
    }
    bench_ok(kerf_tensor_create(&w->out[0], dev, KERF_F32, KERF_SHAPE(p.m, p.n)));
    w->asked = (kerf__op_case){.dev = dev, .node = w->c.node, .inputs = w->in, .outputs = w->out};
}

static void close_workload(workload *w)
{
    kerf_tensor_destroy(w->in[0]);
    kerf_tensor_destroy(w->in[1]);
    kerf_tensor_destroy(w->out[0]);
    op_check_end(&w->c);
    free(w->data);
}

static void run(problem p)
{
    workload w;
    choice list[MOST_CHOICES];
    open_workload(&w, p);
    const int num = list_choices(&w, list);
    const choice *best = best_guess(list, num);
    for (int i = 0; i < num; i++)
        if (versus != NULL && strcmp(list[i].name, versus) == 0)
            time_in_turns(&w, best, &list[i]);
        else if (versus == NULL && (show_all || list[i].guess < 10 * best->guess))
            time_alone(&w, &list[i], &list[i] == best ? " *" : "");
    if (versus != NULL && strcmp(versus, "limit") == 0)
        time_beside_limit(&w, best);
    for (int i = 0; i < num; i++)
        free(list[i].name);
    close_workload(&w);
}

/* Lines like "m=64 n=300 k=784 f32 transB", as `kerf bench` reads them. */
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
        if (sscanf(line, "m=%d n=%d k=%d", &p.m, &p.n, &p.k) == 3) {
            p.trans_a = strstr(line, "transA") != NULL;
            p.trans_b = strstr(line, "transB") != NULL;
            run(p);
        }
    fclose(file);
}

/* ---- the program ------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    kerf_device_peaks peaks = {0};
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++)
        if (strcmp(argv[i], "--all") == 0)
            show_all = 1;
        else if (strcmp(argv[i], "--vs") == 0 && i + 1 < argc)
            versus = argv[++i];
    dev = check_open_device();
    if (kerf_device_measure(dev, &peaks) == KERF_OK)
        limit_gflops = peaks.f32_gflops;
    printf("# limit %.1f GFLOPS\nm,n,k,trans_a,trans_b,choice,min_ms,median_ms,gflops,"
           "percent_of_limit\n",
           limit_gflops);
    if (argc - i == 5)
        run((problem){atoi(argv[i]), atoi(argv[i + 1]), atoi(argv[i + 2]), atoi(argv[i + 3]),
                      atoi(argv[i + 4])});
    else
        run_file(i < argc ? argv[i] : "bench/shapes/gemm.txt");
    kerf_device_close(dev);
    return check_result();
}
