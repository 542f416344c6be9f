/* compress/prune/prune_movement.c -- movement pruning: what moves towards 0 goes, whatever its
 * size.
 *
 * The score is the sum over all steps of -w g, with the gradient that passes straight through the
 * mask, so what is out keeps a score that moves.  Sanh et al. 2020, "Movement pruning: adaptive
 * sparsity by fine-tuning"; for networks that were trained before. */
#include "compress/prune/prune_making.h"

const kerf__prune_way kerf__prune_movement = {.by_rank = 1,
                                              .is_signed = 1,
                                              .is_soft = 1,
                                              .remembers = "movement",
                                              .add_scores = kerf__making_remembered};
