/* op_check.h -- checks one operation: every variant that fits against its definition, and
 * its gradient rule against finite differences of the definition.
 *
 *     op_check c;
 *     op_check_begin(&c, dev);
 *     op_check_input(&c, KERF_F32, KERF_SHAPE(3, 5), data);
 *     op_check_node(&c, "Softmax", 1);
 *     CHECK_OK(kerf_node_set_int(c.node, "axis", 0));
 *     op_check_variants(&c, reference, check_tolerance(2, 5));
 *     op_check_gradient(&c, reference, 1e-4);
 *     op_check_end(&c);
 *
 * Where a slope has a corner, op_check_gradient_is() takes what is wanted instead.
 * A case is made by op_case.h.  The reference gets all inputs as doubles and fills all outputs.
 * With KERF_TEST_SMALL (oclgrind, a thousand times slower) tests take small sizes:
 * op_check_small(). */
#ifndef KERF_OP_CHECK_H
#define KERF_OP_CHECK_H

#include <stdint.h>
#include <string.h>

#include "check.h"
#include "device/quirks.h"
#include "kerf/plan.h"
#include "naive.h"
#include "op_case.h"

typedef void (*op_reference)(const kerf_node *n, const double *const *inputs,
                             double *const *outputs);

/* ---- variants -------------------------------------------------------------------------- */

static inline size_t op_check_elements(const kerf_value *v)
{
    return (size_t)kerf_shape_num_elements(v->shape);
}

/* Infinities and NaN must come where they are wanted; then they are taken out, because a
 * tolerance relative to infinity would let everything pass. */
static inline void op_check_settle(float *got, double *want, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        if (isfinite(want[i]))
            continue;
        const int same = isnan(want[i]) ? isnan(got[i]) : (double)got[i] == want[i];
        got[i] = same ? 0.0f : NAN;
        want[i] = 0;
    }
}

/* One run; alias[i] >= 0 lays output i on the bytes of that input. */
static inline void op_check_run(op_check *c, kerf__option option, const int *alias,
                                double *const *want, double tolerance)
{
    kerf_tensor *inputs[OP_CHECK_MAX] = {0}, *outputs[OP_CHECK_MAX] = {0};
    char what[256];
    for (int i = 0; i < c->num_inputs; i++) {
        if (c->inputs[i] == NULL)
            continue;
        CHECK_OK(kerf_tensor_create(&inputs[i], c->dev, c->inputs[i]->type, c->inputs[i]->shape));
        CHECK_OK(kerf_tensor_write(inputs[i], c->data[i]));
    }
    for (int i = 0; i < c->node->num_outputs; i++) {
        const kerf_value *v = c->node->outputs[i];
        if (alias != NULL && alias[i] >= 0)
            outputs[i] = inputs[alias[i]];
        else
            CHECK_OK(kerf_tensor_create(&outputs[i], c->dev, v->type, v->shape));
    }
    CHECK_OK(naive_run_option((kerf__op_case){
        .dev = c->dev, .node = c->node, .option = option, .inputs = inputs, .outputs = outputs}));
    c->runs++;
    for (int i = 0; i < c->node->num_outputs; i++) {
        const kerf_value *v = c->node->outputs[i];
        size_t num = op_check_elements(v);
        void *bytes = calloc(num + 1, 8);
        float *got = calloc(num + 1, sizeof *got);
        CHECK_OK(kerf_tensor_read(outputs[i], bytes));
        for (size_t j = 0; j < num; j++)
            got[j] = (float)op_check_number(v->type, bytes, j);
        snprintf(what, sizeof what, "%s, %s/%s%s, output %d", c->node->op, option.variant->name,
                 option.candidate->name, alias != NULL ? " in place" : "", i);
        double *wanted = calloc(num + 1, sizeof *wanted);
        memcpy(wanted, want[i], num * sizeof *wanted);
        op_check_settle(got, wanted, num);
        check_close(what, got, wanted, num,
                    v->type == KERF_F32 || c->rounds_halves ? tolerance : 0);
        free(wanted);
        free(got);
        free(bytes);
    }
    for (int i = 0; i < c->node->num_outputs; i++)
        if (alias == NULL || alias[i] < 0)
            kerf_tensor_destroy(outputs[i]);
    for (int i = 0; i < c->num_inputs; i++)
        kerf_tensor_destroy(inputs[i]);
}

/* Every variant that fits with every candidate; `alias` as above, NULL for apart. */
static inline void op_check_all(op_check *c, op_reference reference, double tolerance,
                                const int *alias)
{
    double *want[OP_CHECK_MAX] = {0};
    kerf__op_case asked = {.dev = c->dev, .node = c->node};
    int before = c->runs;
    for (int i = 0; i < c->node->num_outputs; i++)
        want[i] = calloc(op_check_elements(c->node->outputs[i]) + 1, sizeof **want);
    reference(c->node, (const double *const *)c->numbers, want);
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++) {
        if (c->is_tried != NULL && !c->is_tried(&asked))
            continue;
        const double factor = asked.option.variant->error_factor;
        op_check_run(c, asked.option, alias, want, tolerance * (factor > 0 ? factor : 1));
    }
    if (c->runs == before) {
        printf("%s: no variant fits\n", c->node->op);
        check_failures++;
    }
    for (int i = 0; i < c->node->num_outputs; i++)
        free(want[i]);
}

/* The nearest float16, a tie to the even one. */
static inline uint16_t op_check_to_half(float x)
{
    const double size = fabs((double)x), most = 65520;
    const unsigned sign = signbit(x) ? 0x8000u : 0u;
    if (isnan(x))
        return 0x7E00;
    if (size >= most)
        return (uint16_t)(sign | 0x7C00u);
    const int exponent = size >= ldexp(1, -14) ? ilogb(size) : -14;
    return (uint16_t)(sign | (((unsigned)(exponent + 14) << 10) +
                              (unsigned)rint(ldexp(size, 10 - exponent))));
}

/* Input i as halves: the same numbers, but for their rounding. */
static inline void op_check_input_as_halves(op_check *c, int i)
{
    const size_t num = op_check_elements(c->inputs[i]);
    uint16_t *halves = calloc(num + 1, sizeof *halves);
    for (size_t j = 0; j < num; j++)
        halves[j] = op_check_to_half(((const float *)c->data[i])[j]);
    free(c->data[i]);
    free(c->numbers[i]);
    c->data[i] = halves;
    c->numbers[i] = op_check_numbers(KERF_F16, halves, num);
    c->inputs[i]->type = KERF_F16;
}

static inline void op_check_output_as_halves(op_check *c)
{
    c->node->outputs[0]->type = KERF_F16;
    c->rounds_halves = 1;
}

/* All that the operation may have as halves. */
static inline void op_check_store_halves(op_check *c)
{
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL && kerf__is_half_input(c->node, i))
            op_check_input_as_halves(c, i);
    op_check_output_as_halves(c);
}

/* Adds input i of `from`, which may be left out, as it is. */
static inline void op_check_repeat(op_check *to, const op_check *from, int i)
{
    const kerf_value *v = from->inputs[i];
    if (v == NULL)
        op_check_skip(to);
    else if (v->kind == KERF__VALUE_CONSTANT)
        op_check_constant(to, v->type, v->shape, from->data[i]);
    else
        op_check_input(to, v->type, v->shape, from->data[i]);
}

/* The same inputs and node, for op_check_end(). */
static inline void op_check_copy(op_check *to, const op_check *from)
{
    op_check_begin(to, from->dev);
    to->is_tried = from->is_tried;
    for (int i = 0; i < from->num_inputs; i++)
        op_check_repeat(to, from, i);
    op_check_node(to, from->node->op, from->node->num_outputs);
    CHECK_OK(kerf__node_copy_attributes(to->node, from->node));
    CHECK_OK(kerf__node_infer(to->node));
}

static inline void op_check_both(op_check *c, op_reference reference, double tolerance);

/* llvmpipe, which that quirk is of, makes a float of a half by a page of code: large cases take it
 * minutes. */
static inline int op_check_is_slow_as_halves(const op_check *c)
{
    enum { MOST_ELEMENTS = 2048 };
    size_t most = 0;
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL && op_check_elements(c->inputs[i]) > most)
            most = op_check_elements(c->inputs[i]);
    return most > MOST_ELEMENTS &&
           kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* As op_check_variants(), of the same numbers as halves, where the operation has them.  What is
 * added to the tolerance is the rounding of a result. */
static inline void op_check_halves(const op_check *c, op_reference reference, double tolerance)
{
    op_check halves;
    if (kerf__op_find(c->node->op)->halves == 0 || c->node->outputs[0]->type != KERF_F32 ||
        op_check_is_slow_as_halves(c))
        return;
    op_check_copy(&halves, c);
    op_check_store_halves(&halves);
    const kerf__op_case asked = {.dev = c->dev, .node = halves.node};
    kerf__option option;
    if (!kerf__option_at(&asked, 0, &option)) { /* then a plan leaves it to floats */
        op_check_end(&halves);
        return;
    }
    op_check_both(&halves, reference, tolerance + 0x1p-11);
    op_check_end(&halves);
}

/* Infers shapes, runs all variants, and again in place where the table allows it. */
static inline void op_check_variants(op_check *c, op_reference reference, double tolerance)
{
    kerf_status status = kerf__node_infer(c->node);
    CHECK_OK(status);
    if (status != KERF_OK)
        return;
    op_check_both(c, reference, tolerance);
    op_check_halves(c, reference, tolerance);
}

static inline void op_check_both(op_check *c, op_reference reference, double tolerance)
{
    const kerf__op *op = kerf__op_find(c->node->op);
    op_check_all(c, reference, tolerance, NULL);
    for (int i = 0; i < c->num_inputs && i < 32; i++) {
        int alias[OP_CHECK_MAX];
        const kerf_value *in = c->inputs[i], *out = c->node->outputs[0];
        if ((op->in_place >> i & 1u) == 0 || in == NULL || in->type != out->type ||
            !kerf_shape_equal(in->shape, out->shape))
            continue;
        for (int j = 0; j < OP_CHECK_MAX; j++)
            alias[j] = j == 0 ? i : -1;
        op_check_all(c, reference, tolerance, alias);
    }
}

/* ---- gradients ------------------------------------------------------------------------- */

/* sum(diff * output 0) at the inputs as they stand in c->numbers. */
static inline double op_check_objective(op_check *c, op_reference reference, const float *diff)
{
    double *outputs[OP_CHECK_MAX] = {0}, sum = 0;
    for (int i = 0; i < c->node->num_outputs; i++)
        outputs[i] = calloc(op_check_elements(c->node->outputs[i]) + 1, sizeof **outputs);
    reference(c->node, (const double *const *)c->numbers, outputs);
    for (size_t j = 0; j < op_check_elements(c->node->outputs[0]); j++)
        sum += (double)diff[j] * outputs[0][j];
    for (int i = 0; i < c->node->num_outputs; i++)
        free(outputs[i]);
    return sum;
}

/* Compares gradient `got` of input i with differences on up to 32 of its elements. */
static inline void op_check_slopes(op_check *c, op_reference reference, int i, const float *diff,
                                   const float *got, double tolerance)
{
    enum { MAX_PROBES = 32 };
    const size_t num = op_check_elements(c->inputs[i]);
    const size_t probes = num < MAX_PROBES ? num : MAX_PROBES;
    float at[MAX_PROBES];
    double slopes[MAX_PROBES];
    char what[128];
    for (size_t k = 0; k < probes; k++) {
        const size_t j = k * (num / probes) + (num / probes > 1 ? k % 2 : 0);
        double *x = &c->numbers[i][j], was = *x, step = 1e-5 * fmax(1.0, fabs(was));
        *x = was + step;
        double above = op_check_objective(c, reference, diff);
        *x = was - step;
        double below = op_check_objective(c, reference, diff);
        *x = was;
        slopes[k] = (above - below) / (2 * step);
        at[k] = got[j];
    }
    snprintf(what, sizeof what, "%s, gradient of input %d", c->node->op, i);
    check_close(what, at, slopes, probes, tolerance);
}

/* A backward pass: the nodes that the rules add, run one by one. */
typedef struct op_check_backward {
    naive n;
    kerf__gradients grads;
    float *diff; /* what arrives at output 0 */
} op_check_backward;

/* Of all float inputs but constants and those with a bit in `leave`, and of what comes of them. */
static inline void op_check_want(op_check *c, kerf__gradients *grads, unsigned leave)
{
    const kerf_graph *g = c->graph;
    *grads = (kerf__gradients){c->graph, calloc(g->num_values, sizeof(kerf_value *)),
                               calloc(g->num_values, 1), g->num_values};
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL && c->inputs[i]->kind != KERF__VALUE_CONSTANT &&
            c->inputs[i]->type == KERF_F32 && (leave >> i & 1u) == 0)
            grads->wanted[c->inputs[i]->index] = 1;
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (kerf__gradient_wanted(grads, g->nodes[i]->inputs[k]))
                grads->wanted[g->nodes[i]->outputs[0]->index] = 1;
}

static inline void op_check_write_inputs(const op_check *c, const naive *n)
{
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL)
            CHECK_OK(kerf_tensor_write(naive_tensor(n, c->inputs[i]), c->data[i]));
}

/* Through the node, or all that it was expanded to.  Takes `diff`, which was allocated. */
static inline void op_check_backward_begin(op_check *c, op_check_backward *b, float *diff,
                                           unsigned leave)
{
    const kerf_value *out = c->node->outputs[0];
    kerf_value *arriving;
    CHECK_OK(kerf_graph_add_input(c->graph, "diff", KERF_F32, out->shape, &arriving));
    *b = (op_check_backward){.diff = diff};
    op_check_want(c, &b->grads, leave);
    b->grads.diffs[out->index] = arriving;
    for (size_t i = c->graph->num_nodes; i-- > 0;) {
        kerf_node *node = c->graph->nodes[i];
        if (kerf__gradient_wanted(&b->grads, node->outputs[0]))
            CHECK_OK(kerf__op_find(node->op)->gradient(&b->grads, node));
    }
    CHECK_OK(naive_create(&b->n, c->dev, c->graph));
    op_check_write_inputs(c, &b->n);
    CHECK_OK(kerf_tensor_write(naive_tensor(&b->n, arriving), diff));
    CHECK_OK(naive_run(&b->n));
}

static inline void op_check_backward_end(op_check_backward *b)
{
    naive_destroy(&b->n);
    free(b->grads.diffs);
    free(b->grads.wanted);
    free(b->diff);
}

/* The gradient of input i, allocated; NULL, and a failure, if the rule made none. */
static inline float *op_check_read_gradient(const op_check *c, const op_check_backward *b, int i)
{
    const kerf_value *v = kerf__gradient_of(&b->grads, c->inputs[i]);
    CHECK(v != NULL);
    if (v == NULL)
        return NULL;
    CHECK(kerf_shape_equal(v->shape, c->inputs[i]->shape));
    float *got = calloc(op_check_elements(v) + 1, sizeof *got);
    CHECK_OK(kerf_tensor_read(naive_tensor(&b->n, v), got));
    return got;
}

/* The gradient of output 0 by all float inputs; call after op_check_variants.  `leave` has
 * a bit for each input that has none. */
static inline void op_check_gradient_but(op_check *c, op_reference reference, double tolerance,
                                         unsigned leave)
{
    const size_t num = op_check_elements(c->node->outputs[0]);
    float *diff = calloc(num + 1, sizeof *diff);
    int compared = 0;
    op_check_backward b;
    op_check_fill(diff, num, 77);
    op_check_backward_begin(c, &b, diff, leave);
    for (int i = 0; i < c->num_inputs; i++) {
        if (!kerf__gradient_wanted(&b.grads, c->inputs[i]))
            continue;
        float *got = op_check_read_gradient(c, &b, i);
        if (got != NULL)
            op_check_slopes(c, reference, i, diff, got, tolerance);
        compared += got != NULL;
        free(got);
    }
    CHECK(compared > 0);
    op_check_backward_end(&b);
}

/* Where there is no slope to difference: ones arrive, and the gradient of input i must be
 * want[i], or is not asked for where that is NULL. */
static inline void op_check_gradient_is(op_check *c, const float *const *want, double tolerance)
{
    const size_t num_ones = op_check_elements(c->node->outputs[0]);
    float *ones = calloc(num_ones + 1, sizeof *ones);
    unsigned leave = 0;
    op_check_backward b;
    for (size_t i = 0; i < num_ones; i++)
        ones[i] = 1;
    for (int i = 0; i < c->num_inputs; i++)
        leave |= want[i] == NULL ? 1u << i : 0;
    op_check_backward_begin(c, &b, ones, leave);
    for (int i = 0; i < c->num_inputs; i++) {
        float *got = want[i] != NULL ? op_check_read_gradient(c, &b, i) : NULL;
        if (got == NULL)
            continue;
        const size_t num = op_check_elements(c->inputs[i]);
        double *wanted = op_check_numbers(KERF_F32, want[i], num);
        op_check_settle(got, wanted, num);
        check_close(c->node->op, got, wanted, num, tolerance);
        free(wanted);
        free(got);
    }
    op_check_backward_end(&b);
}

static inline void op_check_gradient(op_check *c, op_reference reference, double tolerance)
{
    op_check_gradient_but(c, reference, tolerance, 0);
}

/* ---- what a plan says by other nodes ----------------------------------------------------- */

/* Expands the node and compares what its nodes give; op_check_gradient() may follow. */
static inline void op_check_expanded(op_check *c, op_reference reference, double tolerance)
{
    naive n = {0};
    const kerf_value *out = c->node->outputs[0];
    CHECK_OK(kerf_graph_infer(c->graph, 1));
    CHECK_OK(naive_create(&n, c->dev, c->graph));
    op_check_write_inputs(c, &n);
    CHECK_OK(naive_run(&n));
    const size_t num = op_check_elements(out);
    void *bytes = calloc(num + 1, 8);
    float *got = calloc(num + 1, sizeof *got);
    double *want = calloc(num + 1, sizeof *want);
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, out), bytes));
    for (size_t i = 0; i < num; i++)
        got[i] = (float)op_check_number(out->type, bytes, i);
    reference(c->node, (const double *const *)c->numbers, &want);
    check_close(c->node->op, got, want, num, tolerance);
    naive_destroy(&n);
    free(bytes);
    free(got);
    free(want);
}

/* The node must be refused with these words. */
static inline void op_check_refused(op_check *c, kerf_status status, const char *words)
{
    CHECK_STATUS(status, kerf__node_infer(c->node));
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message \"%s\" does not say \"%s\"\n", kerf_last_error(), words);
        check_failures++;
    }
}

/* The same with input i of another type and shape, or, where i is below 0, another attribute `key`;
 * ends the case. */
static inline void op_check_refused_with(op_check *c, int i, kerf_type type, kerf_shape shape,
                                         const char *key, int64_t number, kerf_status status,
                                         const char *words)
{
    if (i >= 0) {
        c->inputs[i]->type = type;
        c->inputs[i]->shape = shape;
    } else {
        CHECK_OK(kerf_node_set_int(c->node, key, number));
    }
    op_check_refused(c, status, words);
    op_check_end(c);
}

#endif
