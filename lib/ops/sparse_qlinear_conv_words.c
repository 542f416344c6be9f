/* ops/sparse_qlinear_conv_words.c -- kerf.SparseWords: where weights of bytes have words of four
 * input channels that are not 0, and these words.
 *
 * There is room for all words, so a pattern stays right whatever the weights become; what no word
 * takes is 0.  A row is a work-item's.  Device side: kernels/sparse_qlinear_conv_words.cl; who
 * reads it: sparse_qlinear_conv.c. */
#include <limits.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"
#include "ops/sparse_qlinear_conv.h"

extern const kerf__source kerf__source_sparse_qlinear_conv_words;

/* Weights as the kernels see them. */
typedef struct filter {
    int rows, channels, taps;
    int64_t words; /* of a row */
} filter;

static filter filter_of(const kerf_node *n)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int64_t taps = s.dims[2] * (s.rank > 3 ? s.dims[3] : 1);
    const int64_t words = (s.dims[1] + KERF__WORD - 1) / KERF__WORD;
    return (filter){(int)s.dims[0], (int)s.dims[1], (int)taps, words * taps};
}

kerf_status kerf__sparse_words_infer(kerf_node *n)
{
    const kerf_value *w = n->inputs[0];
    char text[128];
    KERF__TRY(kerf__node_check_type(n, 0, KERF_S8));
    if (w->shape.rank < 3 || w->shape.rank > 4 || kerf__value_elements(w) < 1 ||
        kerf__value_elements(w) > INT_MAX / 4)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input %s is %s, must have 3 or 4 dimensions, and 1 to 2^29 - 1 "
                               "elements",
                               w->name, kerf_shape_text(w->shape, text, sizeof text));
    const filter f = filter_of(n);
    if (n->num_outputs != 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %d outputs, must have 3", n->num_outputs);
    kerf__set_output(n, 0, KERF_S32, KERF_SHAPE((int64_t)f.rows + 1, 2));
    kerf__set_output(n, 1, KERF_S32, KERF_SHAPE(f.rows * f.words));
    kerf__set_output(n, 2, KERF_S8, KERF_SHAPE(f.rows * f.words, KERF__WORD));
    return KERF_OK;
}

int kerf__sparse_words_fits(const kerf__op_case *c)
{
    const filter f = filter_of(c->node);
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, (int)f.words) && kerf__loop_fits(c, f.rows);
}

kerf_status kerf__sparse_words_build(const kerf__op_case *c)
{
    const kerf__source *source = &kerf__source_sparse_qlinear_conv_words;
    const filter f = filter_of(c->node);
    const int capacity = (int)(f.rows * f.words);
    const kerf__grid grid = kerf__grid_items((size_t)f.rows);
    kerf__buffer *weights = kerf__in(c, 0), *rows = kerf__out(c, 0);
    KERF__TRY(kerf__emit(
        c, source, "sparse_words_count", "",
        KERF__ARGS(ARG(weights), ARG(rows), ARG(f.rows), ARG(f.channels), ARG(f.taps)), grid));
    KERF__TRY(kerf__emit(c, source, "sparse_words_scan", "", KERF__ARGS(ARG(rows), ARG(f.rows)),
                         kerf__grid_items(1)));
    return kerf__emit(c, source, "sparse_words_fill", "",
                      KERF__ARGS(ARG(weights), ARG(rows), ARG(kerf__out(c, 1)),
                                 ARG(kerf__out(c, 2)), ARG(f.rows), ARG(f.channels), ARG(f.taps),
                                 ARG(capacity)),
                      grid);
}
