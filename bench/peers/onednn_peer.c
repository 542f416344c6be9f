/* onednn_peer.c -- products, element-wise nodes, reductions and softmax of `kerf bench` by
 * oneDNN 2, tensors plain and row-major as Kerf's are; see peer.h. */
#define _POSIX_C_SOURCE 200809L
#include <oneapi/dnnl/dnnl.h>

#include "peer.h"

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static struct {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[3];
    float *data[3]; /* owned */
    int num;
} now;

static void ok(dnnl_status_t status)
{
    if (status != dnnl_success)
        peer_fail("oneDNN", (int)status);
}

/* ---- tensors ----------------------------------------------------------------------------- */

/* Dense and row-major, dimensions of `dims` in front of which ones fill up to `rank`. */
static dnnl_memory_desc_t dense(int rank, const long *dims, int num_dims)
{
    dnnl_dims_t sizes, strides;
    dnnl_dim_t stride = 1;
    dnnl_memory_desc_t desc;
    for (int d = rank - 1; d >= 0; d--) {
        const int from = d - (rank - num_dims);
        sizes[d] = from >= 0 ? dims[from] : 1;
        strides[d] = stride;
        stride *= sizes[d];
    }
    ok(dnnl_memory_desc_init_by_strides(&desc, rank, sizes, dnnl_f32, strides));
    return desc;
}

static dnnl_memory_desc_t matrix(long rows, long columns, int is_transposed)
{
    dnnl_memory_desc_t desc;
    ok(dnnl_memory_desc_init_by_tag(&desc, 2, (dnnl_dims_t){rows, columns}, dnnl_f32,
                                    is_transposed ? dnnl_ba : dnnl_ab));
    return desc;
}

static void add_argument(int argument, const dnnl_memory_desc_t *desc)
{
    float *data = now.data[now.num] = peer_fill(dnnl_memory_desc_get_size(desc) / sizeof(float));
    now.args[now.num].arg = argument;
    ok(dnnl_memory_create(&now.args[now.num].memory, desc, engine, data));
    now.num++;
}

static int make_primitive(const_dnnl_op_desc_t desc)
{
    dnnl_primitive_desc_t primitive_desc;
    ok(dnnl_primitive_desc_create(&primitive_desc, desc, NULL, engine, NULL));
    ok(dnnl_primitive_create(&now.primitive, primitive_desc));
    ok(dnnl_primitive_desc_destroy(primitive_desc));
    return 1;
}

/* ---- operations -------------------------------------------------------------------------- */

static int open_gemm(const peer_case *c)
{
    dnnl_matmul_desc_t desc;
    const dnnl_memory_desc_t a = matrix(c->m, c->k, c->trans_a);
    const dnnl_memory_desc_t b = matrix(c->k, c->n, c->trans_b), dst = matrix(c->m, c->n, 0);
    ok(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &dst));
    add_argument(DNNL_ARG_SRC, &a);
    add_argument(DNNL_ARG_WEIGHTS, &b);
    add_argument(DNNL_ARG_DST, &dst);
    return make_primitive(&desc);
}

static int open_formula(const peer_case *c, dnnl_alg_kind_t kind)
{
    dnnl_eltwise_desc_t desc;
    const dnnl_memory_desc_t x = dense(c->rank[0], c->dims[0], c->rank[0]);
    ok(dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference, kind, &x, 0, 0));
    add_argument(DNNL_ARG_SRC, &x);
    add_argument(DNNL_ARG_DST, &x);
    return make_primitive(&desc);
}

static int open_binary(const peer_case *c, dnnl_alg_kind_t kind)
{
    dnnl_binary_desc_t desc;
    const dnnl_memory_desc_t a = dense(c->rank[0], c->dims[0], c->rank[0]);
    const dnnl_memory_desc_t b = dense(c->rank[0], c->dims[1], c->rank[1]);
    ok(dnnl_binary_desc_init(&desc, kind, &a, &b, &a));
    add_argument(DNNL_ARG_SRC_0, &a);
    add_argument(DNNL_ARG_SRC_1, &b);
    add_argument(DNNL_ARG_DST, &a);
    return make_primitive(&desc);
}

static int open_reduction(const peer_case *c, dnnl_alg_kind_t kind)
{
    dnnl_reduction_desc_t desc;
    long dims[PEER_RANK];
    memcpy(dims, c->dims[0], sizeof dims);
    for (int d = 0; d < c->rank[0]; d++)
        dims[d] = c->num_axes == 0 ? 1 : dims[d];
    for (int i = 0; i < c->num_axes; i++)
        dims[c->axes[i]] = 1;
    const dnnl_memory_desc_t src = dense(c->rank[0], c->dims[0], c->rank[0]);
    const dnnl_memory_desc_t dst = dense(c->rank[0], dims, c->rank[0]);
    ok(dnnl_reduction_desc_init(&desc, kind, &src, &dst, 2, 0));
    add_argument(DNNL_ARG_SRC, &src);
    add_argument(DNNL_ARG_DST, &dst);
    return make_primitive(&desc);
}

static int open_softmax(const peer_case *c, dnnl_alg_kind_t kind)
{
    dnnl_softmax_v2_desc_t desc;
    const dnnl_memory_desc_t x = dense(c->rank[0], c->dims[0], c->rank[0]);
    ok(dnnl_softmax_v2_forward_desc_init(&desc, dnnl_forward_inference, kind, &x, &x,
                                         c->rank[0] - 1));
    add_argument(DNNL_ARG_SRC, &x);
    add_argument(DNNL_ARG_DST, &x);
    return make_primitive(&desc);
}

static const struct {
    const char *node;
    int (*open)(const peer_case *c, dnnl_alg_kind_t kind);
    dnnl_alg_kind_t kind;
} operations[] = {
    {"Relu", open_formula, dnnl_eltwise_relu},
    {"Exp", open_formula, dnnl_eltwise_exp},
    {"Tanh", open_formula, dnnl_eltwise_tanh},
    {"Add", open_binary, dnnl_binary_add},
    {"Mul", open_binary, dnnl_binary_mul},
    {"ReduceSum", open_reduction, dnnl_reduction_sum},
    {"ReduceMean", open_reduction, dnnl_reduction_mean},
    {"ReduceMax", open_reduction, dnnl_reduction_max},
    {"ReduceL2", open_reduction, dnnl_reduction_norm_lp_sum},
    {"Softmax", open_softmax, dnnl_softmax_accurate},
    {"LogSoftmax", open_softmax, dnnl_softmax_log},
};

/* ---- what peer.h asks for ---------------------------------------------------------------- */

static int open_case(const peer_case *c)
{
    now.num = 0;
    if (strcmp(c->family, "gemm") == 0)
        return open_gemm(c);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].node, c->node) == 0)
            return operations[i].open(c, operations[i].kind);
    return 0;
}

static void run(void)
{
    ok(dnnl_primitive_execute(now.primitive, stream, now.num, now.args));
}

static void finish(void)
{
    ok(dnnl_stream_wait(stream));
}

static void close_case(void)
{
    dnnl_primitive_destroy(now.primitive);
    for (int i = 0; i < now.num; i++) {
        dnnl_memory_destroy(now.args[i].memory);
        free(now.data[i]);
    }
}

int main(void)
{
    ok(dnnl_engine_create(&engine, dnnl_cpu, 0));
    ok(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    return peer_main(&(peer_library){open_case, run, finish, close_case});
}
