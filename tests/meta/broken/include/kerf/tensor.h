/* Broken on purpose: a public header looks up. */
#include "kerf/graph.h"
