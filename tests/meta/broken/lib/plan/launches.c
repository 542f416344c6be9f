/* Broken on purpose: launches outside lib/ops. */
#include "device/launch.h"
