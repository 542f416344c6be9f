/* random_network.h -- networks of random build, for what must hold for any: convolutions of all
 * kinds, normalisation, sums, gates, joins, splits, shuffles and attention, ending in a layer of
 * products. */
#ifndef KERF_RANDOM_NETWORK_H
#define KERF_RANDOM_NETWORK_H

#include <string.h>

#include "base/random.h"
#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"
#include "tensor/tensor_internal.h"

enum { RANDOM_SIDE = 6, RANDOM_CLASSES = 5, RANDOM_NODES = 12 };

typedef struct random_network {
    kerf_graph *g;
    kerf_state *s;
    kerf__random random;
    uint64_t drawn;
    struct {
        kerf_value *v;
        int64_t channels;
    } made[3 * RANDOM_NODES]; /* pictures of RANDOM_SIDE, to go on from */
    int num;
} random_network;

static inline int draw(random_network *n, int bound)
{
    return (int)kerf__random_below(n->random, 0, n->drawn++, (uint64_t)bound);
}

static inline kerf_value *random_weight(random_network *n, kerf_shape shape, float offset)
{
    static float x[65536];
    char name[32];
    int id;
    kerf_value *v;
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++)
        x[i] = offset + kerf__random_float(n->random, 1, n->drawn++) - 0.5f;
    snprintf(name, sizeof name, "w%d", kerf_state_num_ids(n->s));
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, x));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    return v;
}

static inline kerf_value *list(random_network *n, const int64_t *x, int num)
{
    kerf_tensor *t;
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(num)));
    memcpy(t->data, x, (size_t)num * sizeof *x);
    CHECK_OK(kerf_graph_add_constant(n->g, NULL, t, &v));
    return v;
}

static inline kerf_node *add(random_network *n, const char *op, int outputs, int inputs,
                             kerf_value *a, kerf_value *b, kerf_value *c)
{
    kerf_node *node;
    CHECK_OK(
        kerf_graph_add_node(n->g, op, NULL, (kerf_value *[]){a, b, c}, inputs, outputs, &node));
    return node;
}

static inline void made(random_network *n, kerf_value *v, int64_t channels)
{
    n->made[n->num].v = v;
    n->made[n->num++].channels = channels;
}

/* ---- parts -------------------------------------------------------------------------------------
 */

static inline kerf_value *conv_of(random_network *n, kerf_value *x, int64_t in, int64_t out,
                                  int64_t side, int64_t groups)
{
    kerf_value *w = random_weight(n, KERF_SHAPE(out, in / groups, side, side), 0);
    kerf_node *node = add(n, "Conv", 1, 3, x, w, random_weight(n, KERF_SHAPE(out), 0));
    const int64_t pads[4] = {side / 2, side / 2, side / 2, side / 2};
    CHECK_OK(kerf_node_set_ints(node, "pads", pads, 4));
    CHECK_OK(kerf_node_set_int(node, "group", groups));
    return node->outputs[0];
}

static inline void random_conv(random_network *n, int i)
{
    const int64_t in = n->made[i].channels, kinds[3] = {1, in % 2 == 0 ? 2 : 1, in};
    const int64_t groups = kinds[draw(n, 3)],
                  out = groups * (groups == in ? 1 + draw(n, 2) : 2 + draw(n, 4));
    made(n, conv_of(n, n->made[i].v, in, out, draw(n, 2) ? 3 : 1, groups), out);
}

static inline void random_norm(random_network *n, int i)
{
    const kerf_shape shape = KERF_SHAPE(n->made[i].channels);
    kerf_value *in[5] = {n->made[i].v, random_weight(n, shape, 1), random_weight(n, shape, 0),
                         random_weight(n, shape, 0), random_weight(n, shape, 1)};
    kerf_node *node;
    CHECK_OK(kerf_graph_add_node(n->g, "BatchNormalization", NULL, in, 5, 1, &node));
    made(n, node->outputs[0], n->made[i].channels);
}

static inline void random_function(random_network *n, int i)
{
    static const char *const OPS[] = {"Relu", "Sigmoid", "Tanh", "HardSwish"};
    made(n, add(n, OPS[draw(n, 4)], 1, 1, n->made[i].v, NULL, NULL)->outputs[0],
         n->made[i].channels);
}

/* The same number to all channels. */
static inline void random_shift(random_network *n, int i)
{
    made(n,
         add(n, draw(n, 2) ? "Add" : "Mul", 1, 2, n->made[i].v, random_weight(n, KERF_SHAPE(1), 1),
             NULL)
             ->outputs[0],
         n->made[i].channels);
}

/* With another of as many channels, else through a layer that makes as many. */
static inline void random_sum(random_network *n, int i)
{
    const int k = draw(n, n->num);
    kerf_value *other = n->made[k].v;
    if (n->made[k].channels != n->made[i].channels)
        other = conv_of(n, other, n->made[k].channels, n->made[i].channels, 1, 1);
    made(n, add(n, draw(n, 2) ? "Add" : "Mul", 1, 2, n->made[i].v, other, NULL)->outputs[0],
         n->made[i].channels);
}

static inline void random_join(random_network *n, int i)
{
    const int k = draw(n, n->num);
    kerf_node *node = add(n, "Concat", 1, 2, n->made[i].v, n->made[k].v, NULL);
    CHECK_OK(kerf_node_set_int(node, "axis", 1));
    made(n, node->outputs[0], n->made[i].channels + n->made[k].channels);
}

static inline void random_split(random_network *n, int i)
{
    const int64_t first = 1 + draw(n, 2), sizes[2] = {first, n->made[i].channels - first};
    if (sizes[1] < 1)
        return;
    kerf_node *node = add(n, "Split", 2, 2, n->made[i].v, list(n, sizes, 2), NULL);
    CHECK_OK(kerf_node_set_int(node, "axis", 1));
    made(n, node->outputs[0], sizes[0]);
    made(n, node->outputs[1], sizes[1]);
}

/* ShuffleNet's. */
static inline void random_shuffle(random_network *n, int i)
{
    const int64_t channels = n->made[i].channels, order[5] = {0, 2, 1, 3, 4};
    if (channels % 2 != 0)
        return;
    const int64_t apart[5] = {-1, 2, channels / 2, RANDOM_SIDE, RANDOM_SIDE},
                  together[4] = {-1, channels, RANDOM_SIDE, RANDOM_SIDE};
    kerf_node *node = add(n, "Reshape", 1, 2, n->made[i].v, list(n, apart, 5), NULL);
    node = add(n, "Transpose", 1, 1, node->outputs[0], NULL, NULL);
    CHECK_OK(kerf_node_set_ints(node, "perm", order, 5));
    made(n, add(n, "Reshape", 1, 2, node->outputs[0], list(n, together, 4), NULL)->outputs[0],
         channels);
}

/* Squeeze and excitation. */
static inline void random_gate(random_network *n, int i)
{
    const int64_t channels = n->made[i].channels;
    kerf_value *v = add(n, "GlobalAveragePool", 1, 1, n->made[i].v, NULL, NULL)->outputs[0];
    v = add(n, "Relu", 1, 1, conv_of(n, v, channels, 3, 1, 1), NULL, NULL)->outputs[0];
    v = add(n, "Sigmoid", 1, 1, conv_of(n, v, 3, channels, 1, 1), NULL, NULL)->outputs[0];
    made(n, add(n, "Mul", 1, 2, n->made[i].v, v, NULL)->outputs[0], channels);
}

/* What it adds was made of what it takes; the last layer stands at the end of it, or a function. */
static inline void random_block(random_network *n, int i)
{
    const int64_t channels = n->made[i].channels, inner = 2 + draw(n, 4);
    kerf_value *v = conv_of(n, n->made[i].v, channels, inner, 3, 1);
    v = add(n, "Relu", 1, 1, v, NULL, NULL)->outputs[0];
    v = conv_of(n, v, inner, channels, draw(n, 2) ? 3 : 1, 1);
    if (draw(n, 2))
        v = add(n, "Tanh", 1, 1, v, NULL, NULL)->outputs[0];
    made(n, add(n, "Add", 1, 2, n->made[i].v, v, NULL)->outputs[0], channels);
}

/* Two heads over the pixels; from channels first and back. */
static inline kerf_value *heads_of(random_network *n, kerf_value *x, int64_t channels, int turned)
{
    static const int64_t ORDER[2][4] = {{0, 2, 1, 3}, {0, 2, 3, 1}};
    const int64_t apart[4] = {-1, RANDOM_SIDE * RANDOM_SIDE, 2, 3};
    kerf_value *w = random_weight(n, KERF_SHAPE(channels, 6), 0);
    kerf_node *node = add(n, "MatMul", 1, 2, x, w, NULL);
    node = add(n, "Reshape", 1, 2, node->outputs[0], list(n, apart, 4), NULL);
    node = add(n, "Transpose", 1, 1, node->outputs[0], NULL, NULL);
    CHECK_OK(kerf_node_set_ints(node, "perm", ORDER[turned], 4));
    return node->outputs[0];
}

static inline void random_attention(random_network *n, int i)
{
    const int64_t channels = n->made[i].channels, flat[3] = {-1, channels, 36},
                  order[3] = {0, 2, 1}, swap[4] = {0, 2, 1, 3}, joined[3] = {-1, 36, 6},
                  picture[4] = {-1, 4, RANDOM_SIDE, RANDOM_SIDE};
    kerf_node *node = add(n, "Reshape", 1, 2, n->made[i].v, list(n, flat, 3), NULL);
    node = add(n, "Transpose", 1, 1, node->outputs[0], NULL, NULL);
    CHECK_OK(kerf_node_set_ints(node, "perm", order, 3));
    kerf_value *x = node->outputs[0], *q = heads_of(n, x, channels, 0),
               *k = heads_of(n, x, channels, 1), *v = heads_of(n, x, channels, 0);
    node = add(n, "Softmax", 1, 1, add(n, "MatMul", 1, 2, q, k, NULL)->outputs[0], NULL, NULL);
    node = add(n, "Transpose", 1, 1, add(n, "MatMul", 1, 2, node->outputs[0], v, NULL)->outputs[0],
               NULL, NULL);
    CHECK_OK(kerf_node_set_ints(node, "perm", swap, 4));
    node = add(n, "Reshape", 1, 2, node->outputs[0], list(n, joined, 3), NULL);
    node = add(n, "MatMul", 1, 2, node->outputs[0], random_weight(n, KERF_SHAPE(6, 4), 0), NULL);
    node = add(n, "Transpose", 1, 1, node->outputs[0], NULL, NULL);
    CHECK_OK(kerf_node_set_ints(node, "perm", order, 3));
    made(n, add(n, "Reshape", 1, 2, node->outputs[0], list(n, picture, 4), NULL)->outputs[0], 4);
}

/* ---- whole --------------------------------------------------------------------------------------
 */

static inline void random_end(random_network *n)
{
    const int last = n->num - 1;
    const int flat = draw(n, 2);
    const int64_t inputs = n->made[last].channels * (flat ? RANDOM_SIDE * RANDOM_SIDE : 1);
    kerf_value *v = n->made[last].v;
    if (!flat)
        v = add(n, "GlobalAveragePool", 1, 1, v, NULL, NULL)->outputs[0];
    v = add(n, "Flatten", 1, 1, v, NULL, NULL)->outputs[0];
    kerf_node *node =
        add(n, "Gemm", 1, 3, v, random_weight(n, KERF_SHAPE(RANDOM_CLASSES, inputs), 0),
            random_weight(n, KERF_SHAPE(RANDOM_CLASSES), 0));
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
}

/* Input "x": (N, 3, RANDOM_SIDE, RANDOM_SIDE). */
static inline random_network random_network_make(kerf_device *dev, uint64_t seed)
{
    static void (*const PARTS[])(random_network * n, int i) = {
        random_conv, random_conv,  random_norm,    random_function, random_sum,       random_shift,
        random_join, random_split, random_shuffle, random_gate,     random_attention, random_block};
    random_network n = {.random = kerf__random_key(seed, KERF__RANDOM_TEST, 7)};
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    CHECK_OK(kerf_graph_add_input(
        n.g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(n.g, "N"), 3, RANDOM_SIDE, RANDOM_SIDE),
        &x));
    made(&n, conv_of(&n, x, 3, 4 + 2 * draw(&n, 3), 3, 1), 0);
    n.made[0].channels = n.made[0].v->producer->inputs[1]->shape.dims[0];
    for (int i = 0; i < RANDOM_NODES; i++) {
        const int at = draw(&n, 3) > 0 ? n.num - 1 : draw(&n, n.num);
        if (n.made[at].channels <= 24)
            PARTS[draw(&n, sizeof PARTS / sizeof PARTS[0])](&n, at);
        else
            made(&n, conv_of(&n, n.made[at].v, n.made[at].channels, 6, 1, 1), 6);
    }
    random_end(&n);
    kerf__graph_remove_dead(n.g); /* what leads nowhere */
    CHECK_OK(kerf_graph_verify(n.g));
    return n;
}

static inline void random_network_free(random_network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

#endif
