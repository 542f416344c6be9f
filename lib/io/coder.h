/* io/coder.h -- the entropy coder of weights: small integers, most of which may be 0, as few bits.
 * Other half: coder.c.
 *
 * What comes back is what went in, bit by bit, on every machine: there are no floats in here.  A
 * decoder reads any bytes at all without harm, and tells those that are too few or too many;
 * whether they were altered is for a checksum around them to say. */
#ifndef KERF_IO_CODER_H
#define KERF_IO_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/base.h"

/* A matrix of codes from 0 to 2^bits - 1 (bits 1 to 8), a row after the other; `zero` is the code
 * of weights that are 0. */
typedef struct kerf__coding {
    size_t rows, columns;
    int bits;
    uint8_t zero;
} kerf__coding;

/* The caller frees *bytes. */
kerf_status kerf__coder_encode(unsigned char **bytes, size_t *num_bytes, const kerf__coding *how,
                               const uint8_t *codes);
/* codes: room for rows * columns. */
kerf_status kerf__coder_decode(uint8_t *codes, const kerf__coding *how, const unsigned char *bytes,
                               size_t num_bytes);

#endif
