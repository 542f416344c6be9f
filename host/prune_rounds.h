/* prune_rounds.h -- `kerf prune --remove` in steps, with training behind each.  Other half:
 * prune_rounds.c. */
#ifndef HOST_PRUNE_ROUNDS_H
#define HOST_PRUNE_ROUNDS_H

#include "channel_goal.h"

/* 1 if anything is trained. */
int rounds_train(const options *o);
/* All steps of --events, each with its training; EXIT_TARGET where a step cannot come to what it
 * must. */
int rounds_remove(change *c, channel_goal *goal);

#endif
