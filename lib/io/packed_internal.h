/* io/packed_internal.h -- the frame of a packed file: what packed_write.c and packed_read.c agree
 * on, and docs/format.md describes. */
#ifndef KERF_IO_PACKED_INTERNAL_H
#define KERF_IO_PACKED_INTERNAL_H

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

/* Behind the header: bytes of the graph, as it is and as it lies here; how many tensors; bytes of each;
 * the graph (graph_coder.h); the tensors. */
typedef struct kerf__packed_parts {
    const unsigned char *const *at; /* of each tensor; borrowed */
    const size_t *num_bytes;
    size_t num;
    kerf_packed_tensor *told; /* each part as it was decoded; NULL: nobody asks; borrowed */
} kerf__packed_parts;

/* XXH64 of all behind the header, begun with what the version is more than the first: so a file of
 * one version is damaged as one of another. */
uint64_t kerf__packed_digest(const unsigned char *bytes, size_t num_bytes);
/* Writes version and checksum of a file that is complete but for them. */
void kerf__packed_seal(kerf__bytes *file, unsigned char version);
/* How many of a file's bytes stand before its sections. */
kerf_status kerf__packed_measure(size_t *num_plain, const void *bytes, size_t num_bytes);

#endif
