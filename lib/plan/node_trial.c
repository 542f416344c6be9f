/* plan/node_trial.c -- building, running and timing all options of one node (node_trial.h).
 *
 * A driver may refuse to build or to launch a candidate: that is an answer, not a failure.
 * Only what concerns all of them (memory for the tensors, a dead device) is passed up. */
#include "plan/node_trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/random.h"

/* ---- tensors ----------------------------------------------------------------------- */

void kerf__fill_random(void *bytes, kerf_type type, size_t num_elements, uint32_t id)
{
    const kerf__random r = kerf__random_key(1, KERF__RANDOM_DATA, id);
    for (size_t i = 0; i < num_elements; i++)
        if (type == KERF_F32)
            ((float *)bytes)[i] = 2 * kerf__random_float(r, 0, i) - 1;
        else if (type == KERF_BOOL)
            ((char *)bytes)[i] = (char)(kerf__random_u32(r, 0, i) & 1u);
}

static kerf_status write_random(kerf_tensor *t, const kerf_node *n, int input)
{
    const kerf__op *op = kerf__op_find(n->op);
    char *bytes = kerf__alloc(t->size_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory("tune", t->size_bytes);
    kerf__fill_random(bytes, t->type, t->num_elements, (uint32_t)input);
    if (op->fill_trial != NULL)
        op->fill_trial(n, input, bytes);
    kerf_status status = kerf_tensor_write(t, bytes);
    free(bytes);
    return status;
}

static kerf_status create_tensor(kerf__trials *t, int i, const void *content)
{
    const kerf_node *n = t->node;
    const kerf_value *v = i < n->num_inputs ? n->inputs[i] : n->outputs[i - n->num_inputs];
    if (v == NULL || v->shape.rank < 0)
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&t->tensors[i], t->dev, v->type, v->shape));
    if (content == NULL && v->kind == KERF__VALUE_CONSTANT)
        content = kerf_tensor_data(v->constant);
    if (content != NULL)
        return kerf_tensor_write(t->tensors[i], content);
    return i < n->num_inputs ? write_random(t->tensors[i], n, i) : KERF_OK;
}

static kerf_status create_tensors(kerf__trials *t, const void *const *inputs)
{
    const kerf_node *n = t->node;
    const int num = n->num_inputs + n->num_outputs;
    t->tensors = kerf__alloc((size_t)num, sizeof(kerf_tensor *));
    if (t->tensors == NULL)
        return kerf__fail_memory("tune", (size_t)num * sizeof(kerf_tensor *));
    for (int i = 0; i < num; i++)
        KERF__TRY(create_tensor(t, i, inputs != NULL && i < n->num_inputs ? inputs[i] : NULL));
    return KERF_OK;
}

/* ---- building ---------------------------------------------------------------------- */

static void drop_unless(kerf__trial *trial, kerf_status status)
{
    if (status == KERF_OK)
        return;
    trial->alive = 0;
    snprintf(trial->why, sizeof trial->why, "%.*s", (int)strcspn(kerf_last_error(), "\n"),
             kerf_last_error()); /* a log follows */
}

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
    kerf__option_place at = {0};
    while (kerf__option_next(&c, &at, &option))
        t->capacity++;
    t->items = kerf__alloc((size_t)t->capacity, sizeof *t->items);
    if (t->items == NULL)
        return kerf__fail_memory("tune", (size_t)t->capacity * sizeof *t->items);
    at = (kerf__option_place){0};
    for (; t->num < t->capacity && kerf__option_next(&c, &at, &option); t->num++) {
        kerf__trial *trial = &t->items[t->num];
        *trial = (kerf__trial){.option = option, .ms = INFINITY};
        trial->alive = 1;
        drop_unless(trial, build(t, trial));
    }
    return KERF_OK;
}

kerf_status kerf__trials_create(kerf__trials *t, kerf_device *dev, const kerf_node *n,
                                const void *const *inputs)
{
    *t = (kerf__trials){.dev = dev, .node = n};
    KERF__TRY(create_tensors(t, inputs));
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
    drop_unless(trial, status);
    if (status == KERF_OK)
        drop_unless(trial, kerf_device_finish(t->dev));
    return (kerf__now_ms() - start) / repeat;
}

/* ---- comparing --------------------------------------------------------------------- */

/* What an earlier trial left must not pass for this one's result: all bits set are NaN. */
static kerf_status spoil_outputs(const kerf__trials *t, char *bytes, size_t num_bytes)
{
    memset(bytes, 0xff, num_bytes);
    for (int i = 0; i < t->node->num_outputs; i++) {
        kerf_tensor *output = t->tensors[t->node->num_inputs + i];
        if (output != NULL)
            KERF__TRY(kerf_tensor_write(output, bytes));
    }
    return KERF_OK;
}

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

static kerf_status vote(kerf__trials *t, kerf__trial *trial, kerf__ballot *b)
{
    const size_t num_bytes = kerf__outputs_bytes(t->node);
    char *bytes = kerf__alloc(num_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory("tune", num_bytes);
    kerf_status status = spoil_outputs(t, bytes, num_bytes);
    if (status == KERF_OK)
        run(t, trial, 1);
    if (status == KERF_OK && trial->alive)
        status = read_outputs(t, bytes);
    if (status == KERF_OK && trial->alive)
        return kerf__ballot_vote(b, bytes, t->dev, trial->option.variant, &trial->result,
                                 &trial->gap);
    free(bytes);
    return status;
}

kerf_status kerf__trials_vote(kerf__trials *t, kerf__ballot *b)
{
    for (int i = 0; i < t->num; i++)
        if (t->items[i].alive)
            KERF__TRY(vote(t, &t->items[i], b));
    return KERF_OK;
}

void kerf__trials_judge(kerf__trials *t, const kerf__ballot *b)
{
    const int winner = kerf__ballot_winner(b);
    for (int i = 0; i < t->num; i++) {
        kerf__trial *trial = &t->items[i];
        if (!trial->alive || trial->result == winner)
            continue;
        trial->gap = kerf__ballot_gap(b, trial->result, winner);
        trial->alive = 0;
        snprintf(trial->why, sizeof trial->why,
                 "the result is off by %.2g of its largest number, must be within %.2g",
                 trial->gap.rel, trial->gap.tolerance);
    }
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

kerf__trial *kerf__trials_find(const kerf__trials *t, kerf__option option)
{
    for (int i = 0; i < t->num; i++)
        if (t->items[i].option.variant == option.variant &&
            t->items[i].option.candidate == option.candidate)
            return &t->items[i];
    return NULL;
}

char *kerf__trials_left_out(const kerf__trials *t)
{
    enum { LINE = 320 };
    char *text = kerf__alloc((size_t)t->num + 1, LINE);
    size_t length = 0;
    for (int i = 0; text != NULL && i < t->num; i++) {
        char *name = !t->items[i].alive ? kerf__option_name(t->items[i].option) : NULL;
        if (name != NULL)
            length += (size_t)snprintf(text + length, LINE, "%s%.100s: %s", length > 0 ? "\n" : "",
                                       name, t->items[i].why);
        free(name);
    }
    return text;
}
