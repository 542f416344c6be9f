/* io/bytes.h -- bytes that grow, and bytes that are read and end: what packed files are made of.
 * Numbers are written in groups of seven bits, the lowest first, the eighth bit says that more
 * follow (as protobuf's varint).  Other half: bytes.c. */
#ifndef KERF_IO_BYTES_H
#define KERF_IO_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/base.h"

typedef struct kerf__bytes {
    unsigned char *at; /* owned */
    size_t num, capacity;
} kerf__bytes;
kerf_status kerf__bytes_add(kerf__bytes *b, const void *bytes, size_t num);
kerf_status kerf__bytes_add_number(kerf__bytes *b, uint64_t x);
void kerf__bytes_free(kerf__bytes *b);

typedef struct kerf__reading {
    const unsigned char *at; /* borrowed */
    size_t left;
} kerf__reading;
/* *bytes points to the next num bytes. */
kerf_status kerf__reading_take(kerf__reading *r, size_t num, const unsigned char **bytes);
/* A number that is at most `most`. */
kerf_status kerf__reading_number(kerf__reading *r, uint64_t most, uint64_t *x);

#endif
