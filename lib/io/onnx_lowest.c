/* io/onnx_lowest.c -- the lowest opset that has all that a graph needs, and its forms there.
 *
 * Old readers refuse new numbers, so a file says no higher one than it must.  Graphs speak
 * KERF__OPSET's words (onnx_versions.c); what is said otherwise in the opset that comes out is
 * said so here. */
#include <string.h>

#include "io/io_internal.h"
#include "tensor/tensor_internal.h"

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

/* Operators that came by an input: the number of inputs from which on `opset` is needed. */
static const struct {
    const char *op;
    int num_inputs, opset;
} MORE_INPUTS[] = {
    {"Pad", 4, 18},
    {"ReduceL1", 2, 18},
    {"ReduceL2", 2, 18},
    {"ReduceLogSum", 2, 18},
    {"ReduceLogSumExp", 2, 18},
    {"ReduceMax", 2, 18},
    {"ReduceMean", 2, 18},
    {"ReduceMin", 2, 18},
    {"ReduceProd", 2, 18},
    {"ReduceSumSquare", 2, 18},
};

static int lowest_of_node(const kerf_node *n)
{
    kerf__opsets opsets;
    if (!kerf__operator_opsets(n->op, &opsets))
        return KERF__OPSET;
    int lowest = max_int(KERF__OPSET, opsets.first);
    for (size_t i = 0; i < n->num_attributes; i++)
        if (kerf__attribute_letter(n->op, n->attributes[i].key, &opsets) > 0)
            lowest = max_int(lowest, opsets.first);
    for (size_t i = 0; i < sizeof MORE_INPUTS / sizeof MORE_INPUTS[0]; i++)
        if (strcmp(MORE_INPUTS[i].op, n->op) == 0 && n->num_inputs >= MORE_INPUTS[i].num_inputs)
            lowest = max_int(lowest, MORE_INPUTS[i].opset);
    return lowest;
}

/* Types that came late, to values or, where `op` is given, to one of an operator's. */
static const struct {
    kerf_type type;
    const char *op;
    int opset;
} LATE_TYPES[] = {
    {KERF_S16, "DequantizeLinear", 21},
    {KERF_S16, "QuantizeLinear", 21},
    {KERF_S2, NULL, 25},
    {KERF_S4, NULL, 21},
    {KERF_U16, "DequantizeLinear", 21},
    {KERF_U16, "QuantizeLinear", 21},
    {KERF_U2, NULL, 25},
    {KERF_U4, NULL, 21},
};

static int lowest_of_value(const kerf_value *v, const char *op)
{
    int lowest = KERF__OPSET;
    for (size_t i = 0; i < sizeof LATE_TYPES / sizeof LATE_TYPES[0]; i++)
        if (LATE_TYPES[i].type == v->type &&
            (LATE_TYPES[i].op == NULL || (op != NULL && strcmp(LATE_TYPES[i].op, op) == 0)))
            lowest = max_int(lowest, LATE_TYPES[i].opset);
    return lowest;
}

/* By its own kind, its values, and a type that an attribute tells. */
static int lowest_of_all(const kerf_node *n)
{
    int lowest = lowest_of_node(n);
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            lowest = max_int(lowest, lowest_of_value(n->inputs[i], n->op));
    for (int i = 0; i < n->num_outputs; i++)
        lowest = max_int(lowest, lowest_of_value(n->outputs[i], n->op));
    const kerf_type told = kerf__type_of_onnx(kerf_node_int(n, "output_dtype", 0));
    if (told < KERF_NUM_TYPES)
        lowest = max_int(lowest, lowest_of_value(&(kerf_value){.type = told}, n->op));
    return lowest;
}

int kerf__onnx_lowest_opset(const kerf_graph *g)
{
    int lowest = KERF__OPSET;
    for (size_t i = 0; i < g->num_nodes; i++)
        lowest = max_int(lowest, lowest_of_all(g->nodes[i]));
    for (size_t i = 0; i < g->num_inputs; i++)
        lowest = max_int(lowest, lowest_of_value(g->inputs[i], NULL));
    return lowest;
}

int kerf__onnx_lowest_ir(int opset)
{
    static const struct {
        int opset, ir;
    } NEEDS[] = {{25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}};
    for (size_t i = 0; i < sizeof NEEDS / sizeof NEEDS[0]; i++)
        if (opset >= NEEDS[i].opset)
            return NEEDS[i].ir;
    return KERF__IR;
}

/* Puts attribute k of p into input 1, as an initializer named after the node. */
static void raise_axes(kerf__builder *b, Onnx__GraphProto *graph, Onnx__NodeProto *p, size_t k)
{
    const Onnx__AttributeProto *a = p->attribute[k];
    const kerf_shape shape = KERF_SHAPE((int64_t)a->n_ints);
    char *name = kerf__build_format(b, "%s.axes", p->output[0]);
    char **inputs = kerf__build_memory(b, 2, sizeof *inputs);
    Onnx__TensorProto *tensor =
        kerf__build_tensor(b, name, KERF_S64, shape, a->ints, a->n_ints * sizeof *a->ints);
    if (tensor == NULL || inputs == NULL)
        return;
    inputs[0] = p->input[0];
    inputs[1] = name;
    p->input = inputs;
    p->n_input = 2;
    p->attribute[k] = p->attribute[--p->n_attribute];
    graph->initializer[graph->n_initializer++] = tensor;
}

void kerf__onnx_raise(kerf__builder *b, Onnx__GraphProto *graph, Onnx__NodeProto *p, int opset)
{
    kerf__opsets opsets;
    for (size_t k = p->n_attribute; k-- > 0;)
        if (strcmp(p->attribute[k]->name, "axes") == 0 && p->n_input == 1 &&
            strncmp(p->op_type, "Reduce", 6) == 0 &&
            kerf__attribute_letter(p->op_type, "axes", &opsets) > 0 && opset > opsets.last)
            raise_axes(b, graph, p, k);
}
