/* ops/sparse_qlinear_conv.h -- variants of a sparse convolution of bytes, for the tables in
 * sparse_qlinear_conv.c.  Other halves: sparse_qlinear_conv_wide.c, sparse_qlinear_conv_words.c. */
#ifndef KERF_OPS_SPARSE_QLINEAR_CONV_H
#define KERF_OPS_SPARSE_QLINEAR_CONV_H

#include "ops/qlinear_conv_common.h"

/* Inputs of kerf.SparseQLinearConv that QLinearConv does not have: in the place of its weights and
 * their zero points, and behind the last. */
enum { KERF__SPARSE_WORDS = 3, KERF__SPARSE_ROWS = 5, KERF__SPARSE_PLACES = 14 };

/* An offset is word * KERF__SPARSE_WORD_TAPS + tap. */
enum { KERF__SPARSE_WORD_TAPS = 256 };

/* Of the words of weights, so many are expected not to be 0: from 0 to 1. */
double kerf__sparse_words_density(const kerf_node *n);
/* Of one output channel. */
int64_t kerf__sparse_num_words(const kerf__conv *v);

/* sparse_qlinear_conv_words.c: kerf.SparseWords. */
kerf_status kerf__sparse_words_infer(kerf_node *n);
int kerf__sparse_words_fits(const kerf__op_case *c);
kerf_status kerf__sparse_words_build(const kerf__op_case *c);

/* sparse_qlinear_conv_wide.c: in blocks, for CPU devices. */
kerf__wish kerf__sparse_qlinear_conv_wish(const kerf_node *n, kerf__layouts *out);
#define KERF__SPARSE_QLINEAR_FORM(name, form)                                                      \
    int kerf__sparse_qlinear_##name##_fits(const kerf__op_case *c);                                \
    double kerf__sparse_qlinear_##name##_guess(const kerf__op_case *c);                            \
    kerf_status kerf__sparse_qlinear_##name##_build(const kerf__op_case *c);
KERF__QLINEAR_CONV_FORM_LIST(KERF__SPARSE_QLINEAR_FORM)
#undef KERF__SPARSE_QLINEAR_FORM
int kerf__sparse_qlinear_takes(const kerf__op_case *c, const kerf__candidate *candidate);
enum { KERF__SPARSE_QLINEAR_NUM_RUNS = 6 };
extern const kerf__candidate kerf__sparse_qlinear_runs[KERF__SPARSE_QLINEAR_NUM_RUNS];
/* 1 if the device's local memory holds what a tile of this convolution needs. */
int kerf__sparse_qlinear_has_room(const kerf_device *dev, const kerf__conv *v);

#endif
