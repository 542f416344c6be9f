/* pruned_layer.h -- a network of one layer, its pruner, and the mask that it has then. */
#ifndef TESTS_COMPRESS_PRUNED_LAYER_H
#define TESTS_COMPRESS_PRUNED_LAYER_H

#include "check.h"
#include "kerf/kerf.h"

enum { MOST_WEIGHTS = 4096 };

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
    kerf_node *layer;
    int weight;
    unsigned char kept[MOST_WEIGHTS];
} network;

/* y = op(x, l.weight) */
static void make_layer(network *n, kerf_device *dev, const char *op, kerf_shape x, kerf_shape shape,
                       const float *weights)
{
    kerf_value *inputs[2];
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, x, &inputs[0]));
    CHECK_OK(kerf_state_add(n->s, "l.weight", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &n->weight));
    CHECK_OK(kerf_state_write(n->s, n->weight, weights));
    CHECK_OK(kerf_graph_add_state(n->g, "l.weight", n->weight, KERF_F32, shape, &inputs[1]));
    CHECK_OK(kerf_graph_add_node(n->g, op, "l", inputs, 2, 1, &n->layer));
    CHECK_OK(kerf_graph_add_output(n->g, kerf_node_output(n->layer, 0)));
}

static void unmake(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_pruner *begin(network *n, const kerf_prune_options *o)
{
    kerf_pruner *p;
    CHECK_OK(kerf_prune_mark(n->g, n->s, o));
    CHECK_OK(kerf_pruner_create(&p, n->g, n->s, o));
    return p;
}

static void apply(network *n, kerf_pruner *p, double progress)
{
    CHECK_OK(kerf_pruner_apply(p, progress));
    CHECK_OK(
        kerf_state_read(n->s, kerf_state_find_owned(n->s, n->weight, KERF_ROLE_MASK)->id, n->kept));
}

#endif
