/* ops/sparse_qlinear_conv.c -- a convolution of bytes that skips words of four weights that are 0.
 *
 *     kerf.SparseWords(weights int8 (K, C, ...))
 *         -> rows (K + 1, 2) int32, offsets (capacity) int32, words (capacity, 4) int8
 *     kerf.SparseQLinearConv(x, x_scale, x_zero, words, w_scale, rows, y_scale, y_zero, bias?,
 *                            r?, r_scale?, r_zero?, sum_scale?, sum_zero?, offsets) -> y
 *
 * A word is the weights of four input channels that follow each other, at one tap, as a dot product
 * of bytes takes them; structure block=1x4 of `kerf prune` leaves whole ones.  Row k of the pattern
 * is output channel k; the kernels say what rows and offsets hold.  Everything else is
 * QLinearConv's, whose inputs stand where it has them: the result has its very bits.  Attributes:
 * those of QLinearConv, as fusing leaves it; weights_shape, what the weights are; and percent, how
 * many words are expected not to be 0, for guesses alone (15).  There is one group.
 *
 * Which tiles CPU devices take is in sparse_qlinear_conv_wide.c, the pattern in
 * sparse_qlinear_conv_words.c.  Device side: kernels/sparse_qlinear_conv.cl.  Definition:
 * tests/ref/ref_sparse_qlinear_conv.c. */
#include "ops/sparse_qlinear_conv.h"

#include <math.h>

#include "base/fail.h"
#include "ops/conv_gather.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_sparse_qlinear_conv;

double kerf__sparse_words_density(const kerf_node *n)
{
    return fmin(fmax((double)kerf_node_int(n, "percent", 15), 0), 100) / 100;
}

int64_t kerf__sparse_num_words(const kerf__conv *v)
{
    return (int64_t)kerf__ceil_div_int(v->src_channels, KERF__WORD) * v->h.kernel * v->w.kernel;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_pattern(const kerf_node *n)
{
    const kerf_shape words = n->inputs[KERF__SPARSE_WORDS]->shape;
    kerf__conv v;
    KERF__TRY(kerf__conv_read(n, &v));
    if (kerf_node_input(n, KERF__SPARSE_PLACES) == NULL)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d is left out, must be there",
                               KERF__SPARSE_PLACES);
    if (v.groups > 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "group is %d, supported is 1", v.groups);
    if ((int64_t)v.h.kernel * v.w.kernel > KERF__SPARSE_WORD_TAPS)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "filters of %d x %d taps, supported are up to %d", v.h.kernel,
                               v.w.kernel, KERF__SPARSE_WORD_TAPS);
    KERF__TRY(kerf__node_check_type(n, KERF__SPARSE_ROWS, KERF_S32));
    KERF__TRY(
        kerf__node_check_shape(n, KERF__SPARSE_ROWS, KERF_SHAPE((int64_t)v.dst_channels + 1, 2)));
    KERF__TRY(kerf__node_check_type(n, KERF__SPARSE_WORDS, KERF_S8));
    if (words.rank != 2 || words.dims[1] != KERF__WORD)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s must be a list of %d bytes each",
                               n->inputs[KERF__SPARSE_WORDS]->name, KERF__WORD);
    KERF__TRY(kerf__node_check_type(n, KERF__SPARSE_PLACES, KERF_S32));
    return kerf__node_check_shape(n, KERF__SPARSE_PLACES, KERF_SHAPE(words.dims[0]));
}

static kerf_status infer(kerf_node *n)
{
    KERF__TRY(check_pattern(n));
    return kerf__qlinear_conv_infer(n);
}

/* Those that are expected to be done. */
static double macs(const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    return kerf__conv_macs(&v) * kerf__sparse_words_density(n);
}

/* ---- one work-item an element --------------------------------------------------------------- */

static int fits(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    return kerf__conv_is_plain(c->node) && kerf__fits_31_bits(c) &&
           kerf__conv_loop_fits(c, kerf__sparse_num_words(&v));
}

/* Cycles of one core, as for SparseConv. */
static double guess(const kerf__op_case *c)
{
    enum { A_TERM = 3, AN_ELEMENT = 30 };
    return AN_ELEMENT * (double)kerf__value_elements(c->node->outputs[0]) + A_TERM * macs(c->node);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf__conv v = kerf__conv_of(c->node);
    const int num_elements = (int)kerf__value_elements(c->node->outputs[0]);
    kerf__arg args[KERF__MOST_CONV_ARGS];
    int num = kerf__conv_bytes_args(c, &v, args);
    args[num++] = ARG(kerf__in(c, KERF__SPARSE_ROWS));
    args[num++] = ARG(kerf__in(c, KERF__SPARSE_PLACES));
    args[num++] = ARG(num_elements);
    return kerf__emit(c, &kerf__source_sparse_qlinear_conv, "sparse_qlinear_conv",
                      kerf__conv_bytes_options(c->node), args, num,
                      kerf__grid_items((size_t)num_elements));
}

/* ---- trials --------------------------------------------------------------------------------- */

/* As many entries to every row as are expected, one somewhere in each equal part. */
static void fill_trial(const kerf_node *n, int input, void *bytes)
{
    const kerf__conv v = kerf__conv_of(n);
    const int64_t length = kerf__sparse_num_words(&v), taps = v.h.kernel * v.w.kernel;
    const int64_t room = n->inputs[KERF__SPARSE_WORDS]->shape.dims[0] / v.dst_channels;
    const int64_t wanted = (int64_t)ceil(kerf__sparse_words_density(n) * (double)length);
    const int64_t num = wanted < room ? wanted : room;
    int32_t *out = bytes;
    for (int64_t k = 0; input == KERF__SPARSE_ROWS && k <= v.dst_channels; k++) {
        out[2 * k] = (int32_t)(k * num);
        out[2 * k + 1] = 0;
    }
    for (int64_t i = 0; input == KERF__SPARSE_PLACES && i < v.dst_channels * num; i++) {
        const int64_t begin = i % num * length / num, end = (i % num + 1) * length / num;
        const int64_t at = begin + (int64_t)((uint32_t)i * 2654435761u >> 8) % (end - begin);
        out[i] = (int32_t)(at / taps * KERF__SPARSE_WORD_TAPS + at % taps);
    }
}

/* ---- the tables ----------------------------------------------------------------------------- */

#define WIDE(form, dot)                                                                            \
    {.name = "sparse_qlinear_conv_" #form,                                                         \
     .wide = 1,                                                                                    \
     .fits = kerf__sparse_qlinear_##form##_fits,                                                   \
     .guess = kerf__sparse_qlinear_##form##_guess,                                                 \
     .build = kerf__sparse_qlinear_##form##_build,                                                 \
     .candidates = kerf__sparse_qlinear_runs,                                                      \
     .num_candidates = KERF__SPARSE_QLINEAR_NUM_RUNS,                                              \
     .takes = kerf__sparse_qlinear_takes},

static const kerf__variant VARIANTS[] = {
    KERF__QLINEAR_CONV_FORM_LIST(WIDE) /* the fastest first */
    {.name = "sparse_qlinear_conv", .fits = fits, .guess = guess, .build = build},
};

static const kerf__variant WORDS_VARIANTS[] = {
    {.name = "sparse_words", .fits = kerf__sparse_words_fits, .build = kerf__sparse_words_build},
};

extern const kerf__op kerf__ops_sparse_qlinear_conv[];
const kerf__op kerf__ops_sparse_qlinear_conv[] = {
    {.op = "kerf.SparseQLinearConv",
     .min_inputs = 8,
     .max_inputs = 15,
     .num_outputs = 1,
     .infer = infer,
     .macs = macs,
     .fill_trial = fill_trial,
     .layouts = kerf__sparse_qlinear_conv_wish,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = "kerf.SparseWords",
     .min_inputs = 1,
     .max_inputs = 1,
     .num_outputs = 3,
     .infer = kerf__sparse_words_infer,
     .variants = WORDS_VARIANTS,
     .num_variants = 1},
    {.op = NULL},
};
