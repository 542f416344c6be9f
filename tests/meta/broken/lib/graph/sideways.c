/* Broken on purpose: a room looks at its neighbour. */
#include "kerf/state.h"
