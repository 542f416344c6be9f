/* print_recipe.h -- `--print-recipe`: the recipe that a single command stands for.  Other half:
 * print_recipe.c. */
#ifndef HOST_PRINT_RECIPE_H
#define HOST_PRINT_RECIPE_H

#include "options.h"

/* Of train, prune, quantize, distill or share, to standard output; `kerf run` of it leaves the same
 * bits.  0 or an exit code after a message. */
int print_recipe(const options *o);

#endif
