/* device/program_offer.h -- built programs that come from elsewhere than the cache folder, as files of
 * it: with a packed file (io/bundle.c).  Other half: program_cache.c, which checks them as it
 * checks its own.
 *
 * A program is machine code that the driver runs, so an offer is taken only on a device that trusts
 * whoever makes it (kerf_device_trust_bundles()). */
#ifndef KERF_DEVICE_PROGRAM_OFFER_H
#define KERF_DEVICE_PROGRAM_OFFER_H

#include "kerf/device.h"

/* Keeps a copy until the device closes; nothing on a device that does not trust. */
kerf_status kerf__program_offer(kerf_device *dev, const void *bytes, size_t num_bytes);

/* Programs of the device, and the i-th as a file in fresh memory; NULL if it was never launched or
 * the driver does not give it out. */
size_t kerf__program_count(const kerf_device *dev);
void *kerf__program_export(kerf_device *dev, size_t i, size_t *num_bytes);

#endif
