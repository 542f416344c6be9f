/* io/value_proto.c -- types and shapes of a graph's values, and their symbols, from protos. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "io/io_internal.h"

/* Far more than any model, and few enough for look-ups one by one. */
enum { MAX_SYMBOLS = 1024 };

static kerf_status add_symbol(int64_t *dim, kerf_graph *g, const char *name, const char *what)
{
    if (g->num_symbols >= MAX_SYMBOLS)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: is one of more than %d symbolic dimensions",
                          what, MAX_SYMBOLS);
    *dim = kerf_graph_symbol(g, name);
    return *dim < 0 ? KERF_OK : KERF_ERR_MEMORY;
}

/* A dimension nobody named is like no other one. */
static kerf_status add_fresh_symbol(int64_t *dim, kerf_graph *g, const char *what)
{
    char name[32];
    size_t num_before = g->num_symbols;
    for (size_t i = num_before;; i++) {
        snprintf(name, sizeof name, "dim_%zu", i);
        KERF__TRY(add_symbol(dim, g, name, what));
        if (g->num_symbols > num_before)
            return KERF_OK;
    }
}

/* Paddle writes "?", or a number of -1, for what has no name. */
static int is_name(const char *text)
{
    return text[0] != '\0' && strcmp(text, "?") != 0;
}

static kerf_status read_dim(int64_t *dim, kerf_graph *g,
                            const Onnx__TensorShapeProto__Dimension *proto, const char *what)
{
    switch (proto->value_case) {
    case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE:
        if (proto->dim_value == -1)
            break;
        if (proto->dim_value < 0)
            return kerf__fail(KERF_ERR_FORMAT,
                              "%s: has a dimension of %" PRId64 ", must be 0 or more, or a name",
                              what, proto->dim_value);
        *dim = proto->dim_value;
        return KERF_OK;
    case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM:
        if (is_name(proto->dim_param))
            return add_symbol(dim, g, proto->dim_param, what);
        break;
    default:
        break;
    }
    return add_fresh_symbol(dim, g, what);
}

static int has_name_or_value(const Onnx__TensorShapeProto__Dimension *d)
{
    return (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            d->dim_value != -1) ||
           (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
            is_name(d->dim_param));
}

kerf_status kerf__shape_read(kerf_shape *out, kerf_graph *g, const Onnx__TensorShapeProto *proto,
                             int fresh, const char *what)
{
    *out = (kerf_shape){.rank = -1};
    if (proto->n_dim > KERF_MAX_RANK)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: has %zu dimensions, at most %d are supported",
                          what, proto->n_dim, KERF_MAX_RANK);
    for (size_t d = 0; d < proto->n_dim && !fresh; d++)
        if (!has_name_or_value(proto->dim[d]))
            return KERF_OK;
    kerf_shape shape = {.rank = (int)proto->n_dim};
    for (size_t d = 0; d < proto->n_dim; d++)
        KERF__TRY(read_dim(&shape.dims[d], g, proto->dim[d], what));
    *out = shape;
    return KERF_OK;
}

kerf_status kerf__value_type_read(kerf_type *type, kerf_shape *shape, kerf_graph *g,
                                  const Onnx__ValueInfoProto *info, int fresh, const char *what)
{
    *shape = (kerf_shape){.rank = -1};
    if (info->type == NULL || info->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has no type", what);
    if (info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: is a sequence, map or sparse value, must be a tensor", what);
    const Onnx__TypeProto__Tensor *tensor = info->type->tensor_type;
    KERF__TRY(kerf__onnx_type(type, tensor->elem_type, what));
    if (tensor->shape == NULL)
        return KERF_OK;
    return kerf__shape_read(shape, g, tensor->shape, fresh, what);
}
