/* channel_goal.h -- `--macs`, `--size` and `--latency` of `kerf prune --remove`: what must be left
 * in the end, and behind each step on the way.  Other half: channel_goal.c. */
#ifndef HOST_CHANNEL_GOAL_H
#define HOST_CHANNEL_GOAL_H

#include <jansson.h>

#include "change.h"

typedef struct channel_goal {
    kerf_channel_target whole, end; /* NAN: no such bound; of multiply-adds the whole is 1 */
    kerf_known_input input;
    kerf_channel_search how;
    kerf_costs *costs; /* owned; that milliseconds come from; NULL: measured */
} channel_goal;

/* 1 if amounts are to be found. */
int goal_wanted(const options *o);
/* Whether texts say what they should; 0 or an exit code after a message, as below. */
int goal_check(const options *o);
/* Measures the whole network, of which a bound may be in parts, and from which steps begin.  Free
 * it in any case. */
int goal_make(channel_goal *goal, change *c);
void goal_free(channel_goal *goal);
/* What a step has to leave of what the one before left, so that behind it `part` (0 to 1) of all
 * that goes is gone, and behind that one was `before`. */
kerf_channel_target goal_at(const channel_goal *goal, double before, double part);

/* What a step takes of what is left, so that after it `part` (0 to 1) of the amount is gone. */
double goal_step(double amount, double before, double part);

/* Nothing where no amount was to be found. */
void goal_print(const options *o, const kerf_channels_found *found, FILE *out);
json_t *goal_json(const options *o, const kerf_channels_found *found);
/* Adds what a step took (taken over) to the list of that name in what --json prints, and what was
 * found for it. */
void goal_keep(change *c, const char *name, json_t *taken, const kerf_channels_found *found);
/* The exit code of a step: EXIT_TARGET, and a message, if it came not far enough. */
int goal_end(const options *o, kerf_status status, const kerf_channels_found *found);

#endif
