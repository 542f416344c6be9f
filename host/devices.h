/* devices.h -- what is known of a device, as JSON.  Other half: cmd_devices.c. */
#ifndef HOST_DEVICES_H
#define HOST_DEVICES_H

#include <jansson.h>

#include "kerf/device.h"

/* The keys of `kerf devices`: name, driver, limits, peaks, features, profile. */
json_t *device_json(const kerf_device_info *d, const kerf_device_peaks *peaks);

#endif
