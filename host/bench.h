/* bench.h -- what the parts of `kerf bench` and `kerf tune` share.  Other halves:
 * cmd_bench.c chooses, bench_gemm.c times products, bench_model.c times models. */
#ifndef HOST_BENCH_H
#define HOST_BENCH_H

#include "kerf/kerf.h"
#include "say.h"
#include "stats.h"

int bench_gemm(const options *o, kerf_device *dev);
int bench_models(const options *o, kerf_device *dev);

/* c (m, n) = a (m, k) b (k, n), as a graph of one MatMul. */
typedef struct gemm_case {
    int64_t m, n, k;
} gemm_case;
extern const gemm_case gemm_cases[];
extern const size_t num_gemm_cases;
kerf_status gemm_graph(kerf_graph **g, kerf_state **s, kerf_device *dev, const gemm_case *shape);
/* The kernel that was chosen for it; lives as long as the plan. */
const char *gemm_variant(const kerf_plan *p);

/* Numbers in [-1, 1), the same at every call with the same seed. */
void fill_random(float *x, size_t num, uint64_t seed);

/* Runs a plan once and waits for it. */
kerf_status run_and_finish(kerf_plan *p);

#endif
