/* plan/costs_left.c -- the layers of a graph, and what is left of each; see costs_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/layer_find.h"
#include "plan/costs_internal.h"

/* Operations with trained factors, and which input those are where the file says nothing else. */
static const struct {
    const char *op;
    unsigned inputs; /* bit i: input i */
    const char *mode;
} LAYERS[] = {{"Gemm", 3, NULL},
              {"MatMul", 3, NULL},
              {"Conv", 2, NULL},
              {"ConvTranspose", 2, NULL},
              {"MatMulInteger", 3, "dynamic"},
              {"ConvInteger", 2, "dynamic"},
              {"QLinearConv", 8, "static"},
              {"QLinearMatMul", 8, "static"}};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static size_t find_layer(const kerf_node *n)
{
    size_t i = 0;
    while (i < LENGTH(LAYERS) && strcmp(LAYERS[i].op, n->op) != 0)
        i++;
    return i;
}

static int passes(const kerf_node *n)
{
    return kerf__node_hands_on(n) || kerf__node_is(n, "QuantizeLinear") ||
           kerf__node_is(n, "DequantizeLinear");
}

static int is_stored(const kerf_value *v)
{
    return v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT;
}

/* Integers behind the point where floats are rounded, as a training has them, are its type. */
static int bits_of(const kerf_value *v, int bits)
{
    const int here = v->type == KERF_BOOL ? bits : (int)kerf_type_bits(v->type);
    return here < bits ? here : bits;
}

/* The stored value that arrives at v, and the fewest bits on the way; NULL: it is computed. */
static const kerf_value *trace(const kerf_value *v, int *bits)
{
    *bits = 32;
    while (v != NULL && v->producer != NULL && passes(v->producer) && v->producer->num_inputs > 0) {
        *bits = bits_of(v, *bits);
        v = v->producer->inputs[0];
    }
    if (v == NULL || !is_stored(v))
        return NULL;
    *bits = bits_of(v, *bits);
    return v;
}

static const char *mode_of(const kerf_node *n, int input, int bits, const char *mode)
{
    const kerf_value *other = n->num_inputs > 1 - input && input < 2 ? n->inputs[1 - input] : NULL;
    if (mode != NULL)
        return mode;
    if (bits >= 32)
        return "float";
    return other != NULL && kerf__node_is(other->producer, "DequantizeLinear") ? "static"
                                                                               : "weight-only";
}

/* ---- zeros ---------------------------------------------------------------------------------- */

static int is_zero(const unsigned char *bytes, size_t bits, size_t i, kerf_type type)
{
    static const unsigned char NONE[8] = {0};
    if (type == KERF_F32)
        return ((const float *)(const void *)bytes)[i] == 0;
    if (bits < 8)
        return ((unsigned)bytes[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1)) == 0;
    return memcmp(bytes + i * (bits / 8), NONE, bits / 8) == 0;
}

static kerf_status count(const kerf_tensor *t, int64_t *nonzeros)
{
    const size_t num = kerf_tensor_num_elements(t), num_bytes = kerf_tensor_size_bytes(t);
    const kerf_type type = kerf_tensor_type(t);
    unsigned char *bytes = kerf__alloc(num_bytes + 1, 1);
    if (bytes == NULL)
        return kerf__fail_memory("costs", num_bytes);
    kerf_status status = num_bytes > 0 ? kerf_tensor_read(t, bytes) : KERF_OK;
    *nonzeros = 0;
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        *nonzeros += !is_zero(bytes, kerf_type_bits(type), i, type);
    free(bytes);
    return status;
}

static const kerf_tensor *tensor_of(const kerf_state *s, const kerf_value *v)
{
    if (v->kind == KERF__VALUE_CONSTANT)
        return v->constant;
    const kerf_state_entry *e = kerf_state_get(s, v->state_id);
    return e != NULL ? e->tensor : NULL;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* 1 if the node is a layer, by the first of its inputs that is stored. */
static kerf_status look_at(const kerf_node *n, const kerf_state *s, kerf__layer_left *out, int *is)
{
    const size_t which = find_layer(n);
    *is = 0;
    for (int i = 0; which < LENGTH(LAYERS) && i < n->num_inputs && !*is; i++) {
        int bits;
        const kerf_value *v =
            (LAYERS[which].inputs >> i & 1u) != 0 ? trace(n->inputs[i], &bits) : NULL;
        const kerf_tensor *t = v != NULL ? tensor_of(s, v) : NULL;
        if (t == NULL)
            continue;
        *out = (kerf__layer_left){.node = n,
                                  .shape = kerf_tensor_shape(t),
                                  .weights = (int64_t)kerf_tensor_num_elements(t),
                                  .bits = bits,
                                  .mode = mode_of(n, i, bits, LAYERS[which].mode)};
        KERF__TRY(count(t, &out->nonzeros));
        *is = 1;
    }
    return KERF_OK;
}

kerf_status kerf__costs_look(kerf__layer_left **out, size_t *num, const kerf_graph *g,
                             const kerf_state *s)
{
    *num = 0;
    *out = kerf__alloc(g->num_nodes + 1, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("costs", g->num_nodes * sizeof **out);
    for (size_t i = 0; i < g->num_nodes; i++) {
        int is_layer;
        kerf_status status = look_at(g->nodes[i], s, &(*out)[*num], &is_layer);
        if (status != KERF_OK) {
            free(*out);
            *out = NULL;
            return status;
        }
        *num += (size_t)is_layer;
    }
    return KERF_OK;
}
