/* device/verdict.h -- what the probe found about a driver's devices, and drivers that are
 * better left alone.  Other halves: trial.c makes verdicts (in the helper process), verdict.c
 * reads and keeps them, drivers.c asks for them before OpenCL is loaded. */
#ifndef KERF_DEVICE_VERDICT_H
#define KERF_DEVICE_VERDICT_H

#include <jansson.h>

#include "kerf/device.h"

/* Features that are one number; the forms of the dot product are KERF_DOT_LIST. */
#define KERF__FEATURE_LIST(X)                                                                      \
    X(divides_exactly)                                                                             \
    X(f16) X(f64) X(sub_groups) X(vector_floats) X(binaries) X(streaming_stores) X(joins)

typedef struct kerf__verdict {
    char platform[256], name[256], driver[256]; /* together they name a device */
    int works;     /* every call that Kerf makes of it succeeds and a plain kernel is right */
    char why[256]; /* it does not work; "" if it does */
    size_t max_group;
    uint64_t local_bytes;
    kerf_device_features features;
} kerf__verdict;

/* All that is known of the drivers of this process; made once, before OpenCL is loaded. */
typedef struct kerf__drivers {
    kerf__verdict *verdicts; /* owned, for the life of the process */
    size_t num_verdicts, capacity;
    int num_bad;
    char good_folder[64]; /* .icd files of the others, where num_bad is not 0 */
    char left_out[4096];  /* which driver or device is left out and why, a line each */
} kerf__drivers;

/* Looks up or makes the verdict on every driver the ICD loader would load, or on the library
 * itself where that is no loader or has nothing to load: then 0 says that it is a bad one.
 * Never fails: what could not be probed is taken as it is. */
int kerf__drivers_check(kerf__drivers *drivers, const char *library, int is_loader);
/* Removes good_folder once the loader has read it. */
void kerf__drivers_forget_folder(const kerf__drivers *drivers);

/* NULL if this device was not probed. */
const kerf__verdict *kerf__verdict_find(const kerf__drivers *drivers, const kerf_device_info *info);
/* Adds what the JSON of the helper says; 0 if that is not what a helper writes. */
int kerf__verdicts_add(kerf__drivers *drivers, const json_t *devices);
/* One device as JSON; NULL without memory. */
json_t *kerf__verdict_json(const kerf__verdict *verdict);

/* Who hears of what is tried next, and on which device; `trying` may be NULL. */
typedef struct kerf__listener {
    void (*trying)(const char *what);
    const char *device;
} kerf__listener;

/* Tries all that there is to try on an open device, within the limits that it has. */
void kerf__trial_features(kerf_device *dev, const kerf__listener *l, kerf__verdict *verdict);
/* Opens every device and tries it; basic: only whether it works at all.  `trying` hears what
 * is tried next; NULL is allowed. */
json_t *kerf__trial_all(int basic, void (*trying)(const char *what));

#endif
