/* plan/use_codes.c -- a product of few rows by shared weights (compress/share) reads the numbers of
 * their entries, and no float of them is ever made in device memory.
 *
 *     Gather(codebook, Cast(numbers)) -> Gemm or MatMul [-> Relu]
 *
 * becomes kerf.MatMulCodes of the codebook and of a constant, the numbers as its kernels read them
 * (2, 4 or 8 bits each), where it pays.  Codebooks of blocks stay floats: lanes would look into
 * tables of their own.  So do convolutions, which meet each weight many times.
 *
 * Behind sparse_linear.c: a layer of few non-zeros is computed without the others.  Other half:
 * lib/ops/matmul_codes.c. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/matmul_codes_common.h"
#include "plan/plan_internal.h"
#include "plan/shared_weights.h"

/* What becomes one product. */
typedef struct pattern {
    kerf_node *product;
    kerf__shared_weight weights;
    int64_t k, n;
    int is_turned; /* weights are (N, K) */
    int bits;
} pattern;

/* As few bits as hold the largest number that is there; 0 if it is behind the last entry. */
static int bits_of(const kerf__shared_weight *h)
{
    const unsigned char *numbers = h->indices->data;
    unsigned char most = 0;
    for (size_t i = 0; i < h->indices->num_elements; i++)
        most = numbers[i] > most ? numbers[i] : most;
    if (most >= kerf__value_elements(h->codebook))
        return 0;
    return most < 4 ? 2 : most < 16 ? 4 : 8;
}

/* One row by floats is bound by reading them, more are so less and less.  On two cores of Sapphire
 * Rapids by PoCL, 4096x4096, floats take 2.5, 5.5, 6.3 and 1.3 times as long for 1, 4, 8 and 16
 * rows with 16 entries; 1.9 and 1.0 times for 1 and 16 rows with 32; 1.2 and 4.3 times for 1 and 8
 * rows with 64; with 256, which are looked up in memory, 0.8, 2.4, 3.1 and 0.6 times.  With 16
 * entries in registers of 8 floats 1.6 times for 1 row (bench_matmul_codes).  GPUs look all of them
 * up in local memory. */
static int pays(const kerf_device *dev, int64_t rows, const pattern *p)
{
    const kerf_device_info *info = kerf_device_get_info(dev);
    const int room = kerf__codes_room(p->bits, kerf__value_elements(p->weights.codebook));
    const int is_cpu = info->type == KERF_DEVICE_CPU, is_wide = info->features.vector_floats >= 16;
    const int64_t most = !is_cpu || (is_wide && room <= 32) ? 16 : 8;
    const int64_t least = !is_cpu || room <= 16 || (is_wide && room <= 64) ? 1 : 2;
    return rows >= least && rows <= most;
}

static int match(const kerf_device *dev, kerf_node *n, pattern *p)
{
    const kerf_value *weights = n->inputs[1];
    if (weights->shape.rank != 2 || kerf__value_elements(weights) < 1 ||
        !kerf__plan_is_read_once(weights) || n->outputs[0]->next_of >= 0)
        return 0;
    const int is_turned = kerf_node_int(n, "transB", 0) != 0;
    *p = (pattern){.product = n,
                   .k = weights->shape.dims[is_turned ? 1 : 0],
                   .n = weights->shape.dims[is_turned ? 0 : 1],
                   .is_turned = is_turned};
    if (!kerf__plan_find_shared(weights, &p->weights) || p->weights.first != NULL ||
        !kerf__plan_is_plain_product(n, p->n) || p->k > KERF__MOST_ITERATIONS)
        return 0;
    p->bits = bits_of(&p->weights);
    return p->bits > 0 && pays(dev, kerf__plan_num_rows(n->inputs[0]), p);
}

static kerf_status replace(kerf_graph *g, const pattern *p)
{
    kerf_tensor *packed;
    kerf_value *codes;
    kerf_node *n;
    KERF__TRY(
        kerf__codes_pack(&packed, p->weights.indices->data, p->k, p->n, p->is_turned, p->bits));
    KERF__TRY(kerf_graph_add_constant(g, NULL, packed, &codes));
    kerf_value *inputs[] = {p->product->inputs[0], codes, p->weights.codebook,
                            kerf_node_input(p->product, 2)};
    KERF__TRY(
        kerf_graph_add_node(g, "kerf.MatMulCodes", NULL, inputs, inputs[3] != NULL ? 4 : 3, 1, &n));
    kerf__node_take_name(n, p->product);
    KERF__TRY(kerf_node_set_int(n, "bits", p->bits));
    KERF__TRY(kerf_node_set_int(n, "columns", p->n));
    return kerf__plan_take_product(g, n, p->product);
}

kerf_status kerf__plan_use_codes(kerf_graph *g, const kerf_device *dev)
{
    pattern p;
    const size_t num = g->num_nodes;
    for (size_t i = 0; i < num; i++)
        if ((kerf__node_is(g->nodes[i], "Gemm") || kerf__node_is(g->nodes[i], "MatMul")) &&
            match(dev, g->nodes[i], &p))
            KERF__TRY(replace(g, &p));
    KERF__TRY(kerf__graph_sort(g));
    kerf__graph_remove_dead(g);
    return KERF_OK;
}
