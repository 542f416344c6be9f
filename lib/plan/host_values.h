/* plan/host_values.h -- the numbers on the edges of a plan's graph, in host memory, as long as
 * somebody reads them.  Other half: host_values.c; verify_layers.c walks the graph with them. */
#ifndef KERF_PLAN_HOST_VALUES_H
#define KERF_PLAN_HOST_VALUES_H

#include "plan/plan_internal.h"

typedef struct kerf__host_values {
    const kerf_plan *plan; /* borrowed; a draft will do */
    void **bytes;          /* owned, each too; by index of the value; NULL: not there */
    int *num_uses;         /* owned; how many inputs of nodes still read it */
} kerf__host_values;

/* Clear also after a failure. */
kerf_status kerf__host_values_create(kerf__host_values *x, const kerf_plan *p);
void kerf__host_values_clear(kerf__host_values *x);

/* The bytes of a value.  What no node makes is made here: states are read, inputs random. */
kerf_status kerf__host_values_get(kerf__host_values *x, const kerf_value *v, const void **bytes);
/* What a node made: all its outputs, one behind the other (copied). */
kerf_status kerf__host_values_set(kerf__host_values *x, const kerf_node *n, const char *bytes);
/* The node has run: what nobody else reads goes. */
void kerf__host_values_used(kerf__host_values *x, const kerf_node *n);

#endif
