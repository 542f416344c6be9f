/* plan/node_trial.c -- building, comparing and timing all options of one node (node_trial.h).
 *
 * A driver may refuse to build or to launch a candidate: that is an answer, not a failure.
 * Only what concerns all of them (memory for the tensors, a dead device) is passed up. */
#include "plan/node_trial.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/random.h"

/* ---- tensors ----------------------------------------------------------------------- */

/* Floats in [-1, 1), flags of 0 and 1, integers 0 (an index that always exists). */
static kerf_status fill(kerf_tensor *t, uint32_t id)
{
    const kerf__random r = kerf__random_key(1, KERF__RANDOM_DATA, id);
    char *bytes = kerf__alloc(t->size_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory("tune", t->size_bytes);
    for (size_t i = 0; i < t->num_elements; i++)
        if (t->type == KERF_F32)
            ((float *)(void *)bytes)[i] = 2 * kerf__random_float(r, 0, i) - 1;
        else if (t->type == KERF_BOOL)
            bytes[i] = (char)(kerf__random_u32(r, 0, i) & 1u);
    kerf_status status = kerf_tensor_write(t, bytes);
    free(bytes);
    return status;
}

static kerf_status create_tensors(kerf__trials *t)
{
    const kerf_node *n = t->node;
    const int num = n->num_inputs + n->num_outputs;
    t->tensors = kerf__alloc((size_t)num, sizeof(kerf_tensor *));
    if (t->tensors == NULL)
        return kerf__fail_memory("tune", (size_t)num * sizeof(kerf_tensor *));
    for (int i = 0; i < num; i++) {
        const kerf_value *v = i < n->num_inputs ? n->inputs[i] : n->outputs[i - n->num_inputs];
        if (v == NULL || v->shape.rank < 0)
            continue;
        KERF__TRY(kerf_tensor_create(&t->tensors[i], t->dev, v->type, v->shape));
        if (v->kind == KERF__VALUE_CONSTANT)
            KERF__TRY(kerf_tensor_write(t->tensors[i], kerf_tensor_data(v->constant)));
        else
            KERF__TRY(fill(t->tensors[i], (uint32_t)i));
    }
    return KERF_OK;
}

/* ---- building ---------------------------------------------------------------------- */

static kerf_status build(kerf__trials *t, kerf__trial *trial)
{
    kerf__op_case c = {.dev = t->dev,
                       .node = t->node,
                       .option = trial->option,
                       .inputs = t->tensors,
                       .outputs = t->tensors + t->node->num_inputs,
                       .steps = &trial->steps};
    const size_t scratch_bytes = kerf__case_scratch(&c);
    if (scratch_bytes > 0)
        KERF__TRY(kerf__buffer_create(&trial->scratch, t->dev, scratch_bytes));
    c.scratch = trial->scratch;
    return trial->option.variant->build(&c);
}

static kerf_status create_trials(kerf__trials *t)
{
    const kerf__op_case c = {.dev = t->dev, .node = t->node};
    kerf__option option;
    for (int i = 0; kerf__option_at(&c, i, &option); i++)
        t->capacity = i + 1;
    t->items = kerf__alloc((size_t)t->capacity, sizeof *t->items);
    if (t->items == NULL)
        return kerf__fail_memory("tune", (size_t)t->capacity * sizeof *t->items);
    for (; t->num < t->capacity && kerf__option_at(&c, t->num, &option); t->num++) {
        kerf__trial *trial = &t->items[t->num];
        *trial = (kerf__trial){.option = option, .ms = INFINITY};
        trial->alive = build(t, trial) == KERF_OK;
    }
    return KERF_OK;
}

kerf_status kerf__trials_create(kerf__trials *t, kerf_device *dev, const kerf_node *n)
{
    *t = (kerf__trials){.dev = dev, .node = n};
    KERF__TRY(create_tensors(t));
    return create_trials(t);
}

void kerf__trials_destroy(kerf__trials *t)
{
    for (int i = 0; i < t->num; i++) {
        kerf__steps_clear(&t->items[i].steps);
        kerf__buffer_destroy(t->items[i].scratch);
    }
    for (int i = 0; t->tensors != NULL && i < t->node->num_inputs + t->node->num_outputs; i++)
        kerf_tensor_destroy(t->tensors[i]);
    free(t->tensors);
    free(t->items);
    *t = (kerf__trials){0};
}

/* ---- running ----------------------------------------------------------------------- */

/* Milliseconds of one of `repeat` runs; a trial that fails dies. */
static double run(const kerf__trials *t, kerf__trial *trial, int repeat)
{
    const double start = kerf__now_ms();
    kerf_status status = KERF_OK;
    for (int i = 0; i < repeat && status == KERF_OK; i++)
        status = kerf__steps_enqueue(&trial->steps, 0, trial->steps.num);
    if (kerf_device_finish(t->dev) != KERF_OK || status != KERF_OK)
        trial->alive = 0;
    return (kerf__now_ms() - start) / repeat;
}

/* ---- comparing --------------------------------------------------------------------- */

static double error_factor(const kerf__trial *trial)
{
    return trial->option.variant->error_factor > 0 ? trial->option.variant->error_factor : 1;
}

/* Rounding of sums as long as this node's, relative to the largest result. */
static double tolerance(const kerf_node *n, double factor)
{
    const double results = (double)kerf_shape_num_elements(n->outputs[0]->shape);
    const double length = results > 0 ? fmax(1, kerf_node_macs(n) / results) : 1;
    return 8 * (double)FLT_EPSILON * sqrt(length) * factor;
}

static int agree(const kerf_tensor *t, const char *got, const char *want, double tolerance)
{
    const float *g = (const void *)got, *w = (const void *)want;
    double largest = 0;
    if (t->type != KERF_F32)
        return memcmp(got, want, t->size_bytes) == 0;
    for (size_t i = 0; i < t->num_elements; i++)
        if (isfinite(w[i]))
            largest = fmax(largest, fabs((double)w[i]));
    for (size_t i = 0; i < t->num_elements; i++) {
        const int same = g[i] == w[i] || (isnan(g[i]) && isnan(w[i]));
        if (!same && !(fabs((double)g[i] - (double)w[i]) <= tolerance * largest))
            return 0;
    }
    return 1;
}

/* All outputs into `bytes`, one behind the other. */
static kerf_status read_outputs(const kerf__trials *t, char *bytes)
{
    for (int i = 0; i < t->node->num_outputs; i++) {
        const kerf_tensor *output = t->tensors[t->node->num_inputs + i];
        if (output == NULL)
            continue;
        KERF__TRY(kerf_tensor_read(output, bytes));
        bytes += output->size_bytes;
    }
    return KERF_OK;
}

static int all_agree(const kerf__trials *t, const char *got, const char *want, double tolerance)
{
    for (int i = 0; i < t->node->num_outputs; i++) {
        const kerf_tensor *output = t->tensors[t->node->num_inputs + i];
        if (output == NULL)
            continue;
        if (!agree(output, got, want, tolerance))
            return 0;
        got += output->size_bytes;
        want += output->size_bytes;
    }
    return 1;
}

static kerf_status compare(kerf__trials *t, char *got, char *want)
{
    const kerf__trial *first = NULL;
    for (int i = 0; i < t->num; i++) {
        kerf__trial *trial = &t->items[i];
        /* What an earlier trial left must not pass for this one's result. */
        for (int k = 0; k < t->node->num_outputs; k++) {
            kerf_tensor *output = t->tensors[t->node->num_inputs + k];
            if (output != NULL && output->size_bytes > 0)
                KERF__TRY(kerf__buffer_fill_zero(output->buffer, 0, output->size_bytes));
        }
        if (trial->alive)
            run(t, trial, 1);
        if (!trial->alive)
            continue;
        KERF__TRY(read_outputs(t, first == NULL ? want : got));
        if (first == NULL)
            first = trial;
        else
            trial->alive = all_agree(
                t, got, want, tolerance(t->node, fmax(error_factor(first), error_factor(trial))));
    }
    return KERF_OK;
}

kerf_status kerf__trials_compare(kerf__trials *t)
{
    size_t bytes = 0;
    for (int i = 0; i < t->node->num_outputs; i++)
        if (t->tensors[t->node->num_inputs + i] != NULL)
            bytes += t->tensors[t->node->num_inputs + i]->size_bytes;
    char *got = kerf__alloc(bytes, 1), *want = kerf__alloc(bytes, 1);
    kerf_status status =
        got != NULL && want != NULL ? compare(t, got, want) : kerf__fail_memory("tune", 2 * bytes);
    free(got);
    free(want);
    return status;
}

/* ---- timing ------------------------------------------------------------------------ */

static double fastest(const kerf__trials *t)
{
    double ms = INFINITY;
    for (int i = 0; i < t->num; i++)
        if (t->items[i].alive)
            ms = fmin(ms, t->items[i].ms);
    return ms;
}

/* One sample of each that is not `behind` times slower than the fastest. */
static void time_round(kerf__trials *t, const kerf__trial *keep, double behind)
{
    enum { SAMPLE_MS = 1, MOST = 1000 };
    const double best = fastest(t);
    for (int i = 0; i < t->num; i++) {
        kerf__trial *trial = &t->items[i];
        if (!trial->alive || (trial != keep && trial->ms > behind * best))
            continue;
        const double repeat = isfinite(trial->ms) ? SAMPLE_MS / fmax(trial->ms, 1e-3) : 1;
        trial->ms = fmin(trial->ms, run(t, trial, (int)fmax(1, fmin(MOST, repeat))));
    }
}

/* The first rounds are for all: on a busy machine any single sample may be bad. */
kerf_status kerf__trials_time(kerf__trials *t, const kerf__trial *keep, double budget_ms)
{
    enum { ROUNDS_FOR_ALL = 4, LEAST_ROUNDS = 8, MOST_ROUNDS = 40 };
    const double start = kerf__now_ms();
    for (int i = 0; i < MOST_ROUNDS; i++) {
        if (i >= LEAST_ROUNDS && budget_ms > 0 && kerf__now_ms() - start > budget_ms)
            break;
        time_round(t, keep, i < ROUNDS_FOR_ALL ? INFINITY : i < LEAST_ROUNDS ? 2 : 1.2);
    }
    return kerf_device_finish(t->dev);
}
