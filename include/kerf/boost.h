/* boost.h -- channels that are chosen anew for each input: feature boosting and suppression (Gao et
 * al. 2019).
 *
 * Behind a convolution a small linear layer predicts, from the mean of each channel that goes in,
 * how much each channel that comes out matters here (its saliency).  The k most salient are kept
 * and scaled by it, the others are 0.  All of it is trained with the network, and files hold it in
 * ONNX's own nodes.  k is a number in the graph: the share that is kept can be changed without
 * training.  A plan computes no channel that is dropped, in layers where leaving it out pays.
 *
 * Thread safety: that of the graph and the state. */
#ifndef KERF_BOOST_H
#define KERF_BOOST_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_boost_options {
    double keep;                             /* share of each layer's channels; above 0, up to 1 */
    const char *const *layers, *const *skip; /* shell patterns; none: all but those that read an
                                              * input of the network, whose channels tell little */
    size_t num_layers, num_skip;
} kerf_boost_options;

/* Gates behind the convolutions that the options choose, behind their batch normalization where
 * they have one.  Grouped ones get none, and none gets two: one that is
 * there keeps `keep` from here on.  At first each saliency is 1, so the
 * network computes what it did, whatever `keep` is, until they are trained.  A pattern that fits no
 * convolution is an error, and so is a network without any. */
KERF_API kerf_status kerf_boost_mark(kerf_graph *g, kerf_state *s,
                                     const kerf_boost_options *options);

/* A gate as it stands. */
typedef struct kerf_boost_gate {
    const char *name;       /* of the convolution; lives as long as the graph, like all texts */
    int64_t kept, channels; /* at most `kept` of them are not 0 */
    const char *scale;      /* the value (N, channels) that they are multiplied by; NULL: none */
} kerf_boost_gate;
KERF_API int kerf_boost_num(const kerf_graph *g);
KERF_API kerf_status kerf_boost_get(const kerf_graph *g, int i, kerf_boost_gate *out);

/* From the next plan on so large a share of channels is kept by each gate, 1 at least.  A network
 * without gates is an error. */
KERF_API kerf_status kerf_boost_keep(kerf_graph *g, double share);

#ifdef __cplusplus
}
#endif
#endif
