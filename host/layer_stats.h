/* layer_stats.h -- how the weights of each layer are spread: histograms, norms of its outputs, and
 * what rounding cost, of a network before and after.  Other half: layer_stats.c. */
#ifndef HOST_LAYER_STATS_H
#define HOST_LAYER_STATS_H

#include "model.h"

enum { LAYER_BINS = 60, LAYER_MOST_CHANNELS = 1024 };

/* The numbers of a network's weights, as they were at one time. */
typedef struct layer_values {
    char name[128], weight[128]; /* of the layer, of what it multiplies by */
    float *values;               /* owned */
    size_t num;
    size_t channels, inner; /* outputs of the layer: element i belongs to i / inner % channels */
    int axis;               /* in which they lie; -1: not known */
    char *stays;            /* owned; by output, 1 if it is there still; NULL: all */
    int bits;
} layer_values;
typedef struct network_values {
    layer_values *items; /* owned */
    size_t num;
} network_values;

/* Reads them all; waits.  Integers without scales are left out; a network of more than
 * 2^26 weights has none.  Free it in any case. */
kerf_status network_values_read(network_values *out, const kerf_graph *g, const kerf_state *s);
void network_values_free(network_values *v);
/* Of a network as it was: channels that have gone since lose those that go now, too. */
kerf_status network_values_cut(network_values *v, const kerf_channels *c);

/* The folder's layers.json: {before, after: layers_json(), weights: the list below}. */
json_t *layers_file_json(const layer_list *before, const layer_list *after,
                         const network_values *values_before, const network_values *values_after);
/* [{name, end, bins: {before, after}, norms: {before, after}, snr_db}], of layers that both have:
 * how many weights other than 0 lie in which part of -end to end, those beyond in the outermost;
 * the root of the sum of squares of what leads to each output, null where that has gone; how far
 * the difference lies below the weights where they have fewer bits than before, else null. */
json_t *layer_stats_json(const network_values *before, const network_values *after);

#endif
