/* penalty.h -- `--penalty`: what draws weights to 0 while they are trained.  Other half: penalty.c.
 */
#ifndef HOST_PENALTY_H
#define HOST_PENALTY_H

#include "kerf/train.h"
#include "options.h"

/* An event that has *out; its kind is NONE where the command line names none.  0 or an exit code
 * after a message. */
int penalty_parse(const options *o, kerf_penalty *out, kerf_event *event);

#endif
