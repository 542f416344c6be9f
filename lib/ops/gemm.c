/* ops/gemm.c -- Gemm and MatMul: shape rules, gradients, the table of variants, and the two
 * variants that need no tile.
 *
 * gemm_plain: one work-item an element; fits everywhere.  gemm_dot: both operands contiguous
 * along k and few rows (a batch of one): one work-item a few outputs, vectors along k.  Tiles
 * for CPU devices are in gemm_wide.c, for GPUs in gemm_simt.c; CLBlast is the foreign one.
 *
 * Device side: kernels/gemm.cl.  Definition: tests/ref/ref_gemm.c. */
#include "ops/gemm_common.h"

#include <string.h>

#include "base/fail.h"
#include "device/clblast.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_gemm;

/* ---- shapes -------------------------------------------------------------------------------- */

static int is_gemm(const kerf_node *n)
{
    return strcmp(n->op, "Gemm") == 0;
}

static int transposed(const kerf_node *n, int input)
{
    return kerf_node_int(n, input == 0 ? "transA" : "transB", 0) != 0;
}

static kerf_status check_k(const kerf_node *n, int64_t of_a, int64_t of_b)
{
    if (of_a == of_b)
        return KERF_OK;
    return kerf__fail_node(
        KERF_ERR_SHAPE, n, "%s has an inner size of %lld, must be %lld like that of %s",
        n->inputs[1]->name, (long long)of_b, (long long)of_a, n->inputs[0]->name);
}

/* Offsets inside a kernel are ints. */
static kerf_status check_sizes(const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && kerf__value_elements(n->inputs[i]) >= (int64_t)1 << 31)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                                   "%s has 2^31 elements or more, supported are fewer",
                                   n->inputs[i]->name);
    if (kerf__value_elements(n->outputs[0]) >= (int64_t)1 << 31)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "the result has 2^31 elements or more, supported are fewer");
    return KERF_OK;
}

static kerf_status check_bias(const kerf_node *n, kerf_shape dst)
{
    kerf_shape both;
    if (n->num_inputs < 3 || n->inputs[2] == NULL)
        return KERF_OK;
    const kerf_shape bias = n->inputs[2]->shape;
    char text[64];
    KERF__TRY(kerf__node_check_type(n, 2, KERF_F32));
    if (bias.rank <= 2 && kerf__node_broadcast(n, bias, dst, &both) == KERF_OK &&
        kerf_shape_equal(both, dst))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "C is %s, must broadcast to (%lld, %lld)",
                           kerf_shape_text(bias, text, sizeof text), (long long)dst.dims[0],
                           (long long)dst.dims[1]);
}

static kerf_status infer_gemm(kerf_node *n)
{
    for (int i = 0; i < 2; i++) {
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
        if (n->inputs[i]->shape.rank != 2)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %d dimensions, must have 2",
                                   n->inputs[i]->name, n->inputs[i]->shape.rank);
    }
    const int64_t *a = n->inputs[0]->shape.dims, *b = n->inputs[1]->shape.dims;
    const int ta = transposed(n, 0), tb = transposed(n, 1);
    const kerf_shape dst = KERF_SHAPE(a[ta ? 1 : 0], b[tb ? 0 : 1]);
    KERF__TRY(check_k(n, a[ta ? 0 : 1], b[tb ? 1 : 0]));
    KERF__TRY(check_bias(n, dst));
    kerf__set_output(n, 0, KERF_F32, dst);
    return check_sizes(n);
}

/* An operand of MatMul as a matrix with batch dimensions: one-dimensional ones are a row
 * (left) or a column (right), as numpy has it. */
static kerf_shape as_matrix(const kerf_node *n, int input)
{
    kerf_shape s = n->inputs[input]->shape;
    if (s.rank == 1) {
        s = input == 0 ? KERF_SHAPE(1, s.dims[0]) : KERF_SHAPE(s.dims[0], 1);
    } else if (transposed(n, input)) {
        int64_t last = s.dims[s.rank - 1];
        s.dims[s.rank - 1] = s.dims[s.rank - 2];
        s.dims[s.rank - 2] = last;
    }
    return s;
}

static kerf_shape batch_of(kerf_shape s)
{
    s.rank -= 2;
    return s;
}

/* How one batch dimension moves through a and b: by 0 where that one is broadcast. */
typedef struct level {
    int64_t num, a, b;
} level;

/* Batch dimensions merged where both operands walk on; innermost first. */
static int merge_batch(kerf_shape a, kerf_shape b, kerf_shape both, level *levels)
{
    int num = 0;
    int64_t a_stride = 1, b_stride = 1;
    for (int i = 1; i <= both.rank; i++) {
        const int64_t d = both.dims[both.rank - i];
        const int64_t da = i <= a.rank ? a.dims[a.rank - i] : 1;
        const int64_t db = i <= b.rank ? b.dims[b.rank - i] : 1;
        const level next = {d, da == 1 ? 0 : a_stride, db == 1 ? 0 : b_stride};
        a_stride *= da;
        b_stride *= db;
        if (d == 1)
            continue;
        level *last = num > 0 ? &levels[num - 1] : NULL;
        if (last != NULL && next.a == last->a * last->num && next.b == last->b * last->num)
            last->num *= d;
        else
            levels[num++] = next;
    }
    return num;
}

kerf_status kerf__matmul_infer(kerf_node *n, kerf_type type)
{
    kerf_shape dst;
    level levels[KERF_MAX_RANK];
    for (int i = 0; i < 2; i++)
        if (n->inputs[i]->shape.rank < 1)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "%s is a scalar, must have dimensions",
                                   n->inputs[i]->name);
    const kerf_shape a = as_matrix(n, 0), b = as_matrix(n, 1);
    KERF__TRY(check_k(n, a.dims[a.rank - 1], b.dims[b.rank - 2]));
    KERF__TRY(kerf__node_broadcast(n, batch_of(a), batch_of(b), &dst));
    if (merge_batch(batch_of(a), batch_of(b), dst, levels) > 2)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "batches broadcast in more than two turns, supported are two");
    if (n->inputs[0]->shape.rank > 1)
        dst.dims[dst.rank++] = a.dims[a.rank - 2];
    if (n->inputs[1]->shape.rank > 1)
        dst.dims[dst.rank++] = b.dims[b.rank - 1];
    kerf__set_output(n, 0, type, dst);
    return check_sizes(n);
}

static kerf_status infer_matmul(kerf_node *n)
{
    for (int i = 0; i < 2; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    return kerf__matmul_infer(n, KERF_F32);
}

/* ---- what the variants see ------------------------------------------------------------------- */

static void set_batch(kerf__gemm *g, kerf_shape a, kerf_shape b)
{
    level levels[KERF_MAX_RANK] = {{1, 0, 0}, {1, 0, 0}};
    kerf_shape both = a.rank >= b.rank ? a : b;
    for (int i = 1; i <= a.rank && i <= b.rank; i++) {
        const int64_t da = a.dims[a.rank - i], db = b.dims[b.rank - i];
        both.dims[both.rank - i] = da == 1 ? db : da;
    }
    merge_batch(a, b, both, levels);
    g->num_inner = (int)levels[0].num;
    g->num_outer = (int)levels[1].num;
    g->a_inner = (int)levels[0].a * g->m * g->k;
    g->b_inner = (int)levels[0].b * g->k * g->n;
    g->a_outer = (int)levels[1].a * g->m * g->k;
    g->b_outer = (int)levels[1].b * g->k * g->n;
}

static void set_bias(kerf__gemm *g, kerf_shape bias)
{
    const int64_t columns = bias.rank > 0 ? bias.dims[bias.rank - 1] : 1;
    const int64_t rows = bias.rank > 1 ? bias.dims[0] : 1;
    g->bias_col = columns > 1 ? 1 : 0;
    g->bias_row = rows > 1 ? (int)columns : 0;
}

kerf__gemm kerf__gemm_of(const kerf_node *n)
{
    const kerf_shape a = as_matrix(n, 0), b = as_matrix(n, 1);
    const int ta = transposed(n, 0), tb = transposed(n, 1);
    kerf__gemm g = {.m = (int)a.dims[a.rank - 2],
                    .n = (int)b.dims[b.rank - 1],
                    .k = (int)a.dims[a.rank - 1],
                    .alpha = kerf_node_float(n, "alpha", 1.0f),
                    .beta = kerf_node_float(n, "beta", 1.0f),
                    .has_bias = n->num_inputs > 2 && n->inputs[2] != NULL,
                    .relu = strcmp(kerf_node_string(n, "activation", ""), "relu") == 0};
    g.a_row = ta ? 1 : g.k;
    g.a_col = ta ? g.m : 1;
    g.b_row = tb ? 1 : g.n;
    g.b_col = tb ? g.k : 1;
    set_batch(&g, batch_of(a), batch_of(b));
    if (g.has_bias)
        set_bias(&g, n->inputs[2]->shape);
    return g;
}

kerf__buffer *kerf__gemm_bias(const kerf__op_case *c, const kerf__gemm *g)
{
    return g->has_bias ? kerf__in(c, 2) : kerf__out(c, 0);
}

static double macs(const kerf_node *n)
{
    const kerf__gemm g = kerf__gemm_of(n);
    return (double)g.num_outer * g.num_inner * (double)g.m * g.n * g.k;
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* A product of two matrices among the gradients of n. */
typedef struct matmul {
    const char *op, *suffix;
    kerf_value *a, *b;
    int trans_a, trans_b;
} matmul;

static kerf_status multiply(kerf__gradients *grads, const kerf_node *n, matmul p, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(
        kerf__gradient_add_node(grads, p.op, n, p.suffix, (kerf_value *[]){p.a, p.b}, 2, &node));
    if (p.trans_a)
        KERF__TRY(kerf_node_set_int(node, "transA", 1));
    if (p.trans_b)
        KERF__TRY(kerf_node_set_int(node, "transB", 1));
    if (is_gemm(n))
        KERF__TRY(kerf_node_set_float(node, "alpha", kerf_node_float(n, "alpha", 1.0f)));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

/* With y = op(a) op(b):  da = dy op(b)^T and db = op(a)^T dy, each transposed as a whole where
 * the operand itself is. */
static kerf_status multiply_back(kerf__gradients *grads, const kerf_node *n, const char *op,
                                 kerf_value *const *ab, kerf_value *diff, int which,
                                 kerf_value **out)
{
    const int ta = transposed(n, 0), tb = transposed(n, 1);
    kerf_value *a = ab[0], *b = ab[1];
    if (which == 0)
        return multiply(grads, n,
                        ta ? (matmul){op, "grad.a", b, diff, tb, 1}
                           : (matmul){op, "grad.a", diff, b, 0, !tb},
                        out);
    return multiply(
        grads, n,
        tb ? (matmul){op, "grad.b", diff, a, 1, ta} : (matmul){op, "grad.b", a, diff, !ta, 0}, out);
}

static kerf_status gradient_bias(kerf__gradients *grads, const kerf_node *n, kerf_value *diff)
{
    const float beta = kerf_node_float(n, "beta", 1.0f);
    if (n->num_inputs < 3 || !kerf__gradient_wanted(grads, n->inputs[2]))
        return KERF_OK;
    if (beta != 1.0f) {
        kerf_node *scaled;
        KERF__TRY(kerf__gradient_node(grads, "kerf.Scale", n, "grad.c", &diff, 1, &scaled));
        KERF__TRY(kerf_node_set_float(scaled, "scale", beta));
        diff = scaled->outputs[0];
    }
    return kerf__gradient_add_broadcast(grads, n->inputs[2], diff);
}

static kerf_status gradient_gemm(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *product;
    for (int i = 0; i < 2 && diff != NULL; i++) {
        if (!kerf__gradient_wanted(grads, n->inputs[i]))
            continue;
        KERF__TRY(multiply_back(grads, n, "Gemm", n->inputs, diff, i, &product));
        KERF__TRY(kerf__gradient_add(grads, n->inputs[i], product));
    }
    return diff != NULL ? gradient_bias(grads, n, diff) : KERF_OK;
}

/* MatMul's operands as matrices, and what arrived as one too. */
static kerf_status gradient_matmul(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]), *ab[2], *product;
    if (diff == NULL)
        return KERF_OK;
    kerf_shape dst = n->outputs[0]->shape;
    if (n->inputs[1]->shape.rank == 1)
        dst.dims[dst.rank++] = 1;
    if (n->inputs[0]->shape.rank == 1) {
        const int64_t last = dst.dims[dst.rank - 1];
        dst.dims[dst.rank - 1] = 1;
        dst.dims[dst.rank++] = last;
    }
    KERF__TRY(kerf__gradient_reshape(grads, n, diff, dst, &diff));
    for (int i = 0; i < 2; i++) {
        const int vector = n->inputs[i]->shape.rank == 1;
        KERF__TRY(kerf__gradient_reshape(grads, n, n->inputs[i],
                                         vector ? as_matrix(n, i) : n->inputs[i]->shape, &ab[i]));
    }
    for (int i = 0; i < 2; i++) {
        kerf_value *v = n->inputs[i];
        if (!kerf__gradient_wanted(grads, v))
            continue;
        KERF__TRY(multiply_back(grads, n, "kerf.MatMul", ab, diff, i, &product));
        if (v->shape.rank == 1) { /* sums over the batch first, then drops the 1 */
            kerf_node *sum;
            int64_t axes[KERF_MAX_RANK];
            const int extra = product->shape.rank - 2;
            for (int j = 0; j < extra; j++)
                axes[j] = j;
            if (extra > 0) {
                KERF__TRY(
                    kerf__gradient_add_node(grads, "ReduceSum", n, "grad", &product, 1, &sum));
                KERF__TRY(kerf_node_set_ints(sum, "axes", axes, (size_t)extra));
                KERF__TRY(kerf__node_infer(sum));
                product = sum->outputs[0];
            }
            KERF__TRY(kerf__gradient_reshape(grads, n, product, v->shape, &product));
        }
        KERF__TRY(kerf__gradient_add_broadcast(grads, v, product));
    }
    return KERF_OK;
}

/* ---- plain and dot ----------------------------------------------------------------------- */

/* A sum that goes on from what the last launch left is one of floats. */
static int fits_plain(const kerf__op_case *c)
{
    return !kerf__stores_halves(c->node) || kerf__gemm_of(c->node).k <= KERF__MOST_ITERATIONS;
}

/* A fused multiply-add a cycle and core, as in gemm_wide.c; this one reaches little of it. */
static double guess_plain(const kerf__op_case *c)
{
    return 64.0 + 2.0 * macs(c->node);
}

enum { NUM_ARGS = 23, MOST_ARGS = NUM_ARGS + 2 };

/* What both kernels take, into args; returns the number of work-items. */
static size_t tileless_args(const kerf__op_case *c, const kerf__gemm *g, int outputs_an_item,
                            kerf__arg *args)
{
    const size_t blocks = kerf__ceil_div((size_t)g->n, (size_t)outputs_an_item);
    const size_t num = (size_t)g->num_outer * (size_t)g->num_inner * (size_t)g->m * blocks;
    const kerf__arg all[NUM_ARGS] = {ARG(kerf__in(c, 0)),
                                     ARG(kerf__in(c, 1)),
                                     ARG(kerf__gemm_bias(c, g)),
                                     ARG(kerf__out(c, 0)),
                                     ARG(g->alpha),
                                     ARG(g->beta),
                                     ARG(g->m),
                                     ARG(g->n),
                                     ARG(g->k),
                                     ARG(g->a_row),
                                     ARG(g->a_col),
                                     ARG(g->b_row),
                                     ARG(g->b_col),
                                     ARG(g->num_inner),
                                     ARG(g->a_outer),
                                     ARG(g->a_inner),
                                     ARG(g->b_outer),
                                     ARG(g->b_inner),
                                     ARG(g->has_bias),
                                     ARG(g->bias_row),
                                     ARG(g->bias_col),
                                     ARG(g->relu),
                                     ARG((unsigned)num)};
    memcpy(args, all, sizeof all);
    return num;
}

/* No launch adds more than llvmpipe lets a loop turn. */
static kerf_status build_plain(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    kerf__arg args[MOST_ARGS];
    const size_t num = tileless_args(c, &g, 1, args);
    int first = 0, last;
    do {
        last = g.k - first > KERF__MOST_ITERATIONS ? first + KERF__MOST_ITERATIONS : g.k;
        args[NUM_ARGS] = kerf__arg_int(first);
        args[NUM_ARGS + 1] = kerf__arg_int(last);
        KERF__TRY(kerf__emit(c, &kerf__source_gemm, "gemm_plain", "", args, MOST_ARGS,
                             kerf__grid_items(num)));
        first = last;
    } while (last < g.k);
    return KERF_OK;
}

enum { DOT_OUTPUTS = 4 }; /* OUTPUTS in gemm.cl */

static int fits_dot(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    return (g.a_col == 1 || g.k == 1) && (g.b_row == 1 || g.k == 1) && kerf__loop_fits(c, g.k / 16);
}

/* Bound by reading b: a vector in two cycles. */
static double guess_dot(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    const double vectors = (double)g.k / kerf_device_get_info(c->dev)->features.vector_floats;
    return 20.0 + (double)g.num_outer * g.num_inner * g.m * g.n * (2 * vectors + 12);
}

static kerf_status build_dot(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    kerf__arg args[MOST_ARGS];
    const size_t num = tileless_args(c, &g, DOT_OUTPUTS, args);
    return kerf__emit(c, &kerf__source_gemm, "gemm_dot", "", args, NUM_ARGS,
                      kerf__grid_wide(num, 1, 1));
}

/* ---- CLBlast ----------------------------------------------------------------------------- */

static int fits_clblast(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    return kerf__clblast_available() && g.num_outer == 1 && g.num_inner == 1 && !g.has_bias &&
           !g.relu && g.m > 0 && g.n > 0 && g.k > 0;
}

/* As shipped it reaches a small part of any device's peak: only a measurement may choose it. */
static double guess_clblast(const kerf__op_case *c)
{
    return 1e3 * guess_plain(c);
}

static kerf_status build_clblast(const kerf__op_case *c)
{
    const kerf__gemm g = kerf__gemm_of(c->node);
    kerf__launch *launch;
    const kerf__clblast_sgemm sgemm = {.a = kerf__in(c, 0),
                                       .b = kerf__in(c, 1),
                                       .dst = kerf__out(c, 0),
                                       .trans_a = transposed(c->node, 0),
                                       .trans_b = transposed(c->node, 1),
                                       .m = (size_t)g.m,
                                       .n = (size_t)g.n,
                                       .k = (size_t)g.k,
                                       .alpha = g.alpha,
                                       .beta = 0};
    KERF__TRY(kerf__clblast_create_sgemm(&launch, c->dev, &sgemm));
    return kerf__emit_launch(c, launch);
}

/* ---- the table ---------------------------------------------------------------------------- */

static const kerf__variant VARIANTS[] = {
    {.name = "gemm_plain",
     .halves = 1,
     .fits = fits_plain,
     .guess = guess_plain,
     .build = build_plain},
    {.name = "gemm_dot",
     .wide = 1,
     .halves = 1,
     .fits = fits_dot,
     .guess = guess_dot,
     .build = build_dot},
    {.name = "gemm_wide",
     .wide = 1,
     .halves = 1,
     .fits = kerf__gemm_wide_fits,
     .guess = kerf__gemm_wide_guess,
     .scratch_bytes = kerf__gemm_wide_scratch,
     .build = kerf__gemm_wide_build,
     .candidates = kerf__gemm_wide_candidates,
     .num_candidates = KERF__GEMM_NUM_WIDE},
    {.name = "gemm_simt",
     .halves = 1,
     .fits = kerf__gemm_simt_fits,
     .guess = kerf__gemm_simt_guess,
     .build = kerf__gemm_simt_build,
     .candidates = kerf__gemm_simt_candidates,
     .num_candidates = KERF__GEMM_NUM_SIMT},
    {.name = "gemm_clblast",
     .fits = fits_clblast,
     .guess = guess_clblast,
     .build = build_clblast,
     .foreign = 1},
};

#define ENTRY(name, inputs, shape_rule, gradient_rule)                                             \
    {                                                                                              \
        .op = name, .min_inputs = 2, .max_inputs = inputs, .num_outputs = 1, .infer = shape_rule,  \
        .gradient = gradient_rule, .macs = macs, .variants = VARIANTS,                             \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0], .halves = 3 /* a and b */            \
    }

/* kerf.MatMul is MatMul with transA and transB, which its gradients need. */
const kerf__op kerf__ops_gemm[] = {
    ENTRY("Gemm", 3, infer_gemm, gradient_gemm),
    ENTRY("MatMul", 2, infer_matmul, gradient_matmul),
    ENTRY("kerf.MatMul", 2, infer_matmul, gradient_matmul),
    {.op = NULL},
};
