/* Broken on purpose: the command looks inside the library. */
#include "graph/graph_internal.h"
