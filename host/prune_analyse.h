/* prune_analyse.h -- `kerf prune --analyse`: what each layer alone can lose.  Other half:
 * prune_analyse.c. */
#ifndef HOST_PRUNE_ANALYSE_H
#define HOST_PRUNE_ANALYSE_H

#include "change.h"

/* Measures, then prints the table or JSON; with --run-dir a page, too.  Writes no model.  An exit
 * code. */
int prune_analyse(const options *o, const kerf_prune_options *p);

/* For --max-drop, --size and --latency: finds the amounts of *p, which then borrows them from
 * *found; prints them, and keeps them for the JSON.  0 or an exit code after a message: EXIT_TARGET
 * where these are only the closest. */
int prune_find(change *c, kerf_prune_options *p, kerf_prune_found **found);

#endif
