/* Broken on purpose: a room looks up. */
#include "plan/plan_internal.h"
