/* Broken on purpose: not written from the root of lib. */
#include "../graph/graph_internal.h"
