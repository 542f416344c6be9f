/* Broken on purpose: a room that is not in the plan. */
#include "kerf/base.h"
