/* prune_channels.h -- `kerf prune --remove` and `--groups`: channels out for real.  Other half:
 * prune_channels.c; what is printed: channel_report.c. */
#ifndef HOST_PRUNE_CHANNELS_H
#define HOST_PRUNE_CHANNELS_H

#include <jansson.h>

#include "channel_goal.h"

/* 1 if the command is about channels that go together. */
int channels_wanted(const options *o);
/* All of the command; an exit code. */
int prune_channels(const options *o);

/* What such options take out of an open network, in one step from one part of it (0 to 1) to
 * another and without training; EXIT_TARGET where that is not enough, and the closest is kept. */
int channels_remove(change *c, double before, double part);
/* The same for a goal that is made, nothing kept. */
int channels_step(change *c, const channel_goal *goal, const removal_step *step);

/* channel_report.c: groups that lose channels (all: every group, and why some may lose none); with
 * bars of each channel's number. */
void channels_print(const kerf_channels *c, int all, int bars, FILE *out);
json_t *channels_json(const kerf_channels *c, int all);

#endif
