/* plan/plan.c -- making a plan: the passes one after the other, and its end.
 *
 *     model graph --copy--> infer, derive --> training graph: loss, gradients, updates
 *         --> lowered graph: fused, laid out, ordered --> kernels chosen --> blocks, arena -->
 * launches
 *
 * Passes and fields: plan_internal.h.  Running: run.c. */
#include <assert.h>
#include <float.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* ---- small things ------------------------------------------------------------------ */

/* 1 if the operation has no kernels: its result is its input in another shape. */
static int is_free(const kerf_node *n)
{
    const kerf__op *op = kerf__op_find(n->op);
    return op != NULL && op->variants == NULL;
}

int kerf__node_is_view(const kerf_node *n)
{
    return is_free(n) && !kerf__node_copies(n);
}

int kerf__node_copies(const kerf_node *n)
{
    return is_free(n) && (n->outputs[0]->next_of >= 0 || kerf_node_int(n, "kerf.copy", 0) != 0);
}

int kerf__node_may_overwrite(const kerf_node *n, int input, int output)
{
    if (kerf__node_copies(n)) /* onto itself: nothing to do */
        return 1;
    /* Kerf's own nodes that write states read an element before they write it (op.h). */
    if (n->outputs[output]->next_of >= 0 && strncmp(n->op, "kerf.", 5) == 0)
        return 1;
    return output == 0 && input < 32 && (kerf__op_find(n->op)->in_place >> input & 1u) != 0;
}

kerf_status kerf__ends_add(kerf__ends *ends, const char *name, kerf_value *v)
{
    char *copy = kerf__strdup(name);
    if (copy == NULL ||
        !kerf__grow((void **)&ends->items, &ends->capacity, ends->num, sizeof *ends->items)) {
        free(copy);
        return kerf__fail_memory("plan", ends->num * sizeof *ends->items);
    }
    ends->items[ends->num++] = (kerf__end){copy, v};
    return KERF_OK;
}

void kerf__ends_free(kerf__ends *ends)
{
    for (size_t i = 0; i < ends->num; i++)
        free(ends->items[i].name);
    free(ends->items);
    *ends = (kerf__ends){0};
}

static kerf_tensor *end_tensor(const kerf_plan *p, const kerf__ends *ends, const char *name)
{
    for (size_t i = 0; i < ends->num; i++)
        if (strcmp(ends->items[i].name, name) == 0)
            return p->tensors[ends->items[i].value->index];
    return NULL;
}

kerf_tensor *kerf_plan_input(const kerf_plan *p, const char *name)
{
    return end_tensor(p, &p->inputs, name);
}

kerf_tensor *kerf_plan_output(const kerf_plan *p, const char *name)
{
    return end_tensor(p, &p->outputs, name);
}

/* ---- what must hold before --------------------------------------------------------- */

static kerf_status check_options(const kerf_plan_options *o, const kerf_state *s)
{
    if (kerf_state_device(s) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: the state lies in host memory, must be on a "
                                             "device (kerf_state_copy)");
    if ((o->mode != KERF_EVALUATE && o->mode != KERF_TRAIN) ||
        (unsigned)o->loss > KERF_LOSS_GIVEN || (unsigned)o->optimizer.kind > KERF_ADAMW)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: unknown mode, loss or optimizer");
    if (o->num_taps > KERF_MOST_TAPS)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: %zu taps, must be at most %d", o->num_taps,
                          KERF_MOST_TAPS);
    if (o->num_taps > 0 && (o->mode != KERF_TRAIN || o->loss != KERF_LOSS_CROSS_ENTROPY))
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: taps are of training by cross entropy");
    if (!(o->smoothing >= 0 && o->smoothing < 1))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: labels are smoothed by %g, must be at least 0 and below 1",
                          (double)o->smoothing);
    if ((o->smoothing > 0 || o->mixes) &&
        (o->mode != KERF_TRAIN || o->loss != KERF_LOSS_CROSS_ENTROPY))
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: labels are smoothed, and mixed, in training by "
                                             "cross entropy");
    for (size_t i = 0; i < o->num_taps; i++)
        if (kerf_tap_loss_name(o->taps[i].loss) == NULL)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "plan: tap %zu has loss %d: must be one of "
                              "kerf/plan.h's",
                              i, (int)o->taps[i].loss);
    if ((unsigned)o->precision > KERF_PRECISION_MIXED ||
        o->precision == (o->mode == KERF_TRAIN ? KERF_PRECISION_F16 : KERF_PRECISION_MIXED))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: precision must be f32 or mixed in training, f32 or f16 in "
                          "an evaluation");
    if (!(o->loss_scale == 0 || (o->loss_scale >= 1 && o->loss_scale <= (double)FLT_MAX)) ||
        o->scale_steps < 0)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "plan: the loss is scaled by %g, and twice that after %lld steps: must be "
            "at least 1, or 0 for what is usual",
            o->loss_scale, (long long)o->scale_steps);
    if (o->statistics_batch != 0 && (o->mode != KERF_TRAIN || o->statistics_batch < o->batch))
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "plan: statistics are of %lld samples, must be of the batch's %lld or more, "
            "in training",
            (long long)o->statistics_batch, (long long)o->batch);
    if (o->mode == KERF_TRAIN && o->loss == KERF_LOSS_NONE)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: training must have a loss");
    if (!(o->clip >= 0 && o->clip <= (double)FLT_MAX))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: gradients are clipped to a length of %g, must be a number of at "
                          "least 0",
                          o->clip);
    if ((o->clip > 0 || o->runs_per_update > 0) && o->mode != KERF_TRAIN)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: gradients are clipped, and kept for an update, in training");
    return KERF_OK;
}

/* The graph and the state must mean the same tensors. */
static kerf_status check_state(const kerf_plan *p, const kerf_value *v, int id)
{
    const kerf_state_entry *entry = kerf_state_get(p->state, id);
    char is[128], must[128];
    if (entry == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: '%s' is entry %d of the state, which is not "
                          "there",
                          v->name, id);
    if (v->type != kerf_tensor_type(entry->tensor) ||
        !kerf_shape_equal(v->shape, kerf_tensor_shape(entry->tensor)))
        return kerf__fail(
            KERF_ERR_SHAPE, "plan: '%s' is %s %s, must be %s %s like its entry '%s'", v->name,
            kerf_type_name(v->type), kerf_shape_text(v->shape, is, sizeof is),
            kerf_type_name(kerf_tensor_type(entry->tensor)),
            kerf_shape_text(kerf_tensor_shape(entry->tensor), must, sizeof must), entry->name);
    return KERF_OK;
}

static kerf_status check_states(const kerf_plan *p)
{
    for (size_t i = 0; i < p->graph->num_values; i++) {
        const kerf_value *v = p->graph->values[i];
        if (v->state_id >= 0)
            KERF__TRY(check_state(p, v, v->state_id));
        if (v->next_of >= 0)
            KERF__TRY(check_state(p, v, v->next_of));
    }
    return KERF_OK;
}

/* ---- passes ------------------------------------------------------------------------ */

static kerf_status list_ends(kerf_plan *p)
{
    for (size_t i = 0; i < p->graph->num_inputs; i++)
        KERF__TRY(kerf__ends_add(&p->inputs, p->graph->inputs[i]->name, p->graph->inputs[i]));
    for (size_t i = 0; i < p->graph->num_outputs; i++)
        KERF__TRY(kerf__ends_add(&p->outputs, p->graph->outputs[i]->name, p->graph->outputs[i]));
    return KERF_OK;
}

/* Passes put other values in the place of outputs; both lists are in the same order. */
static void refresh_outputs(kerf_plan *p)
{
    assert(p->outputs.num == p->graph->num_outputs);
    for (size_t i = 0; i < p->outputs.num; i++)
        p->outputs.items[i].value = p->graph->outputs[i];
}

static kerf_status make_graph(kerf__planning *p)
{
    kerf_plan *plan = p->plan;
    KERF__TRY(kerf_graph_bind(plan->graph, p->options->inputs, p->options->num_inputs));
    KERF__TRY(kerf_graph_infer(plan->graph, p->options->batch));
    KERF__TRY(list_ends(plan));
    KERF__TRY(check_states(plan));
    if (plan->mode == KERF_TRAIN)
        KERF__TRY(kerf__plan_add_step(plan));
    KERF__TRY(kerf__plan_set_dropout(p));
    KERF__TRY(kerf__plan_derive(p));
    KERF__TRY(kerf__plan_set_statistics(p));
    KERF__TRY(kerf__plan_share_input(p));
    KERF__TRY(kerf__plan_add_objective(p));
    kerf__graph_remove_dead(plan->graph);
    if (plan->mode == KERF_TRAIN)
        KERF__TRY(kerf__plan_train_integers(plan->graph));
    KERF__TRY(kerf__plan_recompute(plan->graph, p->level));
    KERF__TRY(kerf__plan_skip_channels(p));
    KERF__TRY(kerf__plan_fuse(plan->graph));
    KERF__TRY(kerf__plan_sparse_train(p));
    KERF__TRY(kerf__plan_sparse_linear(p));
    KERF__TRY(kerf__plan_use_codes(plan->graph, plan->dev));
    KERF__TRY(kerf__plan_use_zeros(p));
    KERF__TRY(kerf__plan_use_zero_words(p));
    KERF__TRY(kerf__plan_lay(plan->graph, plan->dev));
    if (p->options->precision != KERF_PRECISION_F32)
        KERF__TRY(kerf__plan_store_halves(plan->graph, plan->dev, plan->mode == KERF_TRAIN));
    refresh_outputs(plan);
    KERF__TRY(kerf__plan_order(plan->graph, plan->runs_per_update > 0));
    KERF__TRY(kerf__plan_prepare(plan));
    assert(kerf_graph_verify(plan->graph) != KERF_ERR_ARGUMENT);
    return KERF_OK;
}

/* As far as no memory and no program of the device is needed. */
static kerf_status make_draft(kerf_plan *p, const kerf_graph *g, const kerf_plan_options *options,
                              int level)
{
    KERF__TRY(kerf_graph_copy(&p->graph, g));
    kerf__planning planning = {.plan = p, .options = options, .level = level};
    kerf_status status = kerf__plan_read_choices(&planning);
    if (status == KERF_OK)
        status = make_graph(&planning);
    if (status == KERF_OK)
        status = kerf__plan_choose(&planning);
    free(planning.masks);
    free(planning.scores);
    json_decref(planning.choices);
    return status;
}

static kerf_status lay_memory(kerf_plan *p)
{
    const size_t align = kerf_device_get_info(p->dev)->align_bytes;
    KERF__TRY(kerf__plan_make_blocks(p));
    KERF__TRY(kerf__arena_pack(p->blocks, p->num_blocks, align > 0 ? align : 1, &p->arena_bytes));
    assert(kerf_plan_verify(p) != KERF_ERR_ARGUMENT);
    return KERF_OK;
}

/* ---- life -------------------------------------------------------------------------- */

static kerf_status create_draft(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                                const kerf_plan_options *options, int level)
{
    *out = NULL;
    KERF__TRY(check_options(options, s));
    kerf_plan *p = kerf__alloc(1, sizeof *p);
    if (p == NULL)
        return kerf__fail_memory("plan", sizeof *p);
    *p = (kerf_plan){.dev = kerf_state_device(s),
                     .state = s,
                     .mode = options->mode,
                     .optimizer = options->optimizer,
                     .runs_per_update = options->runs_per_update,
                     .metrics = -1};
    kerf_status status = make_draft(p, g, options, level);
    if (status != KERF_OK) {
        kerf_plan_destroy(p);
        return status;
    }
    *out = p;
    return KERF_OK;
}

kerf_status kerf__plan_draft(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                             const kerf_plan_options *options)
{
    return create_draft(out, g, s, options, 0);
}

/* The plan that gives up least and fits into memory_bytes and on the device. */
static kerf_status create_within(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                                 const kerf_plan_options *options)
{
    const int num_levels = options->mode == KERF_TRAIN ? kerf__recompute_levels : 1;
    kerf_plan *least = NULL; /* of those that do not fit, for the message */
    kerf_status status = KERF_OK;
    for (int level = 0; status == KERF_OK && level < num_levels; level++) {
        status = create_draft(out, g, s, options, level);
        if (status == KERF_OK)
            status = lay_memory(*out);
        if (status == KERF_OK && kerf__plan_fits(*out, options->memory_bytes))
            break;
        const int is_less =
            status == KERF_OK &&
            (least == NULL || kerf__plan_needed_bytes(*out) < kerf__plan_needed_bytes(least));
        kerf_plan_destroy(is_less ? least : *out);
        least = is_less ? *out : least;
        *out = NULL;
    }
    if (status == KERF_OK && *out == NULL)
        status = kerf__plan_fail_room(least, options->memory_bytes);
    kerf_plan_destroy(least);
    return status;
}

kerf_status kerf_plan_create(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                             const kerf_plan_options *options)
{
    KERF__TRY(create_within(out, g, s, options));
    kerf_status status = kerf__plan_bind(*out);
    if (status == KERF_OK)
        return KERF_OK;
    kerf_plan_destroy(*out);
    *out = NULL;
    return status;
}

/* Tensors of states, and of their next values, are the state's. */
static int is_borrowed(const kerf_value *v)
{
    return v->state_id >= 0 || v->next_of >= 0;
}

void kerf_plan_destroy(kerf_plan *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < KERF__NUM_MARKS; i++)
        kerf__mark_destroy(p->marks[i]);
    kerf__plan_unjoin(p);
    kerf__steps_clear(&p->steps);
    for (size_t i = 0; i < p->num_tensors; i++)
        if (!is_borrowed(p->graph->values[i]))
            kerf_tensor_destroy(p->tensors[i]);
    for (size_t i = 0; i < p->num_nodes; i++) {
        kerf__buffer_destroy(p->nodes[i].scratch_buffer);
        free(p->nodes[i].which);
        free(p->nodes[i].name);
        free(p->nodes[i].refused);
    }
    for (size_t i = 0; i < p->num_blocks; i++)
        if (p->blocks[i].kind == KERF__BLOCK_KEPT)
            kerf__buffer_destroy(p->blocks[i].buffer);
    kerf__buffer_destroy(p->arena);
    for (size_t i = 0; i < p->num_answers; i++) {
        free(p->answers[i].which);
        free(p->answers[i].answer);
    }
    free(p->answers);
    free(p->prepared);
    free(p->zeros);
    kerf__ends_free(&p->inputs);
    kerf__ends_free(&p->outputs);
    free(p->tensors);
    free(p->nodes);
    free(p->blocks);
    free(p->block_of);
    free(p->written);
    free(p->step_nodes);
    kerf_graph_destroy(p->graph);
    free(p);
}
