/* compress/share/codebook.h -- few values for many numbers; other half: codebook.c. */
#ifndef KERF_SHARE_CODEBOOK_H
#define KERF_SHARE_CODEBOOK_H

#include "kerf/share.h"

/* What is found. */
typedef struct kerf__codebook {
    float *entries;         /* borrowed: room for 2^bits */
    unsigned char *indices; /* borrowed: which entry each number takes */
    int num_rounds;         /* until nothing moved */
} kerf__codebook;

/* Of `num` finite numbers: 2^bits entries, and for each number the one that it takes.  With
 * has_zero entry 0 is 0 and is what zeros take, and only they.  `stream` tells apart what is drawn
 * by chance. */
kerf_status kerf__codebook_find(const float *x, size_t num, const kerf_share_options *options,
                                int has_zero, uint64_t stream, kerf__codebook *out);

#endif
