/* devices.h -- what the parts of `kerf devices` share: cmd_devices.c opens and measures,
 * device_kernels.c asks plans which kernels they would use, device_report.c prints. */
#ifndef HOST_DEVICES_H
#define HOST_DEVICES_H

#include "json.h"
#include "kerf/kerf.h"
#include "say.h"

/* Operations that stand for the rest. */
enum { NUM_DEVICE_CASES = 6 };
const char *device_case_name(size_t i);

typedef struct device_facts {
    kerf_device_peaks peaks;
    char kernels[NUM_DEVICE_CASES][64]; /* "?" where there is none */
} device_facts;

/* What a plan would choose now: from the tuning store, else a guess. */
kerf_status find_kernels(kerf_device *dev, device_facts *facts);

/* The keys of `kerf devices`: name, driver, limits, peaks, features, profile. */
json_t *device_json(const kerf_device_info *d, const kerf_device_peaks *peaks);
json_t *kernels_json(const device_facts *facts);
void print_device(const options *o, const kerf_device_info *d, const device_facts *facts);

#endif
