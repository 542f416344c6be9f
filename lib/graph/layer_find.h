/* graph/layer_find.h -- layers by the names that people give them.  Other half: layer_find.c. */
#ifndef KERF_GRAPH_LAYER_FIND_H
#define KERF_GRAPH_LAYER_FIND_H

#include "graph/graph_internal.h"

/* The results of layers that a person calls so, in order, at most `most` (>= 1).  Of a name that is
 * not there the message gives near ones, and says `whose` it is: "the teacher". */
kerf_status kerf__graph_find_layers(const kerf_graph *g, const char *pattern, const char *whose,
                                    kerf_value **out, size_t most, size_t *num);

/* 1 if the node hands on the elements of its input 0, as those are that weights pass on their way
 * to a layer. */
int kerf__node_hands_on(const kerf_node *n);

#endif
