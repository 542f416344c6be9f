/* io/onnx_values.c -- initializers, inputs and outputs of an ONNX graph.
 *
 * ONNX does not tell a weight from a number that merely has to be somewhere.  Here floats
 * are weights (state, trained) unless they are scalars or stand where an operator takes a
 * bound, a scale or a statistic; integers are constants.  What nobody reads is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/onnx_reader.h"

/* Few enough for checks of each against each. */
enum { MAX_ENDS = 4096 };

/* Inputs of operators that no training should touch, and those that are weights for sure. */
static const struct {
    const char *op;
    size_t input;
    kerf__use use;
} USES[] = {
    {"BatchNormalization", 1, KERF__USE_LAYER},
    {"BatchNormalization", 2, KERF__USE_LAYER},
    {"BatchNormalization", 3, KERF__USE_STATISTIC},
    {"BatchNormalization", 4, KERF__USE_STATISTIC},
    {"Clip", 1, KERF__USE_CONSTANT},
    {"Clip", 2, KERF__USE_CONSTANT},
    {"Conv", 1, KERF__USE_LAYER},
    {"Conv", 2, KERF__USE_LAYER},
    {"ConvTranspose", 1, KERF__USE_LAYER},
    {"ConvTranspose", 2, KERF__USE_LAYER},
    {"DequantizeLinear", 1, KERF__USE_CONSTANT},
    {"Dropout", 1, KERF__USE_CONSTANT},
    {"Gemm", 1, KERF__USE_LAYER},
    {"Gemm", 2, KERF__USE_LAYER},
    {"MatMul", 1, KERF__USE_LAYER},
    {"MatMulNBits", 2, KERF__USE_CONSTANT},
    {"MatMulNBits", 3, KERF__USE_CONSTANT},
    {"OneHot", 2, KERF__USE_CONSTANT},
    {"Pad", 2, KERF__USE_CONSTANT},
    {"QuantizeLinear", 1, KERF__USE_CONSTANT},
    {"Resize", 1, KERF__USE_CONSTANT},
    {"Resize", 2, KERF__USE_CONSTANT},
    {"Upsample", 1, KERF__USE_CONSTANT},
};

kerf_status kerf__onnx_check_name(const kerf__onnx_reader *r, const char *name, const char *what)
{
    if (name == NULL || name[0] == '\0')
        return kerf__fail(KERF_ERR_FORMAT, "%s: has no name", what);
    if (kerf_graph_find(r->graph, name) != NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: '%s' is defined twice, names must be unique", what,
                          name);
    return KERF_OK;
}

/* ---- uses ----------------------------------------------------------------------------------- */

static kerf__use use_of_input(const Onnx__NodeProto *node, size_t input)
{
    for (size_t i = 0; i < sizeof USES / sizeof USES[0]; i++)
        if (USES[i].input == input && strcmp(USES[i].op, kerf__text(node->op_type)) == 0)
            return USES[i].use;
    return KERF__USE_WEIGHT;
}

static kerf_status add_use(kerf__onnx_reader *r, const char *name, kerf__use use)
{
    const kerf__use *known = kerf__names_find(&r->uses, name);
    if (name[0] == '\0' || (known != NULL && *known >= use))
        return KERF_OK;
    if (known != NULL)
        kerf__names_remove(&r->uses, name);
    else if (!kerf__names_reserve(&r->uses))
        return kerf__fail_memory("ONNX names", r->uses.num);
    kerf__names_add(&r->uses, name, &r->levels[use]);
    return KERF_OK;
}

kerf_status kerf__onnx_find_uses(kerf__onnx_reader *r)
{
    for (int use = 0; use < KERF__NUM_USES; use++)
        r->levels[use] = (kerf__use)use;
    for (size_t i = 0; i < r->proto->n_node; i++) {
        const Onnx__NodeProto *node = r->proto->node[i];
        for (size_t k = 0; k < node->n_input; k++)
            KERF__TRY(add_use(r, node->input[k], use_of_input(node, k)));
    }
    for (size_t i = 0; i < r->proto->n_output; i++)
        KERF__TRY(add_use(r, kerf__text(r->proto->output[i]->name), KERF__USE_WEIGHT));
    return KERF_OK;
}

/* ---- initializers --------------------------------------------------------------------------- */

static kerf_status add_state(kerf__onnx_reader *r, const char *name, kerf_role role,
                             const kerf__array *a)
{
    int id;
    kerf_value *value;
    KERF__TRY(kerf_state_add(r->state, name, role, -1, a->type, a->shape, &id));
    if (a->num_bytes > 0)
        KERF__TRY(kerf_state_write(r->state, id, a->bytes));
    return kerf_graph_add_state(r->graph, name, id, a->type, a->shape, &value);
}

static kerf_status add_constant(kerf__onnx_reader *r, const char *name, kerf__array *array)
{
    kerf_tensor *tensor = NULL;
    kerf_value *value;
    const kerf_status status = kerf__array_to_tensor(&tensor, array);
    kerf__array_free(array);
    return status == KERF_OK ? kerf_graph_add_constant(r->graph, name, tensor, &value) : status;
}

static int is_trained(const kerf__array *a, kerf__use use)
{
    return (a->type == KERF_F32 || a->type == KERF_F16) && a->shape.rank > 0 &&
           use != KERF__USE_CONSTANT;
}

/* The array is freed. */
static kerf_status add_weight(kerf__onnx_reader *r, const char *name, kerf__use use,
                              kerf__array *array)
{
    const kerf_role role = use == KERF__USE_STATISTIC ? KERF_ROLE_STATISTIC : KERF_ROLE_WEIGHT;
    kerf_status status = add_state(r, name, role, array);
    kerf__array_free(array);
    return status;
}

kerf_status kerf__onnx_add_constant(kerf__onnx_reader *r, const char *name, kerf__array *array)
{
    const kerf__use *use = kerf__names_find(&r->uses, name);
    if (use != NULL && is_trained(array, *use) && *use != KERF__USE_WEIGHT)
        return add_weight(r, name, *use, array);
    return add_constant(r, name, array);
}

static kerf_status add_initializer(kerf__onnx_reader *r, const Onnx__TensorProto *t)
{
    char what[KERF__WHAT_BYTES];
    snprintf(what, sizeof what, "initializer '%.128s'", kerf__text(t->name));
    KERF__TRY(kerf__onnx_check_name(r, t->name, what));
    kerf__array array;
    KERF__TRY(kerf__array_read(&array, t, r->outside, what));
    const kerf__use *use = kerf__names_find(&r->uses, t->name);
    kerf_status status = KERF_OK;
    if (use == NULL) { /* checked, but of no use */
        kerf__array_free(&array);
    } else if (is_trained(&array, *use)) {
        status = add_weight(r, t->name, *use, &array);
    } else {
        status = add_constant(r, t->name, &array);
    }
    return status;
}

kerf_status kerf__onnx_add_initializers(kerf__onnx_reader *r)
{
    if (r->proto->n_sparse_initializer > 0) {
        const Onnx__SparseTensorProto *sparse = r->proto->sparse_initializer[0];
        return kerf__fail(
            KERF_ERR_UNSUPPORTED,
            "initializer '%s': is stored sparse, which is not supported; must be dense",
            sparse->values != NULL ? kerf__text(sparse->values->name) : "");
    }
    for (size_t i = 0; i < r->proto->n_initializer; i++) {
        Onnx__TensorProto *t = r->proto->initializer[i];
        KERF__TRY(add_initializer(r, t));
        if (kerf__names_find(&r->initializers, t->name) != NULL)
            continue; /* twice, but not read */
        if (!kerf__names_reserve(&r->initializers))
            return kerf__fail_memory("ONNX names", r->proto->n_initializer);
        kerf__names_add(&r->initializers, t->name, t);
    }
    return KERF_OK;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* An input with an initializer has a default; the default is what is used.  (Up to IR 3
 * every initializer had to be an input.) */
static kerf_status add_input(kerf__onnx_reader *r, const Onnx__ValueInfoProto *info)
{
    char what[KERF__WHAT_BYTES];
    snprintf(what, sizeof what, "input '%.128s'", kerf__text(info->name));
    if (kerf__names_find(&r->initializers, kerf__text(info->name)) != NULL)
        return KERF_OK;
    KERF__TRY(kerf__onnx_check_name(r, info->name, what));
    kerf_type type;
    kerf_shape shape;
    kerf_value *value;
    KERF__TRY(kerf__value_type_read(&type, &shape, r->graph, info, 1, what));
    if (shape.rank < 0)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: has no shape; the number of dimensions must be known", what);
    return kerf_graph_add_input(r->graph, info->name, type, shape, &value);
}

kerf_status kerf__onnx_add_inputs(kerf__onnx_reader *r)
{
    for (size_t i = 0; i < r->proto->n_input; i++) {
        if (r->graph->num_inputs == MAX_ENDS)
            return kerf__fail(KERF_ERR_UNSUPPORTED, "has more than %d inputs", MAX_ENDS);
        KERF__TRY(add_input(r, r->proto->input[i]));
    }
    return KERF_OK;
}

static kerf_status add_output(kerf__onnx_reader *r, const Onnx__ValueInfoProto *info)
{
    char what[KERF__WHAT_BYTES];
    snprintf(what, sizeof what, "output '%.128s'", kerf__text(info->name));
    kerf_value *value = kerf_graph_find(r->graph, kerf__text(info->name));
    if (value == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: no input, initializer or node makes it", what);
    for (size_t i = 0; i < r->graph->num_outputs; i++)
        if (r->graph->outputs[i] == value)
            return kerf__fail(KERF_ERR_FORMAT, "%s: is listed twice", what);
    kerf_type type;
    kerf_shape shape;
    KERF__TRY(kerf__value_type_read(&type, &shape, r->graph, info, 1, what));
    if (value->kind == KERF__VALUE_RESULT) {
        value->type = type;
        value->shape = shape;
    }
    return kerf_graph_add_output(r->graph, value);
}

kerf_status kerf__onnx_add_outputs(kerf__onnx_reader *r)
{
    if (r->proto->n_output == 0)
        return kerf__fail(KERF_ERR_FORMAT, "the graph has no outputs, must have at least one");
    if (r->proto->n_output > MAX_ENDS)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "has more than %d outputs", MAX_ENDS);
    for (size_t i = 0; i < r->proto->n_output; i++)
        KERF__TRY(add_output(r, r->proto->output[i]));
    return KERF_OK;
}

/* Only hints: shape rules find it all again, so what cannot be used is passed over. */
kerf_status kerf__onnx_set_value_infos(kerf__onnx_reader *r)
{
    for (size_t i = 0; i < r->proto->n_value_info; i++) {
        const Onnx__ValueInfoProto *info = r->proto->value_info[i];
        kerf_value *value = kerf_graph_find(r->graph, kerf__text(info->name));
        if (value == NULL || value->kind != KERF__VALUE_RESULT || value->shape.rank >= 0)
            continue;
        kerf_type type;
        kerf_shape shape;
        kerf_status status =
            kerf__value_type_read(&type, &shape, r->graph, info, 0, kerf__text(info->name));
        if (status == KERF_ERR_MEMORY)
            return status;
        if (status == KERF_OK) {
            value->type = type;
            value->shape = shape;
        }
    }
    return KERF_OK;
}
