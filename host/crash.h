/* crash.h -- a last line where a driver ends the process; see crash.c. */
#ifndef KERF_HOST_CRASH_H
#define KERF_HOST_CRASH_H

#include "kerf/device.h"
#include "options.h"

/* kerf_device_open(), then handlers of fatal signals: drivers bring some of their own when they
 * are loaded. */
kerf_status open_device(kerf_device **out, const options *o, const char *spec);
/* Tells what the device's driver refused, then kerf_device_close(). */
void close_device(const options *o, kerf_device *dev);

#endif
