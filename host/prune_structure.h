/* prune_structure.h -- --structure of `kerf prune`. */
#ifndef HOST_PRUNE_STRUCTURE_H
#define HOST_PRUNE_STRUCTURE_H

#include "options.h"
#include "say.h"

/* Fills in structure and block; 0 or EXIT_USAGE after a message. */
int structure_parse(const options *o, kerf_prune_options *out);

#endif
