/* plan/use_zeros_bytes.c -- convolutions of bytes whose weights are mostly words of zeros become
 * sparse ones.
 *
 *     QLinearConv(x, ..., weights, ...)  ->  kerf.SparseWords(weights) -> rows, offsets, words
 *                                            kerf.SparseQLinearConv(x, ..., words, rows, ...)
 *
 * A word is four input channels at one tap, what a dot product of bytes takes: zeros count where
 * all four of them are 0, as `kerf prune --structure block=1x4` leaves them.  Weights have a sign
 * and no zero point (`--symmetric`), so that a zero is a byte of 0.  The pattern is prepared, as
 * that of floats (use_zeros.c), and has room for all words.
 *
 * Dense and sparse ones lie in the same blocks of 16 channels, so a layer is judged alone. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/sparse_qlinear_conv.h"
#include "plan/sparse_layer.h"
#include "plan/zeros_known.h"

/* Where nothing was measured on this device: of the words, so many may be left that a layer is
 * faster without the others, measured on two cores of Zen 5 under PoCL (`bench_sparse_qlinear_conv`
 * beside `bench_qlinear_conv`).  With a stride the copy of x weighs more, most where there is one
 * tap to it. */
#define MOST_LEFT             0.2
#define MOST_LEFT_STRIDED     0.17
#define MOST_LEFT_STRIDED_1X1 0.1

/* ---- how many zeros ------------------------------------------------------------------------- */

/* Words of K filters of C channels and so many taps. */
static double density_of(const signed char *weights, kerf_shape s)
{
    const int64_t taps = s.dims[2] * (s.rank > 3 ? s.dims[3] : 1), channels = s.dims[1];
    int64_t count = 0, total = 0;
    for (int64_t k = 0; k < s.dims[0]; k++, weights += channels * taps)
        for (int64_t c = 0; c < channels; c += KERF__WORD)
            for (int64_t tap = 0; tap < taps; tap++, total++) {
                int is_there = 0;
                for (int64_t i = c; i < channels && i < c + KERF__WORD; i++)
                    is_there |= weights[i * taps + tap] != 0;
                count += is_there;
            }
    return (double)count / (double)total;
}

static kerf_status read_state(const kerf_plan *p, const kerf_value *v, double *out)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    signed char *bytes = kerf__alloc(num, 1);
    if (bytes == NULL)
        return kerf__fail_memory("plan", num);
    const kerf_status status = kerf_state_read(p->state, v->state_id, bytes);
    if (status == KERF_OK)
        *out = density_of(bytes, v->shape);
    free(bytes);
    return status;
}

/* Of results and inputs nothing is known: 1. */
static kerf_status read_density(const kerf_plan *p, const kerf_value *v, double *out)
{
    *out = 1;
    if (v->kind == KERF__VALUE_CONSTANT)
        *out = density_of(v->constant->data, v->shape);
    else if (v->kind == KERF__VALUE_STATE)
        return read_state(p, v, out);
    return KERF_OK;
}

/* ---- which -------------------------------------------------------------------------------- */

/* Not of few weights, which are no work, nor of what the sparse kernels do not take. */
static int may_be_sparse(const kerf__planning *p, const kerf_node *n)
{
    enum { LEAST_WEIGHTS = 1000 };
    if (!kerf__node_is(n, "QLinearConv") || n->num_outputs != 1)
        return 0;
    const kerf__conv v = kerf__conv_of(n);
    const kerf__conv_bytes b = kerf__conv_bytes_of(n);
    const kerf_value *w = n->inputs[b.w];
    return w->type == KERF_S8 && kerf_shape_num_elements(w->shape) >= LEAST_WEIGHTS &&
           kerf__has_no_zero(n, b.w, b.w_zero) && v.groups == 1 && v.n > 0 &&
           (int64_t)v.h.kernel * v.w.kernel <= KERF__SPARSE_WORD_TAPS &&
           (!kerf__plan_lays(p->plan->dev) || kerf__sparse_qlinear_has_room(p->plan->dev, &v));
}

/* Where nothing was measured; -1: never.  Of few channels, a picture's, dense kernels have a way of
 * their own; on GPUs none was timed. */
static double guess(const kerf__planning *p, const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    const int is_strided = v.h.stride > 1 || v.w.stride > 1;
    const int is_1x1 = v.h.kernel == 1 && v.w.kernel == 1;
    const double most = !is_strided ? MOST_LEFT
                        : is_1x1    ? MOST_LEFT_STRIDED_1X1
                                    : MOST_LEFT_STRIDED;
    return kerf__plan_lays(p->plan->dev) && v.src_channels >= KERF__LANES &&
                   v.dst_channels >= KERF__LANES
               ? most
               : -1;
}

/* The rule, in one place; n is marked for those who measure (zeros_known.h). */
static kerf_status decide(const kerf__planning *p, kerf_node *n, double density, int *is_sparse)
{
    const double worth_asking = 0.55;
    kerf__zeros_known known;
    *is_sparse = density < (p->options->zeros == KERF_ZEROS_SPARSE ? 1 : worth_asking);
    if (!*is_sparse)
        return KERF_OK;
    KERF__TRY(kerf__zeros_mark(p, n, n, density));
    if (p->options->zeros == KERF_ZEROS_SPARSE)
        return KERF_OK;
    KERF__TRY(kerf__zeros_ask(p, &n, 1, &known));
    *is_sparse = density <= kerf__zeros_most_density(&known, 0, guess(p, n));
    return KERF_OK;
}

/* ---- rewriting ------------------------------------------------------------------------------ */

static kerf_status make_sparse(kerf_node *n, double density)
{
    enum { NUM_INPUTS = KERF__SPARSE_PLACES + 1 };
    kerf_value *weights = n->inputs[KERF__SPARSE_WORDS], *inputs[NUM_INPUTS] = {NULL};
    kerf_node *pattern, *sparse;
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseWords", &weights, 1, 3, &pattern));
    KERF__TRY(kerf__node_infer(pattern));
    for (int i = 0; i < n->num_inputs; i++)
        inputs[i] = n->inputs[i];
    inputs[KERF__SPARSE_ROWS] = pattern->outputs[0];
    inputs[KERF__SPARSE_PLACES] = pattern->outputs[1];
    inputs[KERF__SPARSE_WORDS] = pattern->outputs[2];
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseQLinearConv", inputs, NUM_INPUTS, 1, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    KERF__TRY(kerf_node_set_ints(sparse, "weights_shape", weights->shape.dims,
                                 (size_t)weights->shape.rank));
    KERF__TRY(kerf_node_set_int(sparse, "percent", (int64_t)(density * 100 + 0.5)));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
    kerf__graph_replace_uses(n->graph, n->outputs[0], sparse->outputs[0]);
    return KERF_OK;
}

kerf_status kerf__plan_use_zero_words(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const size_t num = g->num_nodes;
    int changes = 0;
    if (p->options->zeros == KERF_ZEROS_DENSE || p->plan->mode != KERF_EVALUATE)
        return KERF_OK;
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = g->nodes[i];
        double density = 1;
        int is_sparse;
        if (may_be_sparse(p, n))
            KERF__TRY(read_density(p->plan, n->inputs[KERF__SPARSE_WORDS], &density));
        KERF__TRY(decide(p, n, density, &is_sparse));
        if (is_sparse)
            KERF__TRY(make_sparse(n, density));
        changes |= is_sparse;
    }
    if (!changes)
        return KERF_OK;
    KERF__TRY(kerf__graph_sort(g));
    kerf__graph_remove_dead(g);
    return KERF_OK;
}
