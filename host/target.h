/* target.h -- `--max-drop`, `--size` and `--latency`: what must hold for a network that is looked
 * for.  Other half: target.c. */
#ifndef HOST_TARGET_H
#define HOST_TARGET_H

#include "kerf/plan.h"
#include "options.h"

int target_wanted(const options *o);
/* Whether texts say what they should; 0 or an exit code after a message. */
int target_check(const options *o);
/* whole_bytes: what "4x smaller" is of. */
int target_make(const options *o, double whole_bytes, kerf_target *target);

#endif
