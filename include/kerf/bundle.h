/* bundle.h -- what a packed file knows of the devices it has been on: which kernels were fastest
 * there for each case of the model, and the programs that were built (docs/format.md).
 *
 * Reading a packed file on a device tells the device the choices: those of this very device first,
 * then those of its family (kerf_device_info.profile) as a first guess.  What was measured here
 * (kerf_tune()) counts more.  Programs are the machine code of whoever wrote the file: they are
 * taken only on a device that trusts bundles, only for this very device, driver and version of
 * Kerf, and by the checks that files of the cache folder pass.
 *
 * Thread safety: different bundles may be used side by side. */
#ifndef KERF_BUNDLE_H
#define KERF_BUNDLE_H

#include "kerf/device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_bundle kerf_bundle;

/* Texts live as long as the bundle is not changed. */
typedef struct kerf_bundle_device {
    const char *id, *profile, *name, *driver; /* as kerf_device_info has them */
    const char *version;                      /* of Kerf */
    size_t num_choices, num_programs;
    size_t program_bytes; /* of all */
} kerf_bundle_device;

/* From the bytes of a model file of either kind; empty where there is none. */
KERF_API kerf_status kerf_bundle_parse(kerf_bundle **out, const void *bytes, size_t num_bytes);
KERF_API kerf_status kerf_bundle_read(kerf_bundle **out, const char *path);
KERF_API void kerf_bundle_destroy(kerf_bundle *b); /* NULL is allowed */

KERF_API size_t kerf_bundle_num_devices(const kerf_bundle *b);
KERF_API kerf_bundle_device kerf_bundle_get_device(const kerf_bundle *b, size_t i);

/* Puts this device in, in the place of what was known of it: choices as kerf_plan_choices() gives
 * them and, where its driver gives them out, the programs that were launched since it was opened.
 */
KERF_API kerf_status kerf_bundle_set_device(kerf_bundle *b, kerf_device *dev, const char *choices);

/* Makes the bundle that of a packed file, whose bytes are *bytes, freed with free(). */
KERF_API kerf_status kerf_bundle_attach(const kerf_bundle *b, void **bytes, size_t *num_bytes);

#ifdef __cplusplus
}
#endif
#endif
