/* target.h -- `--max-drop`, `--size` and `--latency`: what must hold for a network that is looked
 * for.  Other half: target.c. */
#ifndef HOST_TARGET_H
#define HOST_TARGET_H

#include "kerf/costs.h"
#include "model.h"
#include "options.h"

int target_wanted(const options *o);
/* Whether texts say what they should; 0 or an exit code after a message. */
int target_check(const options *o);
/* whole_bytes: what "4x smaller" is of. */
int target_make(const options *o, double whole_bytes, kerf_target *target);
/* FILE of --latency MS@FILE; NULL: milliseconds are measured here. */
const char *target_costs_file(const options *o);
/* " by FILE" behind milliseconds that are not measured here. */
void target_tell_clock(const options *o, FILE *out);
/* What it names, of this very network; NULL without a file.  The caller destroys
 * it. */
int target_costs(const options *o, const kerf_graph *g, const kerf_state *s, kerf_costs **costs);

#endif
