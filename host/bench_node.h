/* bench_node.h -- a case on a device: a plan of its one node, and its numbers.  Other halves:
 * bench_node.c; bench_case.h says what a case is. */
#ifndef HOST_BENCH_NODE_H
#define HOST_BENCH_NODE_H

#include "bench_case.h"

typedef struct bench_node {
    const bench_case *c; /* borrowed */
    kerf_graph *g;       /* owned, as all below */
    kerf_state *s;
    kerf_plan *plan;
    case_data data;
    double bytes; /* inputs and outputs, once each */
} bench_node;

/* The case as a graph, to be planned. */
kerf_status case_graph(const bench_case *c, kerf_device *dev, kerf_graph **g, kerf_state **s);

/* "" or why the device cannot hold it. */
kerf_status case_fits(const bench_case *c, kerf_device *dev, case_verdict *v);

/* Plans it and fills its inputs; bench_node_close() in any case. */
kerf_status bench_node_open(bench_node *n, const bench_case *c, kerf_device *dev);
void bench_node_close(bench_node *n);

/* Runs it `times` times and waits for the last. */
kerf_status bench_node_run(bench_node *n, int64_t times);
/* Runs it once and compares what comes out with the definition. */
kerf_status bench_node_check(bench_node *n, case_verdict *v);

/* The kernel of the step with most multiply-adds; lives as long as the plan. */
const char *main_variant(const kerf_plan *p);

/* Numbers in [-1, 1), the same at every call with the same seed. */
void fill_random(float *x, size_t num, uint64_t seed);

/* Runs a plan once and waits for it. */
kerf_status run_and_finish(kerf_plan *p);

#endif
