/* io/symbol_coder.h -- symbols in few bits, each by how often it is there: range asymmetric numeral
 * systems (Duda 2013) with a table of 12-bit frequencies in front.  docs/format.md defines each
 * step. */
#ifndef KERF_IO_SYMBOL_CODER_H
#define KERF_IO_SYMBOL_CODER_H

#include <stddef.h>

#include "io/bytes.h"

/* Appends a block of num symbols, each below num_kinds (at most 256); as they are where that is
 * shorter. */
kerf_status kerf__symbols_encode(kerf__bytes *out, const unsigned char *symbols, size_t num,
                                 size_t num_kinds);
/* Takes a block of num symbols off the front; KERF_ERR_FORMAT if it is none. */
kerf_status kerf__symbols_decode(unsigned char *symbols, size_t num, size_t num_kinds,
                                 kerf__reading *in);

#endif
