/* bench_crossover.c -- `kerf bench M --crossover`: each layer of a model dense, and without the
 * zeros that random masks make at several densities.  Where that is faster, and whether the planner
 * knows.
 *
 * A plan that multiplies by zeros and one that skips all of them have steps of the same names, so
 * steps are compared by name.  What stands around them, patterns, values and reorders, is in the
 * last line, all steps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_model.h"
#include "json.h"
#include "progress.h"
#include "table.h"

static const double DENSITIES[] = {0.5, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01};
enum { NUM = sizeof DENSITIES / sizeof DENSITIES[0] };

typedef struct row {
    kerf_plan_step step; /* of the dense plan, which lives as long */
    double dense_ms, sparse_ms[NUM];
    int is_taken[NUM]; /* the planner skips the zeros */
} row;

typedef struct crossing {
    const options *o;
    const contender *c;
    row *rows; /* owned; the last is all steps together */
    size_t num;
} crossing;

/* ---- a model with zeros -------------------------------------------------------------------- */

static kerf_status prune(kerf_graph *g, kerf_state *s, double density, uint64_t seed)
{
    const kerf_prune_options how = {.method = KERF_PRUNE_RANDOM,
                                    .scope = KERF_SCOPE_LAYER,
                                    .amount = 1 - density,
                                    .seed = seed};
    kerf_pruner *p = NULL;
    kerf_status status = kerf_prune_mark(g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_apply(p, 1);
    kerf_pruner_destroy(p);
    return status;
}

/* ---- steps --------------------------------------------------------------------------------- */

static int is_product(const kerf_plan_step *step)
{
    static const char *const ops[] = {"Conv", "Gemm", "kerf.ConvGradInput", "kerf.ConvGradWeights"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(step->op, ops[i]) == 0)
            return 1;
    return 0;
}

static int is_sparse(const kerf_plan_step *step)
{
    return strncmp(step->op, "kerf.Sparse", 11) == 0;
}

static row *find_row(const crossing *x, const kerf_plan_step *step)
{
    for (size_t i = 0; i + 1 < x->num; i++)
        if (strcmp(x->rows[i].step.name, step->name) == 0)
            return &x->rows[i];
    return NULL;
}

/* Of the plan that multiplies by all: what may become sparse. */
static kerf_status list_rows(crossing *x)
{
    kerf_plan *p = x->c->plan;
    const int num_steps = kerf_plan_num_steps(p);
    row all = {.step = {.name = "all steps", .op = "", .direction = ""}};
    x->rows = calloc((size_t)num_steps + 1, sizeof *x->rows);
    if (x->rows == NULL)
        return KERF_ERR_MEMORY;
    for (int i = 0; i < num_steps; i++) {
        row r = {0};
        kerf_status status = kerf_plan_get_step(p, i, &r.step);
        if (status == KERF_OK)
            status = layer_time_step(p, i, &r.dense_ms);
        if (status != KERF_OK)
            return status;
        all.dense_ms += r.dense_ms;
        if (is_product(&r.step))
            x->rows[x->num++] = r;
    }
    x->rows[x->num++] = all;
    return KERF_OK;
}

static kerf_status time_sparse(const crossing *x, kerf_plan *p, int k)
{
    row *all = &x->rows[x->num - 1];
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        double ms;
        kerf_status status = kerf_plan_get_step(p, i, &step);
        if (status == KERF_OK)
            status = layer_time_step(p, i, &ms);
        if (status != KERF_OK)
            return status;
        all->sparse_ms[k] += ms;
        row *r = is_sparse(&step) ? find_row(x, &step) : NULL;
        if (r != NULL)
            r->sparse_ms[k] = ms;
    }
    return KERF_OK;
}

static kerf_status note_taken(const crossing *x, kerf_plan *p, int k)
{
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        kerf_status status = kerf_plan_get_step(p, i, &step);
        if (status != KERF_OK)
            return status;
        row *r = is_sparse(&step) ? find_row(x, &step) : NULL;
        if (r != NULL)
            r->is_taken[k] = 1;
    }
    return KERF_OK;
}

static kerf_status with_plan(const crossing *x, const kerf_graph *g, kerf_state *s,
                             kerf_zeros zeros, int k,
                             kerf_status (*look)(const crossing *x, kerf_plan *p, int k))
{
    kerf_plan *p = NULL;
    kerf_status status = bench_plan(x->o, x->c, g, s, zeros, &p);
    if (status == KERF_OK)
        status = kerf_plan_run(p); /* patterns are made */
    if (status == KERF_OK)
        status = look(x, p, k);
    kerf_plan_destroy(p);
    return status;
}

static kerf_status measure(const crossing *x, int k)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_graph_copy(&g, x->c->m.g);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, x->c->m.s, kerf_state_device(x->c->m.s));
    if (status == KERF_OK)
        status = prune(g, s, DENSITIES[k], (uint64_t)x->o->seed);
    if (status == KERF_OK)
        status = with_plan(x, g, s, KERF_ZEROS_SPARSE, k, time_sparse);
    if (status == KERF_OK)
        status = with_plan(x, g, s, KERF_ZEROS_AUTO, k, note_taken);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* ---- telling ------------------------------------------------------------------------------- */

static int has_sparse(const row *r)
{
    for (int k = 0; k < NUM; k++)
        if (r->sparse_ms[k] > 0)
            return 1;
    return 0;
}

static void print_rows(const crossing *x)
{
    FILE *out = result_stream(x->o);
    table *t =
        table_create("layer|direction|>dense ms|>50 %|>30 %|>20 %|>15 %|>10 %|>5 %|>2 %|>1 %");
    for (size_t i = 0; i < x->num; i++) {
        const row *r = &x->rows[i];
        if (!has_sparse(r))
            continue;
        if (i + 1 == x->num)
            table_rule(t);
        table_cell(t, "%s", r->step.name);
        table_cell(t, "%s", r->step.direction);
        table_cell(t, "%.3f", r->dense_ms);
        for (int k = 0; k < NUM; k++)
            if (r->sparse_ms[k] > 0)
                table_cell(t, "%.2f%s", r->dense_ms / r->sparse_ms[k], r->is_taken[k] ? "*" : " ");
            else
                table_cell(t, "- ");
    }
    fprintf(out,
            "%s, %s, batch %lld: how many times as fast without the zeros, by the share of weights "
            "that is left;\n* where the planner leaves them out\n",
            x->c->m.path, x->o->train ? "a training step" : "inference", (long long)x->c->batch);
    table_print(t, out);
    table_destroy(t);
}

static json_t *row_json(const row *r)
{
    json_t *at = json_array();
    for (int k = 0; k < NUM; k++)
        json_array_append_new(at,
                              json_pack("{s:f,s:o,s:b}", "density", DENSITIES[k], "sparse_ms",
                                        json_number(r->sparse_ms[k] > 0 ? r->sparse_ms[k] : NAN),
                                        "chosen", r->is_taken[k]));
    return json_pack("{s:o,s:s,s:s,s:f,s:o}", "name", json_text(r->step.name), "op", r->step.op,
                     "direction", r->step.direction, "dense_ms", r->dense_ms, "densities", at);
}

static json_t *rows_json(const crossing *x, kerf_device *dev)
{
    json_t *object = json_begin(), *rows = json_array();
    kerf_device_peaks peaks = {0};
    if (kerf_device_measure(dev, &peaks) != KERF_OK)
        warn(x->o, "%s", kerf_last_error());
    bench_tell_device(object, dev, &peaks);
    for (size_t i = 0; i < x->num; i++)
        if (has_sparse(&x->rows[i]))
            json_array_append_new(rows, row_json(&x->rows[i]));
    json_object_set_new(object, "model", json_text(x->c->m.path));
    json_object_set_new(object, "batch", json_integer((json_int_t)x->c->batch));
    json_object_set_new(object, "train", json_boolean(x->o->train));
    json_object_set_new(object, "crossover", rows);
    return object;
}

int bench_crossover(const options *o, kerf_device *dev, contender *c)
{
    crossing x = {.o = o, .c = c};
    progress bar;
    progress_begin(&bar, o, "bench");
    kerf_status status = kerf_plan_run(c->plan);
    if (status == KERF_OK)
        status = list_rows(&x);
    for (int k = 0; status == KERF_OK && k < NUM; k++) {
        progress_count(&bar, k, NUM, "of the densities");
        status = measure(&x, k);
    }
    progress_clear(&bar);
    int code = status == KERF_OK ? 0 : fail_kerf(o, status);
    if (code == 0 && !o->json)
        print_rows(&x);
    if (code == 0)
        code = bench_finish(o, rows_json(&x, dev));
    free(x.rows);
    return code;
}
