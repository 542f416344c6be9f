/* packed_network.h -- a small network as a packed file, for the tests of what such files know. */
#ifndef KERF_PACKED_NETWORK_H
#define KERF_PACKED_NETWORK_H

#include "check.h"
#include "kerf/kerf.h"

typedef struct file {
    void *bytes;
    size_t num;
} file;

static inline file packed_network(void)
{
    const kerf_net_options small = {.input = {1, 3, 5}, .width = 0.03};
    kerf_graph *g;
    kerf_state *s;
    file f;
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &small, NULL));
    CHECK_OK(kerf_packed_serialize(g, s, &f.bytes, &f.num, NULL, NULL));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return f;
}

#endif
