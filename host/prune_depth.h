/* prune_depth.h -- `kerf prune --remove --structure residual`: whole residual blocks, for the steps
 * of prune_channels.c.  Other half: prune_depth.c. */
#ifndef HOST_PRUNE_DEPTH_H
#define HOST_PRUNE_DEPTH_H

#include "channel_goal.h"

/* 1 if blocks go, and not channels. */
int depth_wanted(const options *o);
int depth_check(const options *o);
/* Blocks go, so many as the step takes; an exit code, EXIT_TARGET where all that may go is not
 * enough. */
int depth_step(change *c, const channel_goal *goal, const removal_step *step);
/* What --groups prints. */
int depth_show(change *c, const channel_goal *goal);

#endif
