/* digest.h -- a hash that tells contents apart (Fowler, Noll and Vo's 1a, 64 bits), added up from
 * DIGEST_EMPTY on; it withstands no attack. */
#ifndef HOST_DIGEST_H
#define HOST_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_EMPTY UINT64_C(14695981039346656037)

static inline uint64_t digest_add(uint64_t digest, const void *data, size_t num_bytes)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < num_bytes; i++)
        digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
    return digest;
}

#endif
