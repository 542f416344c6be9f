/* channel_goal.h -- `--macs`, `--size` and `--latency` of `kerf prune --remove`: what must be left
 * in the end, and behind each step on the way.  Other half: channel_goal.c.
 *
 * A step goes from one part of all that goes (0 to 1) to another. */
#ifndef HOST_CHANNEL_GOAL_H
#define HOST_CHANNEL_GOAL_H

#include <jansson.h>

#include "change.h"

typedef struct removal_step {
    double before, part; /* what is gone before it, and behind it */
    const char *dir;     /* borrowed; of the run that it is a step of; NULL: none that goes on */
} removal_step;

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
/* Knows the network that the next step begins with, where it is another. */
void goal_know(channel_goal *goal, const change *c);
/* What a step has to leave of what the one before left. */
kerf_channel_target goal_at(const channel_goal *goal, const removal_step *step);

/* What a step takes of what is left, for an amount of all. */
double goal_step(double amount, const removal_step *step);

/* What the step found when it was done first, as measuring anew may find something else; 0 if it
 * was not, or is not to go on. */
int goal_recall(const change *c, const removal_step *step, kerf_channels_found *found);

/* Nothing where no amount was to be found. */
void goal_print(const options *o, const kerf_channels_found *found, FILE *out);
json_t *goal_json(const options *o, const kerf_channels_found *found);
/* Adds what a step took (taken over) to the list of that name in what --json prints, and what was
 * found for it. */
void goal_keep(change *c, const char *name, json_t *taken, const kerf_channels_found *found);
/* The exit code of choosing: EXIT_TARGET, and a message, if it came not far enough. */
int goal_end(const options *o, kerf_status status, const kerf_channels_found *found);
/* The same of a step, which goal_recall() finds from here on. */
int goal_end_step(const change *c, kerf_status status, const removal_step *step,
                  const kerf_channels_found *found);

#endif
