/* io/onnx_blocks.c -- com.microsoft.MatMulNBits, ONNX Runtime's product by weights of few bits,
 * said in ONNX's words: what Kerf itself writes of such weights, so all that knows these knows it,
 * too.
 *
 *     a, b, scales, zero_points?, g_idx?, bias?
 *
 *     weights (K, N) --> DequantizeLinear --> MatMul --> Add
 *     scales (K / block_size, N) --^      a --^   bias --^
 *
 * b is (N, blocks, bytes): the steps of a column side by side, in blocks, the first in the lowest
 * bits; zero points lie so, too, a column from a whole byte on.  Without them they are half the
 * integers' range, which integers with a sign say without any. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fail.h"
#include "io/onnx_reader.h"
#include "tensor/tensor_internal.h"

/* In front of what is wrong. */
#define NODE "node '%s' (com.microsoft.MatMulNBits): "

enum { A, B, SCALES, ZEROS, ORDER, BIAS, INPUTS };

typedef struct blocks {
    kerf_node *node;
    kerf_value *in[INPUTS]; /* NULL: left out */
    size_t k, n, size, num; /* steps, columns, steps a block, blocks a column */
    unsigned bits;
} blocks;

/* ---- is it sound --------------------------------------------------------------------------- */

static kerf_status check_attributes(blocks *b)
{
    enum { LEAST_BLOCK = 16, MOST_BLOCK = 1 << 16 };
    const kerf_node *n = b->node;
    const int64_t k = kerf_node_int(n, "K", 0), columns = kerf_node_int(n, "N", 0);
    const int64_t bits = kerf_node_int(n, "bits", 4), size = kerf_node_int(n, "block_size", 0);
    if (k < 1 || columns < 1 || k > INT32_MAX || columns > INT32_MAX / k)
        return kerf__fail(KERF_ERR_FORMAT,
                          NODE "K and N are %" PRId64 " and %" PRId64
                               ", must be above 0, their product below 2^31",
                          n->name, k, columns);
    if (bits != 2 && bits != 4 && bits != 8)
        return kerf__fail(KERF_ERR_UNSUPPORTED, NODE "bits is %" PRId64 ", must be 2, 4 or 8",
                          n->name, bits);
    if (size < LEAST_BLOCK || size > MOST_BLOCK || (size & (size - 1)) != 0)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          NODE "block_size is %" PRId64 ", must be a power of 2 from %d to %d",
                          n->name, size, LEAST_BLOCK, MOST_BLOCK);
    b->k = (size_t)k;
    b->n = (size_t)columns;
    b->bits = (unsigned)bits;
    b->size = (size_t)size;
    b->num = (b->k + b->size - 1) / b->size;
    return KERF_OK;
}

/* Bytes of a column of b, and of its zero points. */
static size_t column_bytes(const blocks *b)
{
    return b->num * b->size * b->bits / 8;
}

static size_t zeros_bytes(const blocks *b)
{
    return (b->num * b->bits + 7) / 8;
}

static kerf_status check_constant(const blocks *b, int i, kerf_type type, size_t elements)
{
    const kerf_value *v = b->in[i];
    if (v == NULL || v->kind != KERF__VALUE_CONSTANT)
        return kerf__fail(KERF_ERR_UNSUPPORTED, NODE "input %d must be a constant", b->node->name,
                          i);
    if (v->type != type)
        return kerf__fail(KERF_ERR_UNSUPPORTED, NODE "%s is %s, must be %s", b->node->name, v->name,
                          kerf_type_name(v->type), kerf_type_name(type));
    if (v->constant->num_elements != elements)
        return kerf__fail(KERF_ERR_FORMAT,
                          NODE "%s has %zu elements, must have %zu (K %zu, N %zu, block_size %zu, "
                               "bits %u)",
                          b->node->name, v->name, v->constant->num_elements, elements, b->k, b->n,
                          b->size, b->bits);
    return KERF_OK;
}

static kerf_status check_inputs(blocks *b)
{
    const kerf_node *n = b->node;
    for (int i = 0; i < INPUTS && i < n->num_inputs; i++)
        b->in[i] = n->inputs[i];
    if (n->num_inputs > INPUTS || b->in[A] == NULL || n->num_outputs != 1)
        return kerf__fail(KERF_ERR_FORMAT, NODE "must have 3 to %d inputs and an output", n->name,
                          INPUTS);
    if (b->in[ORDER] != NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          NODE "g_idx %s is not supported: blocks must hold neighbouring steps",
                          n->name, b->in[ORDER]->name);
    KERF__TRY(check_constant(b, B, KERF_U8, b->n * column_bytes(b)));
    KERF__TRY(check_constant(b, SCALES, KERF_F32, b->n * b->num));
    return b->in[ZEROS] != NULL ? check_constant(b, ZEROS, KERF_U8, b->n * zeros_bytes(b))
                                : KERF_OK;
}

/* ---- constants, turned --------------------------------------------------------------------- */

static unsigned bits_at(const uint8_t *bytes, size_t i, unsigned bits)
{
    return (unsigned)bytes[i * bits / 8] >> i * bits % 8 & ((1u << bits) - 1);
}

/* Columns of `rows` integers, each from a byte on, as rows of n; into bytes that are 0.  `flip`
 * gives them a sign.  So many rows at a time as caches hold lines of. */
static void turn(const uint8_t *src, uint8_t *dst, const blocks *b, size_t rows, size_t src_bytes,
                 unsigned flip)
{
    enum { AT_A_TIME = 64 };
    for (size_t first = 0; first < rows; first += AT_A_TIME)
        for (size_t j = 0; j < b->n; j++)
            for (size_t i = first; i < rows && i < first + AT_A_TIME; i++) {
                const size_t to = (i * b->n + j) * b->bits;
                const unsigned q = bits_at(src + j * src_bytes, i, b->bits) ^ flip;
                dst[to / 8] = (uint8_t)(dst[to / 8] | q << to % 8);
            }
}

static kerf_status add_integers(kerf_graph *g, const blocks *b, int input, size_t rows,
                                size_t src_bytes, kerf_value **out)
{
    static const kerf_type TYPES[][2] = {
        [2] = {KERF_U2, KERF_S2}, [4] = {KERF_U4, KERF_S4}, [8] = {KERF_U8, KERF_S8}};
    const int has_sign = b->in[ZEROS] == NULL;
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, TYPES[b->bits][has_sign],
                                 KERF_SHAPE((int64_t)rows, (int64_t)b->n)));
    turn(b->in[input]->constant->data, t->data, b, rows, src_bytes,
         has_sign ? 1u << (b->bits - 1) : 0);
    return kerf_graph_add_constant(g, NULL, t, out);
}

static kerf_status add_scales(kerf_graph *g, const blocks *b, kerf_value **out)
{
    const float *src = b->in[SCALES]->constant->data;
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SHAPE((int64_t)b->num, (int64_t)b->n)));
    for (size_t j = 0; j < b->n; j++)
        for (size_t i = 0; i < b->num; i++)
            ((float *)t->data)[i * b->n + j] = src[j * b->num + i];
    return kerf_graph_add_constant(g, NULL, t, out);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static kerf_status add_weights(kerf__onnx_reader *r, const blocks *b, kerf_value **out)
{
    kerf_value *in[3];
    kerf_node *d;
    KERF__TRY(add_integers(r->graph, b, B, b->k, column_bytes(b), &in[0]));
    KERF__TRY(add_scales(r->graph, b, &in[1]));
    if (b->in[ZEROS] != NULL)
        KERF__TRY(add_integers(r->graph, b, ZEROS, b->num, zeros_bytes(b), &in[2]));
    KERF__TRY(kerf__onnx_add_before(r, b->node, "DequantizeLinear", in,
                                    b->in[ZEROS] != NULL ? 3 : 2, &d));
    KERF__TRY(kerf_node_set_int(d, "axis", 0));
    KERF__TRY(kerf_node_set_int(d, "block_size", (int64_t)b->size));
    *out = d->outputs[0];
    return KERF_OK;
}

/* Constants that nobody reads any more lose their place, and go when all nodes are done. */
static void drop_constants(const blocks *b)
{
    for (int i = B; i <= ZEROS; i++)
        if (b->in[i] != NULL && kerf__value_num_uses(b->in[i]) == 0)
            b->in[i]->index = -1;
}

/* The node becomes `op` of two values. */
static kerf_status become(const blocks *b, const char *op, kerf_value *left, kerf_value *right)
{
    kerf_node *n = b->node;
    static const char *const KEYS[] = {"K", "N", "bits", "block_size", "accuracy_level"};
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        kerf__node_remove_attribute(n, KEYS[i]);
    for (int i = 0; i < n->num_inputs; i++)
        kerf__node_set_input(n, i, i == 0 ? left : i == 1 ? right : NULL);
    kerf__node_trim_inputs(n);
    drop_constants(b);
    return kerf__node_set_op(n, op);
}

kerf_status kerf__onnx_bring_blocks(kerf__onnx_reader *r, kerf_node *n)
{
    blocks b = {.node = n};
    kerf_value *weights;
    kerf_node *product;
    KERF__TRY(check_attributes(&b));
    KERF__TRY(check_inputs(&b));
    KERF__TRY(add_weights(r, &b, &weights));
    if (b.in[BIAS] == NULL)
        return become(&b, "MatMul", b.in[A], weights);
    KERF__TRY(
        kerf__onnx_add_before(r, n, "MatMul", (kerf_value *[]){b.in[A], weights}, 2, &product));
    return become(&b, "Add", product->outputs[0], b.in[BIAS]);
}
