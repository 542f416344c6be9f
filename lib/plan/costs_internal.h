/* plan/costs_internal.h -- shared by the files about what layers take on some device.
 *
 * Words.  point: a network that was measured, all layers alike; point 0 is the one as it was, in
 * floats.  base: the same in the precision that is asked for, which all others of it are beside.
 * cell: a layer in one of them.  left: what is there of a layer now, of its weights and their type.
 *
 *   costs.c           the object, and whether it is of a network
 *   costs_left.c      finds the layers of a graph, and what is left of each
 *   costs_predict.c   the time of a network by what is left of its layers
 *   costs_text.c      from and to JSON
 *   train/costs_measure.c   measures */
#ifndef KERF_COSTS_INTERNAL_H
#define KERF_COSTS_INTERNAL_H

#include "graph/graph_internal.h"
#include "kerf/costs.h"

typedef struct kerf__costs_layer {
    char *op;         /* owned, as all here */
    kerf_shape shape; /* of its weights */
    kerf_costs_cell *cells;
} kerf__costs_layer;

struct kerf_costs {
    char *device, *device_id, *driver; /* owned, as all here */
    char structure[20];                /* digest */
    kerf_costs_point *points;
    size_t num_points;
    size_t base;  /* the point of the whole network in the precision that predictions are of */
    char **names; /* of layers' nodes */
    kerf__costs_layer *layers;
    size_t num_layers;
    char *left_out;
};

/* Nothing but room: cells for all layers; texts are NULL. */
kerf_status kerf__costs_create(kerf_costs **out, size_t num_layers, size_t num_points);
/* 1 if nothing of the network was changed but how its plan stores numbers. */
int kerf__costs_is_whole(const kerf_costs_point *p);
/* Of operations and their attributes, and the inputs; masks and norms that fold do not count. */
void kerf__costs_digest(const kerf_graph *g, char digest[20]);

/* ---- what is left --------------------------------------------------------------------------- */

typedef struct kerf__layer_left {
    const kerf_node *node; /* borrowed */
    kerf_shape shape;      /* of the weights as they are stored */
    int64_t weights, nonzeros;
    int bits;
    const char *mode; /* as in kerf_costs_point */
} kerf__layer_left;

/* Of every node that multiplies by trained weights, in the order of the graph.  Reads weights. */
kerf_status kerf__costs_look(kerf__layer_left **out, size_t *num, const kerf_graph *g,
                             const kerf_state *s);

/* Of layers by name; 0: the network has no such one. */
kerf_status kerf__costs_layers_ms(const kerf_costs *c, const kerf_graph *g, const kerf_state *s,
                                  const char *const *names, size_t num, double *ms);

#endif
