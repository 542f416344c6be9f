/* Allowed: the probe is the helper of lib/device. */
#include "device/device_internal.h"
