/* io/packed_internal.h -- the frame of a packed file: what packed_write.c and packed_read.c agree
 * on, and docs/format.md describes. */
#ifndef KERF_IO_PACKED_INTERNAL_H
#define KERF_IO_PACKED_INTERNAL_H

#include <stdio.h>

#include "io/bytes.h"
#include "kerf/packed.h"

/* "KERF", the version, 3 bytes of 0, then the checksum (little-endian).  A file with sections behind
 * the tensors has the second version. */
enum {
    KERF__PACKED_PLAIN_VERSION = 1,
    KERF__PACKED_VERSION = 2,
    KERF__PACKED_HEADER = 16,
    KERF__PACKED_DIGEST_AT = 8
};
/* Of the section with what is known of devices (bundle.h). */
#define KERF__PACKED_BUNDLE_TAG "BNDL"

/* Where a packed file lies: in memory, or in a file that is read piece by piece (packed_source.c).
 */
typedef struct kerf__packed_source {
    const unsigned char *bytes; /* borrowed; NULL: */
    FILE *stream;               /* the caller's, who closes it */
    size_t num_bytes;
} kerf__packed_source;
/* 0 if `path` is no packed file that can be read more than once; else s->stream is open. */
int kerf__packed_open(kerf__packed_source *s, const char *path);
/* num bytes from `at` on, which the source has; *owned is what they lie in, freed with free(). */
kerf_status kerf__packed_fetch(const kerf__packed_source *s, size_t at, size_t num, void **owned,
                               const unsigned char **bytes);
/* XXH64 of all behind the header, which the source has, begun with what the version is more than the
 * first: so a file of one version is damaged as one of another. */
kerf_status kerf__packed_digest(const kerf__packed_source *s, int version, uint64_t *digest);

enum { KERF__MOST_PARTS = 1 << 20 };

/* Behind the header: bytes of the graph, as it is and as it lies here; how many tensors; bytes of
 * each; the graph (graph_coder.h); the tensors. */
typedef struct kerf__packed_parts {
    const kerf__packed_source *source; /* borrowed, as all */
    const size_t *at;                  /* of each tensor, in the source */
    const size_t *num_bytes;
    size_t num;
    kerf_packed_tensor *told; /* each part as it was decoded; NULL: nobody asks */
} kerf__packed_parts;

/* Writes version and checksum of a file that is complete but for them. */
void kerf__packed_seal(unsigned char *file, size_t num_bytes, unsigned char version);
/* How many of a file's bytes stand before its sections. */
kerf_status kerf__packed_measure(size_t *num_plain, const void *bytes, size_t num_bytes);

#endif
