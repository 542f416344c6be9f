/* plan/known_inputs.c -- shapes, and where shapes depend on them numbers, of a graph's inputs.
 *
 * A symbol stands for one number, so a dimension that one input settles is settled in all.  The
 * numbers of an input are taken only where an operation asks for them to know its shape: all
 * else is data, which the next run may change.  infer.c binds what is left, the batch. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* ---- shapes ---------------------------------------------------------------------------- */

static kerf_status fail_shape(const kerf_value *v, const kerf_known_input *known)
{
    char is[128], must[128];
    return kerf__fail(KERF_ERR_SHAPE, "graph: input '%s' is given as %s, must be like %s", v->name,
                      kerf_shape_text(known->shape, is, sizeof is),
                      kerf_shape_text(v->shape, must, sizeof must));
}

static void bind_symbol(kerf_graph *g, int64_t symbol, int64_t number)
{
    for (size_t i = 0; i < g->num_inputs; i++)
        for (int d = 0; d < g->inputs[i]->shape.rank; d++)
            if (g->inputs[i]->shape.dims[d] == symbol)
                g->inputs[i]->shape.dims[d] = number;
}

static kerf_status bind_shape(kerf_graph *g, const kerf_value *v, const kerf_known_input *known)
{
    if (known->shape.rank != v->shape.rank)
        return fail_shape(v, known);
    for (int d = 0; d < v->shape.rank; d++) {
        if (known->shape.dims[d] < 0)
            continue;
        if (v->shape.dims[d] < 0)
            bind_symbol(g, v->shape.dims[d], known->shape.dims[d]);
        if (v->shape.dims[d] != known->shape.dims[d])
            return fail_shape(v, known);
    }
    return KERF_OK;
}

size_t kerf__known_input(const kerf_graph *g, kerf_shape sample, kerf_known_input *known)
{
    const kerf_value *v = kerf_graph_input(g, 0);
    kerf_shape shape = kerf_value_shape(v);
    if (shape.rank != sample.rank + 1)
        return 0;
    shape.dims[0] = -1; /* the batch */
    for (int i = 0; i < sample.rank; i++)
        shape.dims[i + 1] = shape.dims[i + 1] < 0 ? sample.dims[i] : -1;
    *known = (kerf_known_input){kerf_value_name(v), shape, NULL};
    return 1;
}

/* An image's sides and channels must be where the network looks for them; a network that takes
 * rows of numbers takes them in any shape. */
static int takes(kerf_shape wanted, kerf_shape sample)
{
    int64_t num = 1;
    for (int i = 1; i < wanted.rank; i++)
        num *= wanted.dims[i];
    for (int i = 0; wanted.rank == 4 && i < 3; i++)
        if (wanted.dims[i + 1] != sample.dims[i])
            return 0;
    return num == kerf_shape_num_elements(sample);
}

kerf_status kerf__check_sample(const kerf_value *input, kerf_shape sample)
{
    char a[128], b[128];
    if (takes(input->shape, sample) && input->type == KERF_F32)
        return KERF_OK;
    return kerf__fail(KERF_ERR_SHAPE, "network takes %s of %s, but a sample of the data is %s",
                      kerf_type_name(input->type), kerf_shape_text(input->shape, a, sizeof a),
                      kerf_shape_text(sample, b, sizeof b));
}

/* ---- numbers that shapes depend on ------------------------------------------------------- */

/* Inputs of operations that are numbers for the host, by bits. */
static const struct {
    const char *op;
    unsigned inputs;
} HOST_INPUTS[] = {
    {"CenterCropPad", 1u << 1},
    {"Clip", 1u << 1 | 1u << 2},
    {"ConstantOfShape", 1u << 0},
    {"CumSum", 1u << 1},
    {"Dropout", 1u << 1 | 1u << 2},
    {"Expand", 1u << 1},
    {"OneHot", 1u << 1},
    {"Pad", 1u << 1 | 1u << 2 | 1u << 3},
    {"Range", 1u << 0 | 1u << 1 | 1u << 2},
    {"ReduceL1", 1u << 1},
    {"ReduceL2", 1u << 1},
    {"ReduceLogSum", 1u << 1},
    {"ReduceLogSumExp", 1u << 1},
    {"ReduceMax", 1u << 1},
    {"ReduceMean", 1u << 1},
    {"ReduceMin", 1u << 1},
    {"ReduceProd", 1u << 1},
    {"ReduceSum", 1u << 1},
    {"ReduceSumSquare", 1u << 1},
    {"Reshape", 1u << 1},
    {"Resize", 1u << 1 | 1u << 2 | 1u << 3},
    {"Slice", 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4},
    {"Split", 1u << 1},
    {"Squeeze", 1u << 1},
    {"Tile", 1u << 1},
    {"TopK", 1u << 1},
    {"Trilu", 1u << 1},
    {"Unsqueeze", 1u << 1},
};

static unsigned host_inputs(const kerf_node *n)
{
    for (size_t i = 0; i < sizeof HOST_INPUTS / sizeof HOST_INPUTS[0]; i++)
        if (strcmp(HOST_INPUTS[i].op, n->op) == 0)
            return HOST_INPUTS[i].inputs;
    return 0;
}

/* Of a shape only the shape is asked, and not what is in it. */
static int hides_numbers(const kerf_node *n)
{
    return strcmp(n->op, "Shape") == 0 || strcmp(n->op, "Size") == 0;
}

static int makes_wanted(const kerf_node *n, const char *wanted)
{
    for (int i = 0; i < n->num_outputs; i++)
        if (wanted[n->outputs[i]->index])
            return 1;
    return 0;
}

/* Marks values, from the last node to the first, whose numbers shapes depend on. */
static void mark_wanted(const kerf_graph *g, char *wanted)
{
    for (size_t i = g->num_nodes; i-- > 0;) {
        const kerf_node *n = g->nodes[i];
        const int all = makes_wanted(n, wanted) && !hides_numbers(n);
        const unsigned some = host_inputs(n);
        for (int k = 0; k < n->num_inputs; k++)
            if (n->inputs[k] != NULL && (all || (k < 32 && (some >> k & 1u) != 0)))
                wanted[n->inputs[k]->index] = 1;
    }
}

static kerf_status make_constant(kerf_graph *g, kerf_value *v, const void *data)
{
    KERF__TRY(kerf_tensor_create(&v->constant, NULL, v->type, v->shape));
    if (v->constant->size_bytes > 0)
        memcpy(v->constant->data, data, v->constant->size_bytes);
    v->kind = KERF__VALUE_CONSTANT;
    size_t num = 0;
    for (size_t i = 0; i < g->num_inputs; i++)
        if (g->inputs[i] != v)
            g->inputs[num++] = g->inputs[i];
    g->num_inputs = num;
    return KERF_OK;
}

static kerf_status take_numbers(kerf_graph *g, const kerf_known_input *inputs, size_t num)
{
    char *wanted = kerf__alloc(g->num_values, 1);
    if (wanted == NULL)
        return kerf__fail_memory("graph", g->num_values);
    mark_wanted(g, wanted);
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < num && status == KERF_OK; i++) {
        kerf_value *v = kerf_graph_find(g, inputs[i].name);
        if (inputs[i].data != NULL && v->kind == KERF__VALUE_INPUT && wanted[v->index] &&
            kerf_shape_num_elements(v->shape) >= 0)
            status = make_constant(g, v, inputs[i].data);
    }
    free(wanted);
    return status;
}

kerf_status kerf_graph_bind(kerf_graph *g, const kerf_known_input *inputs, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        const kerf_value *v = kerf_graph_find(g, inputs[i].name);
        if (v == NULL || v->kind != KERF__VALUE_INPUT)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "graph: there is no input '%s' to be given a shape", inputs[i].name);
        KERF__TRY(bind_shape(g, v, &inputs[i]));
    }
    return num > 0 ? take_numbers(g, inputs, num) : KERF_OK;
}
