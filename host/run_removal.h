/* run_removal.h -- what a stage of a recipe removes before it trains, as `kerf prune --remove`
 * does. Other half: run_removal.c. */
#ifndef HOST_RUN_REMOVAL_H
#define HOST_RUN_REMOVAL_H

#include "change.h"

/* Says to the stage's options what the command line of the removal would. */
void removal_say(options *o, const kerf_recipe_removal *removal);
/* A line of what will go, for the timetable; 0 characters where nothing does. */
void removal_text(const kerf_recipe_removal *removal, char *text, size_t text_bytes);

#endif
