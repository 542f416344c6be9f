/* prune_channels.h -- `kerf prune --remove` and `--groups`: channels out for real.  Other half:
 * prune_channels.c; what is printed: channel_report.c. */
#ifndef HOST_PRUNE_CHANNELS_H
#define HOST_PRUNE_CHANNELS_H

#include <jansson.h>

#include "change.h"

/* 1 if the command is about channels that go together. */
int channels_wanted(const options *o);
/* All of the command; an exit code. */
int prune_channels(const options *o);

/* What such options take out of an open network, in one step and without training; EXIT_TARGET where
 * that is not enough, and the closest is kept. */
int channels_remove(change *c);

/* channel_report.c: groups that lose channels (all: every group, and why some may lose none); with
 * bars of each channel's number. */
void channels_print(const kerf_channels *c, int all, int bars, FILE *out);
json_t *channels_json(const kerf_channels *c, int all);

#endif
