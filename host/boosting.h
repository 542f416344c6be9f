/* boosting.h -- gates that choose channels for each input: `kerf prune --gates`, and --keep of the
 * commands that run a network with them.  Other half: boosting.c. */
#ifndef HOST_BOOSTING_H
#define HOST_BOOSTING_H

#include "model.h"

/* All of `kerf prune --gates`; an exit code. */
int boosting_prune(const options *o);
/* What --keep says, if it is given: 0 or an exit code after a message. */
int boosting_keep(const options *o, model *m);

#endif
