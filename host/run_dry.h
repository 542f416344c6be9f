/* run_dry.h -- `kerf run --dry`: what a recipe will do, how long and in how much memory.  Other
 * half: run_dry.c. */
#ifndef HOST_RUN_DRY_H
#define HOST_RUN_DRY_H

#include "kerf/recipe.h"
#include "options.h"

/* Runs nothing but some steps, writes nothing; 0 or an exit code after a message. */
int run_dry(const options *o, const kerf_recipe *r);

#endif
