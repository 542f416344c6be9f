/* compress/prune/prune_taylor.c -- first order: by how much the loss would change without the
 * weight, |w g| by Taylor's series, averaged over the last steps.
 *
 * Molchanov et al. 2017, "Pruning convolutional neural networks for resource efficient inference".
 */
#include "compress/prune/prune_making.h"

const kerf__prune_way kerf__prune_taylor = {
    .by_rank = 1, .remembers = "taylor", .add_scores = kerf__making_remembered};
