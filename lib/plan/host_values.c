/* plan/host_values.c -- see host_values.h. */
#include "plan/host_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "plan/node_trial.h"

kerf_status kerf__host_values_create(kerf__host_values *x, const kerf_plan *p)
{
    const kerf_graph *g = p->graph;
    *x = (kerf__host_values){.plan = p};
    x->bytes = kerf__alloc(g->num_values, sizeof *x->bytes);
    x->num_uses = kerf__alloc(g->num_values, sizeof *x->num_uses);
    if (x->bytes == NULL || x->num_uses == NULL)
        return kerf__fail_memory("verify", g->num_values * sizeof *x->bytes);
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (g->nodes[i]->inputs[k] != NULL)
                x->num_uses[g->nodes[i]->inputs[k]->index]++;
    return KERF_OK;
}

void kerf__host_values_clear(kerf__host_values *x)
{
    for (size_t i = 0; x->bytes != NULL && i < x->plan->graph->num_values; i++)
        free(x->bytes[i]);
    free(x->bytes);
    free(x->num_uses);
    *x = (kerf__host_values){0};
}

/* ---- values that no node makes -------------------------------------------------------- */

static const kerf_value *end_value(const kerf__ends *ends, const char *name)
{
    for (size_t i = 0; i < ends->num; i++)
        if (strcmp(ends->items[i].name, name) == 0)
            return ends->items[i].value;
    return NULL;
}

/* A class each, as many as the value has columns that the loss is taken of. */
static void fill_labels(const kerf_plan *p, int32_t *labels, size_t num)
{
    const kerf_shape shape = p->outputs.items[0].value->shape;
    const uint64_t classes = shape.rank > 1 ? (uint64_t)shape.dims[1] : 1;
    const kerf__random r = kerf__random_key(1, KERF__RANDOM_DATA, 0);
    for (size_t i = 0; i < num; i++)
        labels[i] = (int32_t)kerf__random_below(r, 0, i, classes > 0 ? classes : 1);
}

static void fill_input(const kerf_plan *p, const kerf_value *v, void *bytes)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    if (v == p->step)
        kerf__step_numbers(&p->optimizer, &(kerf_step){.lr = 0.01f, .step = 1}, bytes);
    else if (v == end_value(&p->inputs, "labels") && v->type == KERF_S32)
        fill_labels(p, bytes, num);
    else
        kerf__fill_random(bytes, v->type, num, (uint32_t)v->index);
}

/* A fresh moment is zero; one from the middle of a run says more.  None is below zero, as the
 * root of one is taken. */
static kerf_status read_state(const kerf_plan *p, const kerf_value *v, float *bytes)
{
    const kerf_state_entry *entry = kerf_state_get(p->state, v->state_id);
    if (entry->role != KERF_ROLE_MOMENT || v->type != KERF_F32)
        return kerf_state_read(p->state, v->state_id, bytes);
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    kerf__fill_random(bytes, v->type, num, (uint32_t)v->index);
    for (size_t i = 0; i < num; i++)
        bytes[i] = 0.01f * fabsf(bytes[i]);
    return KERF_OK;
}

static kerf_status make(const kerf_plan *p, const kerf_value *v, void *bytes)
{
    switch (v->kind) {
    case KERF__VALUE_INPUT:
        fill_input(p, v, bytes);
        return KERF_OK;
    case KERF__VALUE_CONSTANT:
        memcpy(bytes, kerf_tensor_data(v->constant), v->constant->size_bytes);
        return KERF_OK;
    case KERF__VALUE_STATE:
        return read_state(p, v, bytes);
    case KERF__VALUE_RESULT:
        break;
    }
    return kerf__fail(KERF_ERR_ARGUMENT, "verify: '%s' is read before it is made", v->name);
}

/* ---- all ------------------------------------------------------------------------------- */

static size_t value_bytes(const kerf_value *v)
{
    return v->shape.rank < 0 ? 0 : (size_t)kerf__tensor_bytes(v->type, v->shape);
}

static kerf_status add(kerf__host_values *x, const kerf_value *v)
{
    void **place = &x->bytes[v->index];
    free(*place);
    *place = kerf__alloc(value_bytes(v), 1);
    return *place != NULL ? KERF_OK : kerf__fail_memory("verify", value_bytes(v));
}

kerf_status kerf__host_values_get(kerf__host_values *x, const kerf_value *v, const void **bytes)
{
    *bytes = NULL;
    if (x->bytes[v->index] == NULL) {
        KERF__TRY(add(x, v));
        KERF__TRY(make(x->plan, v, x->bytes[v->index]));
    }
    *bytes = x->bytes[v->index];
    return KERF_OK;
}

kerf_status kerf__host_values_set(kerf__host_values *x, const kerf_node *n, const char *bytes)
{
    for (int i = 0; i < n->num_outputs; i++) {
        const kerf_value *v = n->outputs[i];
        KERF__TRY(add(x, v));
        memcpy(x->bytes[v->index], bytes, value_bytes(v));
        bytes += value_bytes(v);
    }
    return KERF_OK;
}

static void drop(kerf__host_values *x, const kerf_value *v)
{
    free(x->bytes[v->index]);
    x->bytes[v->index] = NULL;
}

void kerf__host_values_used(kerf__host_values *x, const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && --x->num_uses[n->inputs[i]->index] == 0)
            drop(x, n->inputs[i]);
    for (int i = 0; i < n->num_outputs; i++)
        if (x->num_uses[n->outputs[i]->index] == 0)
            drop(x, n->outputs[i]);
}
