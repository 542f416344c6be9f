/* plan/sparse_layer.c -- see sparse_layer.h. */
#include "plan/sparse_layer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/shared_weights.h"
#include "plan/zeros_known.h"

/* ---- nodes ----------------------------------------------------------------------------------- */

kerf_status kerf__sparse_add_node(const kerf_node *like, const char *op, kerf_value *const *inputs,
                                  int num_inputs, int num_outputs, kerf_node **out)
{
    KERF__TRY(kerf_graph_add_node(like->graph, op, NULL, inputs, num_inputs, num_outputs, out));
    return kerf__node_set_pass(*out, kerf__node_pass(like));
}

void kerf__sparse_take_place(kerf_node *sparse, kerf_node *n)
{
    kerf__graph_swap_nodes(sparse, n);
    kerf__node_take_name(sparse, n);
}

kerf_status kerf__sparse_make_update(kerf_node *n, kerf_value *values, const kerf_node *pattern)
{
    kerf_node *sparse;
    kerf_value *inputs[8] = {NULL};
    for (int i = 0; i < n->num_inputs; i++)
        inputs[i] = n->inputs[i];
    for (int i = 2; i < n->num_inputs - 2; i++)
        if (inputs[i] != NULL) /* a moment, read by nobody else */
            inputs[i]->shape = values->shape;
    inputs[1] = values;
    inputs[n->num_inputs - 2] = NULL;
    inputs[n->num_inputs] = pattern->outputs[0];
    inputs[n->num_inputs + 1] = pattern->outputs[2];
    KERF__TRY(kerf__sparse_add_node(n, n->op, inputs, n->num_inputs + 2, n->num_outputs, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    for (int i = 0; i < n->num_outputs; i++) {
        sparse->outputs[i]->next_of = n->outputs[i]->next_of;
        n->outputs[i]->next_of = -1;
    }
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    return KERF_OK;
}

/* ---- which layers ---------------------------------------------------------------------------- */

kerf_node *kerf__sparse_find_update(const kerf_graph *g, const kerf_value *weights)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (g->nodes[i]->num_outputs > 0 && g->nodes[i]->outputs[0]->next_of == weights->state_id)
            return g->nodes[i];
    return NULL;
}

int kerf__sparse_is_update(const kerf_node *n)
{
    return kerf__node_is(n, "kerf.SgdUpdate") || kerf__node_is(n, "kerf.AdamUpdate");
}

/* The hard mask of the weights in this graph, which may have lost it with its last reader. */
static kerf_status find_mask(const kerf__planning *p, const kerf_value *weights, kerf_value **out)
{
    kerf_graph *g = p->plan->graph;
    const kerf_state_entry *mask =
        kerf_state_find_owned(p->plan->state, weights->state_id, KERF_ROLE_MASK);
    *out = NULL;
    if ((size_t)weights->state_id >= p->num_masks || p->masks[weights->state_id] == NULL ||
        mask == NULL)
        return KERF_OK;
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == mask->id)
            *out = g->values[i];
    if (*out != NULL)
        return KERF_OK;
    return kerf_graph_add_state(g, NULL, mask->id, KERF_BOOL, kerf_tensor_shape(mask->tensor), out);
}

kerf_status kerf__sparse_find_pattern(const kerf__planning *p, kerf_value *weights,
                                      const kerf_node *update, kerf_value **out)
{
    KERF__TRY(find_mask(p, weights, out));
    if (*out == NULL && update == NULL)
        *out = weights;
    return KERF_OK;
}

kerf_status kerf__plan_note_zeros(kerf_plan *p, const kerf__zeros *zeros)
{
    if (!kerf__grow((void **)&p->zeros, &p->zeros_capacity, p->num_zeros, sizeof *p->zeros))
        return kerf__fail_memory("plan", p->num_zeros * sizeof *p->zeros);
    p->zeros[p->num_zeros++] = *zeros;
    return KERF_OK;
}

/* Non-zeros of a state, read back. */
kerf_status kerf__plan_count_entries(const kerf_plan *p, int state_id, int64_t *count,
                                     int64_t *total)
{
    const kerf_tensor *t = kerf_state_get(p->state, state_id)->tensor;
    const int64_t num = kerf_shape_num_elements(kerf_tensor_shape(t));
    const size_t size = kerf_tensor_type(t) == KERF_F32 ? sizeof(float) : 1;
    unsigned char *bytes = kerf__alloc((size_t)num, size);
    if (bytes == NULL)
        return kerf__fail_memory("plan", (size_t)num * size);
    kerf_status status = kerf_state_read(p->state, state_id, bytes);
    *count = 0;
    *total = num;
    for (int64_t i = 0; status == KERF_OK && i < num; i++)
        *count += size == 1 ? bytes[i] != 0 : ((const float *)(void *)bytes)[i] != 0;
    free(bytes);
    return status;
}

static int pays(double most_density, int64_t count, int64_t num)
{
    return (double)count <= most_density * (double)num;
}

/* What a layer costs its neighbours, whose numbers have another order in memory, in shares of its
 * dense time: with nothing counted a single layer of LeNet-300-100 that saved 4 % made the step 4 %
 * longer (batch 256, Zen 5 under PoCL). */
static const double BORDERS = 0.07;

static kerf_status find_most_density(const kerf__planning *p, const kerf__sparse_question *q,
                                     double *most_density)
{
    kerf__zeros_known known;
    *most_density = 1;
    if (p->options->zeros == KERF_ZEROS_SPARSE)
        return KERF_OK;
    KERF__TRY(kerf__zeros_ask(p, q->nodes, 3, &known));
    *most_density = kerf__zeros_most_density(&known, BORDERS, q->guess);
    return KERF_OK;
}

static kerf_status mark(const kerf__planning *p, const kerf__sparse_question *q, double density)
{
    for (int i = 0; i < 3; i++)
        if (q->nodes[i] != NULL)
            KERF__TRY(kerf__zeros_mark(p, q->nodes[i], q->nodes[i], density));
    return q->nodes[2] != NULL ? kerf__zeros_mark(p, q->update, q->nodes[2], density) : KERF_OK;
}

/* A pattern has room for an eighth more entries than there are. */
kerf_status kerf__sparse_decide(const kerf__planning *p, const kerf__sparse_question *q,
                                int64_t *capacity, int *is_sparse)
{
    double most_density;
    int64_t count, num;
    KERF__TRY(find_most_density(p, q, &most_density));
    KERF__TRY(kerf__plan_count_weights(p->plan, q->of, &count, &num));
    *is_sparse = pays(most_density, count, num);
    *capacity = count + count / 8 + 64 < num ? count + count / 8 + 64 : num;
    KERF__TRY(mark(p, q, (double)count / (double)num));
    if (q->of->state_id < 0) /* zeros of a codebook stay where they are */
        return KERF_OK;
    return kerf__plan_note_zeros(p->plan,
                                 &(kerf__zeros){q->of->state_id, *is_sparse,
                                                *is_sparse ? *capacity : num, -1, most_density});
}

/* ---- at work --------------------------------------------------------------------------------- */

static int is_pattern(const kerf_node *n)
{
    return kerf__node_is(n, "kerf.SparsePattern");
}

static int has_room_for_all(const kerf_node *pattern)
{
    return kerf_node_int(pattern, "capacity", 0) >=
           kerf_shape_num_elements(pattern->inputs[0]->shape);
}

/* Moments follow a pattern's entries, or there may be too many for it. */
static int is_counted(const kerf_plan *p, const kerf_node *n)
{
    return is_pattern(n) && (p->mode == KERF_TRAIN || !has_room_for_all(n));
}

/* Where the last row ends. */
static kerf_status download_count(kerf_plan *p, size_t i)
{
    const kerf_value *starts = p->graph->nodes[i]->outputs[0];
    const size_t last = (size_t)kerf_shape_num_elements(starts->shape) - 1;
    int32_t *to = &p->nodes[i].num_entries;
    return kerf__buffer_download(p->tensors[starts->index]->buffer, last * sizeof *to, to,
                                 sizeof *to);
}

kerf_status kerf__plan_count_patterns(kerf_plan *p)
{
    int num = 0;
    for (size_t i = 0; i < p->num_prepared; i++)
        if (is_counted(p, p->graph->nodes[i])) {
            KERF__TRY(download_count(p, i));
            num++;
        }
    return num > 0 ? kerf_device_finish(p->dev) : KERF_OK;
}

const kerf_node *kerf__plan_find_overflow(const kerf_plan *p)
{
    for (size_t i = 0; i < p->num_prepared; i++) {
        const kerf_node *n = p->graph->nodes[i];
        if (is_counted(p, n) && !has_room_for_all(n) &&
            p->nodes[i].num_entries >= kerf_node_int(n, "capacity", 0))
            return n;
    }
    return NULL;
}

/* A pattern of this state that is ready and has room, or -1. */
static int64_t find_count(const kerf_plan *p, int state_id)
{
    for (size_t i = 0; i < p->num_prepared && p->mode == KERF_TRAIN; i++) {
        const kerf_node *n = p->graph->nodes[i];
        if (is_pattern(n) && n->inputs[0]->state_id == state_id)
            return p->nodes[i].num_entries;
    }
    return -1;
}

static kerf_status is_other(const kerf_plan *p, const kerf__zeros *z, int *out)
{
    const kerf_tensor *t = kerf_state_get(p->state, z->state_id)->tensor;
    int64_t num = (int64_t)kerf_tensor_num_elements(t), count = find_count(p, z->state_id);
    if (count < 0)
        KERF__TRY(kerf__plan_count_entries(p, z->state_id, &count, &num));
    *out = z->percent >= 0
               ? kerf__plan_percent_left(count, num) != z->percent
               : pays(z->most_density, count, num) != z->is_sparse || count > z->capacity;
    return KERF_OK;
}

/* In training patterns are made before the next step anyway, and count what is asked for. */
kerf_status kerf_plan_is_stale(kerf_plan *p, int *is_stale)
{
    int is_ready = 1;
    *is_stale = 0;
    if (p->mode == KERF_TRAIN && p->num_zeros > 0)
        KERF__TRY(kerf__plan_try_prepared(p, &is_ready));
    *is_stale = !is_ready;
    for (size_t i = 0; i < p->num_zeros && !*is_stale; i++)
        KERF__TRY(is_other(p, &p->zeros[i], is_stale));
    return KERF_OK;
}
