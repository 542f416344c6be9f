/* Broken on purpose: a room includes the whole API. */
#include "kerf/kerf.h"
