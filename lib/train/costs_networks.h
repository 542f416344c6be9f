/* train/costs_networks.h -- which networks costs are measured on, and how they are made; see
 * costs_networks.c. */
#ifndef KERF_TRAIN_COSTS_NETWORKS_H
#define KERF_TRAIN_COSTS_NETWORKS_H

#include "plan/costs_internal.h"

size_t kerf__costs_num_networks(void);
const kerf_costs_point *kerf__costs_network(size_t i); /* no times in it; 0: the whole, of floats */
/* Makes the network of the whole one: g and s, which are copies. */
kerf_status kerf__costs_make(const kerf_costs_options *with, const kerf_costs_point *p,
                             kerf_graph *g, kerf_state *s);

#endif
