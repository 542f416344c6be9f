/* compress/quantize/learn.c -- learned rounding, layer by layer (AdaRound, Nagel et al. 2020).
 *
 *     samples --> floats ------------------------------------------> what the layer is to give
 *        |
 *        +------> rounded, the layers before by what they learned --> what it takes
 *
 * So each layer also makes good for what those before it could not.  Both networks are made anew
 * for each layer and end there; their results stay in host memory, and the layer alone learns.
 * Of ranks each learns all of it, from all samples, and takes over what rank 0 has learned. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "compress/quantize/calibrate_internal.h"
#include "compress/quantize/learn_internal.h"
#include "tensor/tensor_internal.h"

/* What batches of a layer may take in host memory; there are fewer of a layer that has more. */
static const size_t MOST_BYTES = (size_t)1 << 30;

typedef struct learning {
    const kerf_graph *g; /* borrowed, as the next three */
    kerf_state *s, *learned;
    const kerf_calibrate_options *how;
    kerf_quantize_options options; /* with what was learned so far */
    kerf_calibrate_options looking;
    kerf__samples samples;
    int64_t done, to_do; /* steps of all layers */
} learning;

/* One network up to a value, and its batches. */
typedef struct run {
    kerf_graph *g;     /* owned, as all here */
    kerf_state *state; /* NULL: the caller's */
    kerf__sample_plans plans;
    const char *name; /* of the value; borrowed from g */
} run;

/* ---- progress -------------------------------------------------------------------------- */

static int tell_looking(void *context, int64_t samples, int64_t num_samples)
{
    const learning *x = context;
    (void)samples;
    (void)num_samples;
    return x->how->progress != NULL ? x->how->progress(x->how->context, x->done, x->to_do) : 0;
}

static kerf_status tell_step(void *context)
{
    learning *x = context;
    x->done++;
    if (tell_looking(x, 0, 0) != 0)
        return kerf__fail(KERF_ERR_CANCELLED, "learn: stopped");
    return KERF_OK;
}

/* ---- networks -------------------------------------------------------------------------- */

static void end_run(run *r)
{
    kerf__sample_plans_destroy(&r->plans);
    kerf_graph_destroy(r->g);
    kerf_state_destroy(r->state);
}

static kerf_status end_at(run *r, const learning *x, kerf_value *v)
{
    r->name = v->name;
    KERF__TRY(kerf__graph_keep_output(r->g, v));
    kerf__graph_remove_dead(r->g);
    return kerf__sample_plans_create(&r->plans, &x->samples, r->g,
                                     r->state != NULL ? r->state : x->s);
}

static kerf_status run_floats(run *r, const learning *x, const kerf__quantize_layer *l)
{
    KERF__TRY(kerf_graph_copy(&r->g, x->g));
    return end_at(r, x, kerf_graph_find(r->g, kerf__layer_end(l->node)->name));
}

/* What stands for v behind its rounding.  A result that is an output has handed its name on to it;
 * the network's input has not. */
static kerf_value *behind_rounding(const kerf_graph *g, kerf_value *v)
{
    static const char *const OPS[] = {"QuantizeLinear", "DequantizeLinear"};
    size_t found = 0;
    for (size_t i = 0; v->producer == NULL && found == 0 && i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, OPS[0]) == 0 && g->nodes[i]->inputs[0] == v)
            found = i + 1;
    const kerf_value *q = found > 0 ? g->nodes[found - 1]->outputs[0] : NULL;
    for (size_t i = 0; q != NULL && i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->op, OPS[1]) == 0 && g->nodes[i]->inputs[0] == q)
            return g->nodes[i]->outputs[0];
    return v;
}

static kerf_status run_rounded(run *r, const learning *x, const kerf__quantize_layer *l)
{
    const char *name = l->node->inputs[0]->name;
    KERF__TRY(kerf_graph_copy(&r->g, x->g));
    KERF__TRY(kerf_state_copy(&r->state, x->s, kerf_state_device(x->s)));
    kerf_value *v = kerf_graph_find(r->g, name);
    if (v->producer != NULL)
        KERF__TRY(kerf_graph_add_output(r->g, v));
    KERF__TRY(kerf_quantize(r->g, r->state, &x->options));
    return end_at(r, x, behind_rounding(r->g, kerf_graph_find(r->g, name)));
}

/* ---- batches --------------------------------------------------------------------------- */

typedef struct collecting {
    run floats, rounded;
    kerf__lesson *lesson;
    size_t most; /* batches */
} collecting;

static kerf_status make_room(collecting *c, const kerf_tensor *taken, const kerf_tensor *given)
{
    kerf__lesson *x = c->lesson;
    const size_t bytes = (taken->num_elements + given->num_elements) * sizeof(float);
    if (x->taken.data != NULL)
        return KERF_OK;
    if (c->most * bytes > MOST_BYTES)
        c->most = bytes < MOST_BYTES ? MOST_BYTES / bytes : 1;
    x->taken.shape = taken->shape;
    x->given.shape = given->shape;
    x->taken.floats = taken->num_elements;
    x->given.floats = given->num_elements;
    x->taken.data = kerf__alloc(c->most * taken->num_elements, sizeof(float));
    x->given.data = kerf__alloc(c->most * given->num_elements, sizeof(float));
    return x->taken.data != NULL && x->given.data != NULL
               ? KERF_OK
               : kerf__fail_memory("learn", c->most * bytes);
}

static kerf_status take_batch(void *context, const float *images, int64_t num)
{
    collecting *c = context;
    kerf__lesson *x = c->lesson;
    kerf_plan *floats, *rounded;
    if (x->num == c->most)
        return KERF_OK;
    KERF__TRY(kerf__sample_plans_run(&c->floats.plans, images, num, &floats));
    KERF__TRY(kerf__sample_plans_run(&c->rounded.plans, images, num, &rounded));
    const kerf_tensor *taken = kerf_plan_output(rounded, c->rounded.name),
                      *given = kerf_plan_output(floats, c->floats.name);
    KERF__TRY(make_room(c, taken, given));
    KERF__TRY(kerf_tensor_read(taken, x->taken.data + x->num * x->taken.floats));
    KERF__TRY(kerf_tensor_read(given, x->given.data + x->num * x->given.floats));
    x->num++;
    return KERF_OK;
}

static kerf_status collect(learning *x, kerf__lesson *lesson)
{
    collecting c = {.lesson = lesson, .most = (size_t)kerf__samples_num_batches(&x->samples)};
    kerf_status status = run_floats(&c.floats, x, lesson->layer);
    if (status == KERF_OK)
        status = run_rounded(&c.rounded, x, lesson->layer);
    if (status == KERF_OK)
        status = kerf__samples_each(&x->samples, take_batch, &c);
    end_run(&c.floats);
    end_run(&c.rounded);
    return status;
}

/* ---- layers ---------------------------------------------------------------------------- */

static kerf_status learn_layer(learning *x, const kerf__quantize_layer *l, const kerf_value *weight)
{
    kerf__lesson lesson = {.layer = l,
                           .s = x->s,
                           .options = &x->options,
                           .steps = x->how->steps,
                           .tell = tell_step,
                           .context = x};
    float *targets = NULL;
    kerf_status status = collect(x, &lesson);
    if (status == KERF_OK)
        status = kerf__quantize_read(x->s, weight, &targets);
    if (status == KERF_OK)
        status = kerf__learn_layer(&lesson, targets);
    if (status == KERF_OK)
        status = kerf__ranks_take_first(x->how->ranks, targets,
                                        (size_t)kerf_shape_num_elements(weight->shape) *
                                            sizeof *targets);
    if (status == KERF_OK)
        status = kerf_state_write(x->learned, weight->state_id, targets);
    free(lesson.taken.data);
    free(lesson.given.data);
    free(targets);
    return status;
}

static kerf_status learn_layers(learning *x, const kerf__quantize_layers *layers)
{
    for (size_t i = 0; i < layers->num; i++) {
        const kerf__quantize_layer *l = &layers->at[i];
        const kerf_value *weight = kerf__quantize_own_state(l->node->inputs[1]);
        if (weight != NULL && l->weights != KERF_F16)
            KERF__TRY(learn_layer(x, l, weight));
        x->done = (int64_t)(i + 1) * x->how->steps;
    }
    return KERF_OK;
}

static kerf_status check_how(const kerf_calibrate_options *how)
{
    enum { MOST_STEPS = 1 << 24 };
    if (how->steps >= 1 && how->steps <= MOST_STEPS)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT, "learn: %lld steps a layer: must be from 1 to %d",
                      (long long)how->steps, MOST_STEPS);
}

/* Whole batches only: a step takes one. */
static kerf_status learn(learning *x, const kerf_dataset *d, const kerf__quantize_layers *layers)
{
    KERF__TRY(check_how(x->how));
    x->looking = *x->how;
    x->looking.progress = tell_looking;
    x->looking.context = x;
    x->looking.ranks = NULL; /* samples are not shared */
    x->to_do = (int64_t)layers->num * x->how->steps;
    kerf_status status = kerf__samples_open(&x->samples, x->g, d, &x->looking);
    if (status == KERF_OK) {
        x->samples.num -= x->samples.num % x->samples.batch;
        status = learn_layers(x, layers);
    }
    kerf__samples_close(&x->samples);
    return status;
}

kerf_status kerf_quantize_learn(kerf_state **out, const kerf_graph *g, kerf_state *s,
                                const kerf_dataset *d, const kerf_quantize_options *options,
                                const kerf_calibrate_options *how)
{
    kerf__quantize_layers layers;
    learning x = {.g = g, .s = s, .how = how, .options = *options};
    *out = NULL;
    KERF__TRY(kerf__quantize_check_options(options));
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = kerf_state_copy(&x.learned, s, kerf_state_device(s));
    x.options.learned = x.learned;
    if (status == KERF_OK)
        status = learn(&x, d, &layers);
    kerf__quantize_layers_free(&layers);
    if (status == KERF_OK)
        *out = x.learned;
    else
        kerf_state_destroy(x.learned);
    return status;
}
