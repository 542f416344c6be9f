/* Broken on purpose: a name that is taken, nothing else. */
#include "plan/plan_internal.h"
