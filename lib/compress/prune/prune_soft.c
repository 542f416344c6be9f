/* compress/prune/prune_soft.c -- soft magnitude pruning: what is masked is trained on, by the
 * gradient that passes straight through the mask, and may come back at the next event.
 *
 * Lin et al. 2020, "Dynamic model pruning with feedback"; for filters He et al. 2018, "Soft filter
 * pruning". */
#include "compress/prune/prune_internal.h"

const kerf__prune_way kerf__prune_soft = {.by_rank = 1, .shows_threshold = 1, .is_soft = 1};
