/* data/deal.h -- batches that ranks share: dealt out in turn, the last, smaller one, too.
 * Other half: loader.c. */
#ifndef KERF_DATA_DEAL_H
#define KERF_DATA_DEAL_H

#include "kerf/data.h"
#include "kerf/ranks.h"

/* Of what these options give alone, batch by batch, this rank's: the first is that of its own
 * number (NULL: one alone). */
void kerf__loader_deal(kerf_loader_options *options, const kerf_ranks *ranks);

#endif
