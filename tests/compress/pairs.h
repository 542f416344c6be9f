/* pairs.h -- graphs with integers in them, for tests of export: built without a device, and
 * without shapes but those of constants, as files may come. */
#ifndef TESTS_COMPRESS_PAIRS_H
#define TESTS_COMPRESS_PAIRS_H

#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "tensor/tensor_internal.h"

static inline kerf_value *pairs_constant(kerf_graph *g, const char *name, kerf_type type,
                                         kerf_shape shape, const void *data)
{
    kerf_tensor *t;
    kerf_value *v = NULL;
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    if (data != NULL)
        memcpy(t->data, data, t->size_bytes);
    CHECK_OK(kerf_graph_add_constant(g, name, t, &v));
    return v;
}

/* Numbers of 8, 16 or 32 bits that are all the same; of fewer bits, 0. */
static inline kerf_value *pairs_same(kerf_graph *g, const char *name, kerf_type type,
                                     kerf_shape shape, int number)
{
    kerf_value *v = pairs_constant(g, name, type, shape, NULL);
    const size_t bytes = kerf_type_bits(type) / 8;
    for (size_t i = 0; bytes > 0 && i < v->constant->num_elements; i++)
        memcpy((char *)v->constant->data + i * bytes, &number, bytes);
    return v;
}

static inline kerf_value *pairs_scales(kerf_graph *g, const char *name, kerf_shape shape,
                                       float scale)
{
    kerf_value *v = pairs_constant(g, name, KERF_F32, shape, NULL);
    for (size_t i = 0; i < v->constant->num_elements; i++)
        ((float *)v->constant->data)[i] = scale;
    return v;
}

static inline kerf_value *pairs_node(kerf_graph *g, const char *op, const char *name,
                                     kerf_value *const *inputs, int num)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, op, name, inputs, num, 1, &n));
    return kerf_node_output(n, 0);
}

static inline kerf_value *pairs_name(kerf_value *v, const char *name)
{
    CHECK_OK(kerf_value_rename(v->graph, v, name));
    return v;
}

/* v rounded, by nodes called NAME_q and NAME_dq. */
static inline kerf_value *pairs_round(kerf_value *v, const char *name, float scale, kerf_type type,
                                      int zero)
{
    char q[32], dq[32];
    snprintf(q, sizeof q, "%s_q", name);
    snprintf(dq, sizeof dq, "%s_dq", name);
    kerf_value *in[] = {v, pairs_scales(v->graph, NULL, KERF_SCALAR, scale),
                        pairs_same(v->graph, NULL, type, KERF_SCALAR, zero)};
    in[0] = pairs_node(v->graph, "QuantizeLinear", q, in, 3);
    return pairs_node(v->graph, "DequantizeLinear", dq, in, 3);
}

/* Stored weights: one scale (axis -1), one an element of axis, or one a block along it. */
static inline kerf_value *pairs_stored(kerf_graph *g, kerf_value *integers, kerf_type type,
                                       int axis, int64_t block, float scale, int zero)
{
    kerf_shape shape = KERF_SCALAR;
    if (block > 0) {
        shape = integers->shape;
        shape.dims[axis] = (shape.dims[axis] + block - 1) / block;
    } else if (axis >= 0) {
        shape = KERF_SHAPE(integers->shape.dims[axis]);
    }
    kerf_value *in[] = {integers, pairs_scales(g, NULL, shape, scale),
                        pairs_same(g, NULL, type, shape, zero)};
    kerf_value *v = pairs_node(g, "DequantizeLinear", NULL, in, 3);
    CHECK_OK(kerf_node_set_int(v->producer, "axis", axis >= 0 ? axis : 0));
    if (block > 0)
        CHECK_OK(kerf_node_set_int(v->producer, "block_size", block));
    return v;
}

static inline kerf_node *pairs_find(const kerf_graph *g, const char *name)
{
    for (int i = 0; i < kerf_graph_num_nodes(g); i++)
        if (strcmp(kerf_node_name(kerf_graph_node(g, i)), name) == 0)
            return kerf_graph_node(g, i);
    return NULL;
}

static inline int pairs_count(const kerf_graph *g, const char *op)
{
    int num = 0;
    for (int i = 0; i < kerf_graph_num_nodes(g); i++)
        num += strcmp(kerf_node_op(kerf_graph_node(g, i)), op) == 0;
    return num;
}

#endif
