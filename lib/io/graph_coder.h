/* io/graph_coder.h -- the bytes of a model without its weights, in few: names that follow each
 * other by rule, and a grammar that every model shares.  docs/format.md defines each step.
 *
 * Half of what zlib takes, without a library that a phone may lack (docs/decisions/0004). */
#ifndef KERF_IO_GRAPH_CODER_H
#define KERF_IO_GRAPH_CODER_H

#include <stddef.h>

#include "io/bytes.h"

/* A graph is at most so many times as long as it lies in the file: a few bytes do not stand for
 * much. */
enum { KERF__MOST_OF_GRAPH = 256 };

/* Appends num bytes; as they are where that is shorter. */
kerf_status kerf__graph_encode(kerf__bytes *out, const unsigned char *graph, size_t num);
/* All bytes of `in` are taken; KERF_ERR_FORMAT if they are no graph of num bytes. */
kerf_status kerf__graph_decode(unsigned char *graph, size_t num, kerf__reading in);

#endif
