/* sweep.h -- `kerf run --sweep --seeds`: a recipe over a grid of values and seeds.  Other half:
 * sweep.c. */
#ifndef HOST_SWEEP_H
#define HOST_SWEEP_H

#include "options.h"

int sweep_wanted(const options *o);
/* Runs the recipe with the values of each point of the grid, and tells what came of all; 0 or an
 * exit code after a message.  dir: the folder of all. */
int sweep_run(const options *o, const char *dir, int64_t first_seed);

#endif
