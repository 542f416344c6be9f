/* io/flag_coder.h -- which elements of a matrix are not 0, in few bits: a binary arithmetic coder
 * whose probabilities are mixed from several guesses by their logarithms of odds (after Mahoney
 * 2005, "Adaptive weighing of context models for lossless data compression").
 *
 * Guesses: how often this column, the last elements of this row, the neighbours above and to the
 * left, and row and column together were not 0.  All of it is integer arithmetic, so every machine
 * decodes the same flags.  docs/format.md defines each step. */
#ifndef KERF_IO_FLAG_CODER_H
#define KERF_IO_FLAG_CODER_H

#include <stddef.h>

#include "kerf/base.h"

/* flags: rows * columns bytes of 0 and 1.  *bytes is freed with free(). */
kerf_status kerf__flags_encode(void **bytes, size_t *num_bytes, const unsigned char *flags,
                               size_t rows, size_t columns);
/* Writes rows * columns bytes, and how many are 1.  KERF_ERR_FORMAT if these bytes cannot hold so
 * many flags. */
kerf_status kerf__flags_decode(unsigned char *flags, size_t *num_ones, size_t rows, size_t columns,
                               const void *bytes, size_t num_bytes);

#endif
