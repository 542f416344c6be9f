/* ref_sparse_qlinear_conv.c -- SparseWords by walking all words; SparseQLinearConv is QLinearConv
 * of the weights that a pattern tells, all others 0. */
#include <stdlib.h>
#include <string.h>

#include "ref/ref.h"

enum { WORD = 4, TAPS = 256 };

/* ---- the pattern ----------------------------------------------------------------------------- */

typedef struct filter {
    int64_t rows, channels, taps;
} filter;

static filter filter_of(kerf_shape s)
{
    return (filter){s.dims[0], s.dims[1], s.dims[2] * (s.rank > 3 ? s.dims[3] : 1)};
}

/* The word's weights; returns their sum, and whether any is not 0. */
static double read_word(const filter *f, const double *row, int64_t c, int64_t tap, double *word,
                        int *is_there)
{
    double sum = 0;
    *is_there = 0;
    for (int64_t i = 0; i < WORD; i++) {
        word[i] = c * WORD + i < f->channels ? row[(c * WORD + i) * f->taps + tap] : 0;
        sum += word[i];
        *is_there |= word[i] != 0;
    }
    return sum;
}

static void find_words(const kerf_node *n, const double *weights, double *const *outputs)
{
    const filter f = filter_of(n->inputs[0]->shape);
    double *rows = outputs[0], *offsets = outputs[1], *words = outputs[2];
    int64_t num = 0;
    for (int64_t k = 0; k < f.rows; k++) {
        rows[2 * k] = (double)num;
        for (int64_t i = 0; i < (f.channels + WORD - 1) / WORD * f.taps; i++) {
            double word[WORD];
            int is_there;
            rows[2 * k + 1] += read_word(&f, weights + k * f.channels * f.taps, i / f.taps,
                                         i % f.taps, word, &is_there);
            if (!is_there)
                continue;
            memcpy(words + num * WORD, word, sizeof word);
            offsets[num++] = (double)(i / f.taps * TAPS + i % f.taps);
        }
    }
    rows[2 * f.rows] = (double)num;
}

/* ---- the convolution ------------------------------------------------------------------------- */

enum { WORDS = 3, ROWS = 5, OFFSETS = 14 };

static kerf_shape told_shape(const kerf_node *n)
{
    size_t rank;
    const int64_t *dims = kerf_node_ints(n, "weights_shape", &rank);
    kerf_shape s = {.rank = (int)rank};
    memcpy(s.dims, dims, rank * sizeof *dims);
    return s;
}

static double *expand(kerf_shape shape, const double *const *inputs)
{
    const filter f = filter_of(shape);
    double *out = calloc((size_t)(f.rows * f.channels * f.taps), sizeof *out);
    for (int64_t k = 0; k < f.rows; k++)
        for (int64_t i = (int64_t)inputs[ROWS][2 * k]; i < (int64_t)inputs[ROWS][2 * k + 2]; i++) {
            const int64_t at = (int64_t)inputs[OFFSETS][i];
            for (int64_t j = 0; j < WORD && at / TAPS * WORD + j < f.channels; j++)
                out[(k * f.channels + at / TAPS * WORD + j) * f.taps + at % TAPS] =
                    inputs[WORDS][i * WORD + j];
        }
    return out;
}

static void convolve(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    kerf_value weights = {.type = KERF_S8, .shape = told_shape(n)};
    kerf_value *operands[OFFSETS];
    const double *numbers[OFFSETS];
    double *expanded = expand(weights.shape, inputs);
    char op[] = "QLinearConv";
    kerf_node dense = *n;
    memcpy(operands, n->inputs, sizeof operands);
    memcpy(numbers, inputs, sizeof numbers);
    operands[WORDS] = &weights;
    numbers[WORDS] = expanded;
    operands[ROWS] = NULL;
    dense.op = op;
    dense.inputs = operands;
    dense.num_inputs = OFFSETS;
    ref_qlinear_conv(&dense, numbers, outputs);
    free(expanded);
}

REF(sparse_qlinear_conv)
{
    if (strcmp(n->op, "kerf.SparseWords") == 0)
        find_words(n, inputs[0], outputs);
    else
        convolve(n, inputs, outputs);
}
