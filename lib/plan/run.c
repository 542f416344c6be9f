/* plan/run.c -- a plan at work: feeding, queueing, waiting, sums and steps for tables.
 *
 * Everything on the way of a training step only queues.  Who waits: finish, read_metrics,
 * time_step. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "plan/plan_internal.h"

/* ---- in ---------------------------------------------------------------------------- */

void kerf__step_numbers(const kerf_optimizer *o, const kerf_step *step, float *numbers)
{
    const double t = (double)step->step;
    memset(numbers, 0, KERF__STEP_FLOATS * sizeof *numbers);
    numbers[KERF__STEP_LR] = step->lr;
    numbers[KERF__STEP_BIAS1] = (float)(1 / (1 - pow((double)o->beta1, t)));
    numbers[KERF__STEP_BIAS2] = (float)(1 / (1 - pow((double)o->beta2, t)));
    numbers[KERF__STEP_NUMBER] = step->batch > 0 ? (float)step->batch : (float)t;
    numbers[KERF__STEP_OBSERVE] = step->observe;
    numbers[KERF__STEP_SHRINK] = step->shrink;
    numbers[KERF__STEP_SHARE] = step->share;
}

/* What taps and labels count, as loss nodes read it (plan_internal.h). */
static void tap_numbers(const kerf_plan *p, const kerf_step *step, float *numbers)
{
    for (int i = 0; i < KERF_MOST_TAPS; i++) {
        float *tap = numbers + i * KERF__TAP_FLOATS;
        tap[0] = step->taps[i];
        tap[1] = i == 0 && p->labels_in_tap ? step->labels : 0;
        tap[2] = step->temperature > 0 ? step->temperature : 1;
    }
    numbers[KERF__TAPS_LABELS] = step->labels;
}

kerf_status kerf_plan_set_step(kerf_plan *p, const kerf_step *step)
{
    if (p->step == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: only a plan that trains takes steps");
    if (step->step < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: step %lld, must be at least 1",
                          (long long)step->step);
    float numbers[KERF__STEP_FLOATS], taps[KERF__TAPS_FLOATS];
    kerf__step_numbers(&p->optimizer, step, numbers);
    KERF__TRY(kerf__buffer_put(p->tensors[p->step->index]->buffer, numbers, sizeof numbers));
    if (p->mix != NULL)
        KERF__TRY(
            kerf__buffer_put(p->tensors[p->mix->index]->buffer, &step->mix, sizeof step->mix));
    if (p->tap_settings == NULL)
        return KERF_OK;
    tap_numbers(p, step, taps);
    return kerf__buffer_put(p->tensors[p->tap_settings->index]->buffer, taps, sizeof taps);
}

kerf_status kerf_plan_feed(kerf_plan *p, const char *name, const void *src, size_t src_bytes)
{
    kerf_tensor *t = kerf_plan_input(p, name);
    if (t == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: there is no input '%s'", name);
    if (src_bytes != kerf_tensor_size_bytes(t))
        return kerf__fail(KERF_ERR_SHAPE, "plan: input '%s' is fed %zu bytes, must be %zu", name,
                          src_bytes, kerf_tensor_size_bytes(t));
    return kerf__buffer_upload(t->buffer, 0, src, src_bytes);
}

/* ---- through ----------------------------------------------------------------------- */

static void touch(const kerf_plan *p, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        kerf_state_touch(p->state, p->written[i]);
}

static kerf_status enqueue(kerf_plan *p, size_t first, const size_t *end)
{
    return p->joints != NULL ? kerf__plan_enqueue_joined(p, first, end)
                             : kerf__plan_enqueue(p, first, end);
}

const size_t *kerf__plan_end_of_run(const kerf_plan *p)
{
    return p->num_before_update < p->num_nodes ? &p->nodes[p->num_before_update].first_launch
                                               : &p->steps.num;
}

kerf_status kerf_plan_run(kerf_plan *p)
{
    KERF__TRY(kerf__plan_run_begin(p));
    return kerf__plan_run_end(p);
}

/* ---- a run in parts ----------------------------------------------------------------- */

static int writes(const kerf_node *n, int id)
{
    for (int i = 0; i < n->num_outputs; i++)
        if (n->outputs[i]->next_of == id)
            return 1;
    return 0;
}

/* Where launches of node i begin, which another choice for a node in front may shift. */
static const size_t *launches_at(const kerf_plan *p, size_t i)
{
    return i < p->num_nodes ? &p->nodes[i].first_launch : &p->steps.num;
}

static kerf_status queue_to(kerf_plan *p, size_t node)
{
    const size_t first = *launches_at(p, p->next_node);
    p->next_node = node;
    return enqueue(p, first, launches_at(p, node));
}

static kerf_status run_to(kerf_plan *p, size_t end)
{
    while (p->complete != NULL) {
        const size_t partial = kerf__plan_next_partial(p, p->next_node, end);
        if (partial == end)
            break;
        KERF__TRY(queue_to(p, partial + 1));
        KERF__TRY(kerf__plan_complete(p, partial));
    }
    return queue_to(p, end);
}

size_t kerf__plan_gradients(const kerf_plan *p, int *ids)
{
    size_t num = 0;
    for (size_t i = 0; i < p->num_written_by_runs; i++)
        if (kerf_state_get(p->state, p->written[i])->role == KERF_ROLE_GRADIENT)
            ids[num++] = p->written[i];
    return num;
}

static int is_lasting(const kerf_state_entry *e)
{
    return e->role != KERF_ROLE_GRADIENT && e->role != KERF_ROLE_METRIC &&
           kerf_tensor_type(e->tensor) == KERF_F32;
}

static int is_written(const kerf_plan *p, int id)
{
    size_t i = 0;
    while (i < p->num_written && p->written[i] != id)
        i++;
    return i < p->num_written;
}

size_t kerf__plan_lasting(const kerf_plan *p, int *ids)
{
    size_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(p->state); id++)
        if (is_written(p, id) && is_lasting(kerf_state_get(p->state, id)))
            ids[num++] = id;
    return num;
}

static int reads_score(const kerf_node *n, int weight)
{
    return kerf__node_is(n, "kerf.ScoreUpdate") && n->inputs[1]->state_id == weight;
}

int kerf__plan_mask_of(const kerf_plan *p, int weight)
{
    int mask = -1;
    for (size_t i = p->num_before_update; i < p->graph->num_nodes; i++) {
        const kerf_node *n = p->graph->nodes[i];
        if (reads_score(n, weight)) /* which wants the gradients of what is 0 */
            return -1;
        for (int k = 0; k < n->num_inputs && writes(n, weight); k++) {
            const int id = n->inputs[k] != NULL && n->inputs[k]->kind == KERF__VALUE_STATE
                               ? n->inputs[k]->state_id
                               : -1;
            if (id >= 0 && kerf_state_get(p->state, id)->role == KERF_ROLE_MASK)
                mask = id;
        }
    }
    return mask;
}

kerf_status kerf__plan_run_begin(kerf_plan *p)
{
    touch(p, 0, p->num_written_by_runs);
    KERF__TRY(kerf__plan_run_prepared(p));
    p->next_node = p->num_prepared;
    return KERF_OK;
}

kerf_status kerf__plan_run_through(kerf_plan *p, int id)
{
    size_t node = p->next_node;
    while (node < p->num_before_update && !writes(p->graph->nodes[node], id))
        node++;
    return node < p->num_before_update ? run_to(p, node + 1) : KERF_OK; /* it went that far */
}

kerf_status kerf__plan_run_end(kerf_plan *p)
{
    return run_to(p, p->num_before_update);
}

/* ---- updates --------------------------------------------------------------------------- */

/* The next run's sums begin at 0. */
static kerf_status clear_sums(const kerf_plan *p)
{
    for (size_t i = 0; i < p->num_written_by_runs; i++) {
        const kerf_state_entry *e = kerf_state_get(p->state, p->written[i]);
        if (e->role != KERF_ROLE_GRADIENT || p->runs_per_update == 1)
            continue;
        KERF__TRY(kerf__buffer_fill_zero(e->tensor->buffer, 0, kerf_tensor_size_bytes(e->tensor)));
    }
    return KERF_OK;
}

kerf_status kerf_plan_update(kerf_plan *p)
{
    if (p->runs_per_update == 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: only one whose runs_per_update is not 0 updates by itself");
    touch(p, p->num_written_by_runs, p->num_written);
    KERF__TRY(enqueue(p, *kerf__plan_end_of_run(p), &p->steps.num));
    return clear_sums(p);
}

kerf_status kerf_plan_mark(kerf_plan *p, uint64_t *token)
{
    const size_t place = (size_t)((p->last_token + 1) % KERF__NUM_MARKS);
    if (p->marks[place] != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: %d marks are open, must be finished before the next",
                          KERF__NUM_MARKS);
    KERF__TRY(kerf__mark_create(&p->marks[place], p->dev));
    p->tokens[place] = ++p->last_token;
    *token = p->last_token;
    return KERF_OK;
}

kerf_status kerf_plan_finish(kerf_plan *p, uint64_t token)
{
    const size_t place = (size_t)(token % KERF__NUM_MARKS);
    if (token == 0 || token > p->last_token)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: there was no mark %llu",
                          (unsigned long long)token);
    if (p->marks[place] == NULL || p->tokens[place] != token)
        return KERF_OK; /* finished before */
    kerf_status status = kerf__mark_finish(p->marks[place]);
    kerf__mark_destroy(p->marks[place]);
    p->marks[place] = NULL;
    return status;
}

/* ---- out --------------------------------------------------------------------------- */

kerf_status kerf_plan_read_metrics(kerf_plan *p, kerf_metrics *metrics)
{
    if (p->metrics < 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: there are no metrics without labels");
    float sums[4];
    kerf_tensor *t = kerf_state_get(p->state, p->metrics)->tensor;
    KERF__TRY(kerf_tensor_read(t, sums));
    KERF__TRY(kerf__buffer_fill_zero(t->buffer, 0, sizeof sums));
    kerf_state_touch(p->state, p->metrics);
    *metrics = (kerf_metrics){.loss = (double)sums[0],
                              .top1 = (double)sums[1],
                              .top5 = (double)sums[2],
                              .samples = (int64_t)sums[3]};
    return KERF_OK;
}

size_t kerf_plan_arena_bytes(const kerf_plan *p)
{
    size_t bytes = p->arena_bytes;
    for (size_t i = 0; i < p->num_blocks; i++)
        if (p->blocks[i].kind == KERF__BLOCK_OWN || p->blocks[i].kind == KERF__BLOCK_KEPT)
            bytes += p->blocks[i].size_bytes;
    return bytes;
}

/* ---- steps one by one -------------------------------------------------------------- */

const char *kerf__pass_name(kerf__pass pass)
{
    static const char *const NAMES[] = {
        [KERF__FORWARD] = "forward",
        [KERF__BACKWARD] = "backward",
        [KERF__UPDATE] = "update",
    };
    return NAMES[pass];
}

int kerf_plan_num_steps(const kerf_plan *p)
{
    return p->num_steps;
}

static kerf_status check_step(const kerf_plan *p, int i)
{
    if (i >= 0 && i < p->num_steps)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT, "plan: there is no step %d, must be below %d", i,
                      p->num_steps);
}

static double ends_bytes(const kerf_node *n)
{
    double bytes = 0;
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            bytes += (double)kerf__tensor_bytes(n->inputs[i]->type, n->inputs[i]->shape);
    for (int i = 0; i < n->num_outputs; i++)
        if (n->outputs[i]->shape.rank >= 0)
            bytes += (double)kerf__tensor_bytes(n->outputs[i]->type, n->outputs[i]->shape);
    return bytes;
}

double kerf__node_bytes(const kerf_node *n)
{
    const kerf__op *op = kerf__op_find(n->op);
    return op != NULL && op->bytes != NULL ? op->bytes(n) : ends_bytes(n);
}

kerf_status kerf_plan_get_step(const kerf_plan *p, int i, kerf_plan_step *step)
{
    KERF__TRY(check_step(p, i));
    const kerf_node *n = p->graph->nodes[p->step_nodes[i]];
    const char *variant = p->nodes[p->step_nodes[i]].name;
    *step = (kerf_plan_step){.name = n->name,
                             .op = n->op,
                             .variant = variant != NULL ? variant : "copy",
                             .direction = kerf__pass_name(kerf__node_pass(n)),
                             .macs = kerf_node_macs(n),
                             .bytes = kerf__node_bytes(n)};
    return KERF_OK;
}

double kerf_plan_macs(const kerf_plan *p)
{
    double macs = 0;
    for (int i = 0; i < p->num_steps; i++)
        macs += kerf_node_macs(p->graph->nodes[p->step_nodes[i]]);
    return macs;
}

kerf_status kerf_plan_time_step(kerf_plan *p, int i, int repeat, double *ms)
{
    KERF__TRY(check_step(p, i));
    if (repeat < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: repeat is %d, must be at least 1", repeat);
    const kerf__planned *node = &p->nodes[p->step_nodes[i]];
    KERF__TRY(kerf__plan_run_prepared(p));
    KERF__TRY(kerf_device_finish(p->dev));
    const double start = kerf__now_ms();
    for (int k = 0; k < repeat; k++)
        KERF__TRY(kerf__steps_enqueue(&p->steps, node->first_launch, node->num_launches));
    KERF__TRY(kerf_device_finish(p->dev));
    *ms = (kerf__now_ms() - start) / repeat;
    return KERF_OK;
}
