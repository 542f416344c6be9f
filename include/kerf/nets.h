/* nets.h -- the built-in networks, each a function that builds a graph.
 *
 * Weights start as PyTorch's layers start (uniform in +-1/sqrt(fan in), biases too), from
 * counter-based random numbers: the same seed gives the same bits everywhere. */
#ifndef KERF_NETS_H
#define KERF_NETS_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_net_options {
    int classes;      /* 0: the network's own */
    int64_t input[3]; /* C, H, W; all 0: the network's own */
    double width;     /* factor on hidden sizes; 0: 1 */
    uint64_t seed;
    int shapes_only; /* 1: weights stay 0, for who only counts them */
} kerf_net_options;

typedef struct kerf_net_info {
    const char *name, *summary; /* "lenet-300-100", "784-300-100-10 with ReLU (LeCun 1998)" */
    int64_t input[3];
    int classes;
} kerf_net_info;

/* Entry i of the table, or NULL behind its end. */
KERF_API const kerf_net_info *kerf_net_list(int i);

/* A fresh network on `dev` (or host for NULL): one input "input" (N, C, H, W), one
 * output "logits" (N, classes).  An unknown name is an error that lists the names. */
KERF_API kerf_status kerf_net_create(kerf_graph **g, kerf_state **s, const char *name,
                                     const kerf_net_options *options, kerf_device *dev);

#ifdef __cplusplus
}
#endif
#endif
