/* bench_check.c -- what the cases of `kerf bench` must give: a wrong kernel has no speed.
 *
 * Definitions in double, as in the library's tests, written anew because a command knows the
 * public API alone.  Every element counts.  A product is not computed a second time: its
 * sums with random weights must be those of the operands (Freivalds 1977), which costs as
 * much as reading them. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_node.h"

static const double eps = (double)FLT_EPSILON;

void expect(case_verdict *v, size_t at, double got, double want, double allowed)
{
    if (fabs(got - want) <= allowed || v->why[0] != '\0' || (isnan(got) && isnan(want)))
        return;
    snprintf(v->why, sizeof v->why, "element %zu is %.9g, must be %.9g within %.2g", at, got, want,
             allowed);
}

static size_t num_elements(const case_input *input)
{
    return (size_t)kerf_shape_num_elements(input->shape);
}

/* ---- products ------------------------------------------------------------------------------ */

/* y = a x, or with is_transposed x a; a is stored (rows, cols). */
static void multiply(const float *a, size_t rows, size_t cols, int is_transposed, const double *x,
                     double *y)
{
    memset(y, 0, (is_transposed ? cols : rows) * sizeof *y);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            if (is_transposed)
                y[c] += (double)a[r * cols + c] * x[r];
            else
                y[r] += (double)a[r * cols + c] * x[c];
}

/* c x = a (b x): an error of one element shows in its row, and a row may be off by what
 * rounding does to its n sums of k products of size 1/3. */
void check_gemm(const bench_case *c, const case_data *d, case_verdict *v)
{
    const int64_t *a = c->inputs[0].shape.dims, *b = c->inputs[1].shape.dims;
    size_t m = (size_t)a[c->trans_a], k = (size_t)a[!c->trans_a], n = (size_t)b[!c->trans_b];
    float *weights = malloc(n * sizeof *weights);
    double *x = malloc((n + k + 2 * m) * sizeof *x), *bx = x + n, *want = bx + k, *got = want + m;
    if (weights == NULL || x == NULL) {
        snprintf(v->why, sizeof v->why, "no memory to check it");
    } else {
        fill_random(weights, n, 77);
        for (size_t i = 0; i < n; i++)
            x[i] = 0.5 * ((double)weights[i] + (weights[i] < 0 ? -1 : 1)); /* none is small */
        multiply(d->inputs[1], (size_t)b[0], (size_t)b[1], c->trans_b, x, bx);
        multiply(d->inputs[0], (size_t)a[0], (size_t)a[1], c->trans_a, bx, want);
        multiply(d->outputs[0], m, n, 0, x, got);
        for (size_t i = 0; i < m && v->why[0] == '\0'; i++)
            expect(v, i, got[i], want[i], 4 * eps * (double)k * sqrt((double)n) / 3);
    }
    free(weights);
    free(x);
}

/* ---- element-wise -------------------------------------------------------------------------- */

typedef double (*formula)(double a, double b);

static double relu(double a, double b)
{
    (void)b;
    return fmax(a, 0);
}

static double relu_grad(double dst, double diff)
{
    return dst > 0 ? diff : 0;
}

static double exp_of(double a, double b)
{
    (void)b;
    return exp(a);
}

static double tanh_of(double a, double b)
{
    (void)b;
    return tanh(a);
}

static double add(double a, double b)
{
    return a + b;
}

static double mul(double a, double b)
{
    return a * b;
}

static const struct {
    const char *node;
    formula of;
} formulas[] = {{"Relu", relu}, {"Exp", exp_of}, {"Tanh", tanh_of},
                {"Add", add},   {"Mul", mul},    {"kerf.ReluGrad", relu_grad}};

static formula find_formula(const char *node)
{
    size_t i = 0;
    while (strcmp(formulas[i].node, node) != 0)
        i++;
    return formulas[i].of;
}

/* Where element i of `whole` finds its partner in a tensor that is broadcast to it. */
static size_t broadcast_index(size_t i, kerf_shape whole, kerf_shape part)
{
    size_t at = 0, stride = 1;
    for (int d = 1; d <= part.rank; d++) {
        size_t size = (size_t)whole.dims[whole.rank - d], here = (size_t)part.dims[part.rank - d];
        at += here > 1 ? i % size * stride : 0;
        stride *= here;
        i /= size;
    }
    return at;
}

void check_elementwise(const bench_case *c, const case_data *d, case_verdict *v)
{
    const float *a = d->inputs[0], *b = d->inputs[1], *y = d->outputs[0];
    kerf_shape whole = c->inputs[0].shape, part = c->inputs[1].shape;
    int is_same = kerf_shape_equal(whole, part);
    formula of = find_formula(c->node);
    for (size_t i = 0; i < num_elements(&c->inputs[0]) && v->why[0] == '\0'; i++) {
        size_t at = b == NULL || is_same ? i : broadcast_index(i, whole, part);
        double want = of((double)a[i], b != NULL ? (double)b[at] : 0);
        expect(v, i, (double)y[i], want, 8 * eps * fmax(1, fabs(want)));
    }
}

/* ---- reductions ---------------------------------------------------------------------------- */

static int axis_goes(const bench_case *c, int axis)
{
    int goes = c->num_axes == 0;
    for (size_t k = 0; k < c->num_axes; k++)
        goes |= c->axes[k] == axis;
    return goes;
}

/* The output's element that input element i goes to. */
static size_t reduced_index(const bench_case *c, size_t i)
{
    kerf_shape shape = c->inputs[0].shape;
    size_t at = 0, stride = 1;
    for (int d = shape.rank - 1; d >= 0; d--) {
        size_t size = (size_t)shape.dims[d];
        if (!axis_goes(c, d)) {
            at += i % size * stride;
            stride *= size;
        }
        i /= size;
    }
    return at;
}

static size_t num_reduced(const bench_case *c)
{
    size_t num = 1;
    for (int d = 0; d < c->inputs[0].shape.rank; d++)
        num *= axis_goes(c, d) ? 1 : (size_t)c->inputs[0].shape.dims[d];
    return num;
}

typedef struct reduced {
    double sum, squares, max;
} reduced;

/* A sum of random signs is as large as the root of its squares; rounding is held to that. */
static void expect_reduced(const bench_case *c, const reduced *r, size_t num, size_t at, float y,
                           case_verdict *v)
{
    double norm = sqrt(r->squares), n = (double)num, allowed = 8 * eps * sqrt(n) * norm;
    if (strcmp(c->node, "ReduceMax") == 0)
        expect(v, at, (double)y, r->max, 0);
    else if (strcmp(c->node, "ReduceL2") == 0)
        expect(v, at, (double)y, norm, allowed);
    else if (strcmp(c->node, "ReduceMean") == 0)
        expect(v, at, (double)y, r->sum / n, allowed / n);
    else
        expect(v, at, (double)y, r->sum, allowed);
}

void check_reduce(const bench_case *c, const case_data *d, case_verdict *v)
{
    const float *x = d->inputs[0], *y = d->outputs[0];
    size_t num = num_elements(&c->inputs[0]), num_out = num_reduced(c);
    reduced *all = malloc(num_out * sizeof *all);
    if (all == NULL) {
        snprintf(v->why, sizeof v->why, "no memory to check it");
        return;
    }
    for (size_t i = 0; i < num_out; i++)
        all[i] = (reduced){0, 0, -INFINITY};
    for (size_t i = 0; i < num; i++) {
        reduced *r = &all[num_out > 1 ? reduced_index(c, i) : 0];
        r->sum += (double)x[i];
        r->squares += (double)x[i] * (double)x[i];
        r->max = fmax(r->max, (double)x[i]);
    }
    for (size_t i = 0; i < num_out && v->why[0] == '\0'; i++)
        expect_reduced(c, &all[i], num / num_out, i, y[i], v);
    free(all);
}

/* ---- rows of classes ----------------------------------------------------------------------- */

/* log of the sum of exp, as Softmax and the loss need it. */
static double log_sum(const float *x, size_t k)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < k; i++)
        top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < k; i++)
        sum += exp((double)x[i] - top);
    return top + log(sum);
}

void check_softmax(const bench_case *c, const case_data *d, case_verdict *v)
{
    kerf_shape shape = c->inputs[0].shape;
    size_t num = num_elements(&c->inputs[0]), k = (size_t)shape.dims[shape.rank - 1];
    const float *x = d->inputs[0], *y = d->outputs[0];
    int is_log = strcmp(c->node, "LogSoftmax") == 0;
    for (size_t at = 0; at < num && v->why[0] == '\0'; at += k) {
        double total = log_sum(x + at, k);
        for (size_t i = at; i < at + k; i++) {
            double log_want = (double)x[i] - total, want = is_log ? log_want : exp(log_want);
            double size = is_log ? fmax(1, fabs(want)) : want;
            expect(v, i, (double)y[i], want, 8 * eps * sqrt((double)k) * size);
        }
    }
}

void check_loss(const bench_case *c, const case_data *d, case_verdict *v)
{
    size_t m = (size_t)c->inputs[0].shape.dims[0], k = (size_t)c->inputs[0].shape.dims[1];
    const float *x = d->inputs[0];
    const int32_t *labels = d->inputs[1];
    int is_mse = strcmp(c->node, "kerf.MseLoss") == 0;
    double want = 0;
    for (size_t r = 0; r < m; r++) {
        size_t label = (size_t)labels[r];
        if (!is_mse)
            want += (log_sum(x + r * k, k) - (double)x[r * k + label]) / (double)m;
        for (size_t i = 0; is_mse && i < k; i++) {
            double off = (double)x[r * k + i] - (i == label ? 1 : 0);
            want += off * off / (double)(m * k);
        }
    }
    expect(v, 0, (double)*(float *)d->outputs[0], want, 8 * eps * sqrt((double)(m * k)) * want);
}

/* ---- updates and masks --------------------------------------------------------------------- */

/* torch.optim's formulas with the numbers of bench_node.c; see kerf_optimizer. */
static void next_of(int is_adam, const case_data *d, size_t i, double next[3])
{
    const float *w = d->inputs[0], *g = d->inputs[1], *m = d->inputs[2], *v = d->inputs[3];
    const float *step = d->inputs[is_adam ? 5 : 4];
    const double lr = (double)step[0], gradient = (double)g[i];
    if (!is_adam) {
        next[1] = (double)0.9f * (double)m[i] + gradient;
        next[0] = (double)w[i] - lr * (gradient + (double)0.9f * next[1]);
        return;
    }
    const double beta1 = (double)0.9f, beta2 = (double)0.999f;
    next[1] = beta1 * (double)m[i] + (1 - beta1) * gradient;
    next[2] = beta2 * (double)v[i] + (1 - beta2) * gradient * gradient;
    next[0] = (double)w[i] -
              lr * next[1] * (double)step[1] / (sqrt(next[2] * (double)step[2]) + (double)1e-8f);
}

void check_optimizer(const bench_case *c, const case_data *d, case_verdict *v)
{
    int is_adam = strcmp(c->node, "kerf.AdamUpdate") == 0;
    for (size_t i = 0; i < num_elements(&c->inputs[0]) && v->why[0] == '\0'; i++) {
        double next[3];
        next_of(is_adam, d, i, next);
        for (int k = 0; k < c->num_outputs; k++)
            expect(v, i, (double)((const float *)d->outputs[k])[i], next[k],
                   8 * eps * fmax(1, fabs(next[k])));
    }
}

/* The right number is left, none that was masked before, and none below one that went. */
static void check_top_k(const bench_case *c, const case_data *d, case_verdict *v)
{
    const float *score = d->inputs[1];
    const unsigned char *before = d->inputs[2], *after = d->outputs[0];
    size_t num = num_elements(&c->inputs[1]), left = 0;
    double smallest_left = INFINITY, largest_gone = 0;
    for (size_t i = 0; i < num; i++) {
        double x = fabs((double)score[i]);
        left += after[i] != 0;
        if (after[i] != 0 && before[i] == 0)
            expect(v, i, 1, 0, 0);
        if (after[i] != 0)
            smallest_left = fmin(smallest_left, x);
        else if (before[i] != 0)
            largest_gone = fmax(largest_gone, x);
    }
    expect(v, 0, (double)left, (double)(num - (size_t) * (int32_t *)d->inputs[0]), 0);
    if (smallest_left < largest_gone && v->why[0] == '\0')
        snprintf(v->why, sizeof v->why, "a weight of %g is left, one of %g is gone", smallest_left,
                 largest_gone);
}

void check_mask(const bench_case *c, const case_data *d, case_verdict *v)
{
    if (strcmp(c->node, "kerf.TopKMask") == 0) {
        check_top_k(c, d, v);
        return;
    }
    const float *x = d->inputs[0], *y = d->outputs[0];
    const unsigned char *mask = d->inputs[1];
    for (size_t i = 0; i < num_elements(&c->inputs[0]) && v->why[0] == '\0'; i++)
        expect(v, i, (double)y[i], mask[i] ? (double)x[i] : 0, 0);
}
