/* bench_crossover.c -- `kerf bench M --crossover`: each layer of a model dense, and without the
 * zeros that random masks make at several densities, of a quantized file in words of four bytes.
 * Where that is faster, and whether the planner knows.
 *
 * The library times both and remembers it (kerf_tune_zeros), so what is marked as the planner's
 * choice is its choice by these very times.  What stands around the layers, reorders above all, is
 * in the last line, all steps. */
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
    char name[128], direction[16];
    double dense_ms[NUM], sparse_ms[NUM]; /* 0: not measured */
    int is_taken[NUM];                    /* the planner skips the zeros */
} row;

typedef struct crossing {
    const options *o;
    const contender *c;
    int k;     /* the density that is being measured */
    row *rows; /* owned */
    size_t num;
    row all;          /* steps together */
    int num_of_bytes; /* layers whose weights are words of bytes */
    int is_out_of_memory;
} crossing;

/* ---- a model with zeros -------------------------------------------------------------------- */

/* Of bytes whole words, else single weights. */
static kerf_status prune(kerf_graph *g, kerf_state *s, double density, uint64_t seed, int *words)
{
    const kerf_prune_options how = {.method = KERF_PRUNE_RANDOM,
                                    .scope = KERF_SCOPE_LAYER,
                                    .amount = 1 - density,
                                    .seed = seed};
    kerf_pruner *p = NULL;
    *words = kerf_prune_words(g, density, seed);
    if (*words > 0)
        return KERF_OK;
    kerf_status status = kerf_prune_mark(g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_apply(p, 1);
    kerf_pruner_destroy(p);
    return status;
}

/* ---- steps --------------------------------------------------------------------------------- */

static row *find_row(const crossing *x, const char *name)
{
    for (size_t i = 0; i < x->num; i++)
        if (strcmp(x->rows[i].name, name) == 0)
            return &x->rows[i];
    return NULL;
}

static void note_time(row *r, int k, const kerf_zeros_time *t)
{
    r->dense_ms[k] = t->dense_ms;
    r->sparse_ms[k] = t->sparse_ms;
}

/* A layer's direction at density k. */
static int on_time(void *context, const kerf_zeros_time *t)
{
    crossing *x = context;
    row *r = find_row(x, t->name);
    if (r == NULL) {
        row *rows = realloc(x->rows, (x->num + 1) * sizeof *rows);
        if (rows == NULL)
            return x->is_out_of_memory = 1;
        x->rows = rows;
        r = &rows[x->num++];
        *r = (row){0};
        snprintf(r->name, sizeof r->name, "%s", t->name);
        snprintf(r->direction, sizeof r->direction, "%s", t->direction);
    }
    note_time(r, x->k, t);
    return 0;
}

/* Both ways; what comes of it is in the tuning store, as of `kerf tune`. */
static kerf_status time_zeros(crossing *x, const kerf_graph *g, kerf_state *s)
{
    kerf_zeros_time all;
    const kerf_tune_target target = {g, s, bench_plan_options(x->o, x->c)};
    kerf_status status = kerf_tune_zeros(&target, on_time, x, &all);
    if (x->is_out_of_memory)
        return KERF_ERR_MEMORY;
    if (status == KERF_OK)
        note_time(&x->all, x->k, &all);
    return status;
}

/* What the planner makes of it. */
static kerf_status note_taken(const crossing *x, const kerf_graph *g, kerf_state *s)
{
    kerf_plan *p = NULL;
    const kerf_plan_options plan_options = bench_plan_options(x->o, x->c);
    kerf_status status = kerf_plan_create(&p, g, s, &plan_options);
    for (int i = 0; status == KERF_OK && i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step step;
        status = kerf_plan_get_step(p, i, &step);
        row *r = status == KERF_OK && strncmp(step.op, "kerf.Sparse", 11) == 0
                     ? find_row(x, step.name)
                     : NULL;
        if (r != NULL)
            r->is_taken[x->k] = 1;
    }
    kerf_plan_destroy(p);
    return status;
}

static kerf_status measure(crossing *x)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_graph_copy(&g, x->c->m.g);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, x->c->m.s, kerf_state_device(x->c->m.s));
    if (status == KERF_OK)
        status = prune(g, s, DENSITIES[x->k], (uint64_t)x->o->seed, &x->num_of_bytes);
    if (status == KERF_OK)
        status = time_zeros(x, g, s);
    if (status == KERF_OK)
        status = note_taken(x, g, s);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* ---- telling ------------------------------------------------------------------------------- */

/* The least of those measured, as the zeros are multiplied like other numbers. */
static double dense_ms(const row *r)
{
    double least = INFINITY;
    for (int k = 0; k < NUM; k++)
        least = r->dense_ms[k] > 0 ? fmin(least, r->dense_ms[k]) : least;
    return least;
}

static void print_row(table *t, const row *r)
{
    table_cell(t, "%s", r->name);
    table_cell(t, "%s", r->direction);
    table_cell(t, "%.3f", dense_ms(r));
    for (int k = 0; k < NUM; k++)
        if (r->sparse_ms[k] > 0)
            table_cell(t, "%.2f%s", r->dense_ms[k] / r->sparse_ms[k], r->is_taken[k] ? "*" : " ");
        else
            table_cell(t, "- ");
}

static void print_rows(const crossing *x)
{
    FILE *out = result_stream(x->o);
    table *t =
        table_create("layer|direction|>dense ms|>50 %|>30 %|>20 %|>15 %|>10 %|>5 %|>2 %|>1 %");
    for (size_t i = 0; i < x->num; i++)
        print_row(t, &x->rows[i]);
    table_rule(t);
    print_row(t, &x->all);
    fprintf(out,
            "%s, %s, batch %lld: how many times as fast without the zeros, by the share of %s "
            "that is left;\n* where the planner leaves them out\n",
            x->c->m.path, x->o->train ? "a training step" : "inference", (long long)x->c->batch,
            x->num_of_bytes > 0 ? "words of four input channels" : "weights");
    table_print(t, out);
    table_destroy(t);
    fprintf(out, "remembered in %s/tuning\n", kerf_cache_dir());
}

static json_t *row_json(const row *r)
{
    json_t *at = json_array();
    for (int k = 0; k < NUM; k++)
        json_array_append_new(
            at, json_pack("{s:f,s:o,s:o,s:b}", "density", DENSITIES[k], "dense_ms",
                          json_number(r->sparse_ms[k] > 0 ? r->dense_ms[k] : NAN), "sparse_ms",
                          json_number(r->sparse_ms[k] > 0 ? r->sparse_ms[k] : NAN), "chosen",
                          r->is_taken[k]));
    return json_pack("{s:o,s:s,s:f,s:o}", "name", json_text(r->name), "direction", r->direction,
                     "dense_ms", dense_ms(r), "densities", at);
}

static json_t *rows_json(const crossing *x, kerf_device *dev)
{
    json_t *object = json_begin(), *rows = json_array();
    kerf_device_peaks peaks = {0};
    if (kerf_device_measure(dev, &peaks) != KERF_OK)
        warn(x->o, "%s", kerf_last_error());
    bench_tell_device(object, dev, &peaks);
    for (size_t i = 0; i < x->num; i++)
        json_array_append_new(rows, row_json(&x->rows[i]));
    json_array_append_new(rows, row_json(&x->all));
    json_object_set_new(object, "model", json_text(x->c->m.path));
    json_object_set_new(object, "batch", json_integer((json_int_t)x->c->batch));
    json_object_set_new(object, "train", json_boolean(x->o->train));
    json_object_set_new(object, "words", json_boolean(x->num_of_bytes > 0));
    json_object_set_new(object, "crossover", rows);
    return object;
}

int bench_crossover(const options *o, kerf_device *dev, contender *c)
{
    crossing x = {.o = o, .c = c, .all = {.name = "all steps"}};
    progress bar;
    kerf_status status = KERF_OK;
    progress_begin(&bar, o, "bench");
    for (; status == KERF_OK && x.k < NUM; x.k++) {
        progress_count(&bar, x.k, NUM, "of the densities");
        status = measure(&x);
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
