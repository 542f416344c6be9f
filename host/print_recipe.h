/* print_recipe.h -- `--print-recipe` and `--dry` of train, prune, quantize, distill and share: the
 * recipe that a command stands for, and its timetable.  Other half: print_recipe.c. */
#ifndef HOST_PRINT_RECIPE_H
#define HOST_PRINT_RECIPE_H

#include "options.h"

/* 1 if one of the two is given: nothing is to be done but recipe_tell(). */
int recipe_wanted(const options *o);

/* Prints the recipe to standard output, of which `kerf run` leaves the same bits; or what run_dry.h
 * says of it.  0 or an exit code after a message. */
int recipe_tell(const options *o);

#endif
