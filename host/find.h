/* find.h -- `kerf run R.yaml --find KEY=A..B`: the value of a recipe's key by which a target holds.
 * Other half: find.c. */
#ifndef HOST_FIND_H
#define HOST_FIND_H

#include "kerf/recipe.h"
#include "options.h"

/* Whole runs of the recipe, in folders below dir, which gets the model that was found.  0, or an
 * exit code after a message; EXIT_TARGET: no value does, and the nearest is kept. */
int find_run(const options *o, const kerf_recipe *r, const char *dir);

#endif
