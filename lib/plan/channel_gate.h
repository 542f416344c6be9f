/* plan/channel_gate.h -- gates that choose channels for each input (kerf/boost.h), as they stand
 * in a graph whose shapes are known.  compress/prune/prune_boost.c builds them. */
#ifndef KERF_PLAN_CHANNEL_GATE_H
#define KERF_PLAN_CHANNEL_GATE_H

#include "graph/graph_internal.h"

typedef struct kerf__channel_gate {
    kerf_value *saliency; /* (N, C) */
    int64_t k;            /* how many of them are kept; 1 to C */
} kerf__channel_gate;

/* 1 if n is the node that leaves saliencies which are kept and makes the others 0. */
int kerf__is_channel_gate(const kerf_node *n, kerf__channel_gate *out);
/* What makes v, if it is a node of this operation; else NULL. */
kerf_node *kerf__made_by(const kerf_value *v, const char *op);

#endif
