/* device/fault.h -- a device that is smaller or fails, for tests; see fault.c.
 *
 * The environment KERF_TEST_LIMITS="GROUP,LOCAL[,MEMORY]" makes every device that is opened
 * look as if it had no more work-items a group and bytes of local memory (and of memory)
 * than that: what the smallest phones have.  A number of 0 leaves a limit alone.
 *
 * KERF_TEST_TYPE=cpu or gpu makes it look like one, so that a simulator meets the kernels for
 * CPUs and a CPU those for GPUs. */
#ifndef KERF_DEVICE_FAULT_H
#define KERF_DEVICE_FAULT_H

#include "kerf/device.h"

/* The n-th buffer, launch, transfer or wait from now fails (1 is the next); 0 switches that
 * off. */
void kerf__fault_at(kerf_device *dev, long n);
/* The same, and so do all that follow: the device is lost. */
void kerf__fault_lost_at(kerf_device *dev, long n);
/* For lib/device: 1 if this one is to fail. */
int kerf__fault_now(kerf_device *dev);
/* For lib/device: applies KERF_TEST_LIMITS and KERF_TEST_TYPE. */
void kerf__fault_limits(kerf_device_info *info);

#endif
