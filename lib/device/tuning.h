/* device/tuning.h -- what was measured to be fastest on this very device: text in the cache
 * folder, one line a case: case, choice, milliseconds, check.  Other half: tuning.c.
 *
 * A line that was cut, edited or copied from another device's file is passed over, as is a
 * file of another version: never trusted and never an error. */
#ifndef KERF_DEVICE_TUNING_H
#define KERF_DEVICE_TUNING_H

#include "kerf/device.h"

/* The choice remembered for a case on this device ("gemm_wide/8x2"), else the one offered, or NULL.
 * Lives until the device closes or the case is set again. */
const char *kerf__tuning_find(kerf_device *dev, const char *which);
/* Remembers in memory; save writes the file (by rename, merged with what is there). */
kerf_status kerf__tuning_set(kerf_device *dev, const char *which, const char *choice, double ms);
kerf_status kerf__tuning_save(kerf_device *dev);

/* What another store says of a case, the first offer of it counts (io/bundle.c).  Never saved:
 * nobody measured it here.  An offer that is no plain text is passed over. */
kerf_status kerf__tuning_offer(kerf_device *dev, const char *which, const char *choice);

/* Adds the lines of a file's bytes for cases without a choice; for tests.  Cuts them up. */
void kerf__tuning_parse(kerf_device *dev, char *bytes, size_t num_bytes);

#endif
