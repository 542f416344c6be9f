/* compress/prune/prune_snip.c -- before training: |w g| of fresh weights, averaged over the batches
 * before the first event, in which nothing is learned (the learning rate is 0).
 *
 * Lee et al. 2019, "SNIP: single-shot network pruning based on connection sensitivity". */
#include "compress/prune/prune_making.h"

const kerf__prune_way kerf__prune_snip = {
    .by_rank = 1, .rests = 1, .remembers = "taylor", .add_scores = kerf__making_remembered};
