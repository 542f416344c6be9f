/* device/refusal.h -- kernels that a device's driver does not take; see refusal.c.
 *
 * KERF_ERR_UNSUPPORTED of kerf__launch_create(), or of a first kerf__launch_enqueue(), says that
 * this kernel cannot be had here and that another might: its build failed, it wants too large a
 * group, or the process ended in it before. */
#ifndef KERF_DEVICE_REFUSAL_H
#define KERF_DEVICE_REFUSAL_H

#include "kerf/device.h"

/* What was said to be unsupported last is refused at once from now on, until it is settled. */
void kerf__refuse_last(kerf_device *dev);
/* Ends all that was refused since the last call.  keep: another kernel did the work, so this
 * one is left alone by other processes, too, for a day.  Else it may be tried again: it may
 * have been the device's fault, not the kernel's. */
void kerf__refusals_settle(kerf_device *dev, int keep);

/* Adds a line to kerf_device_notes(), unless it is there. */
void kerf__device_note(kerf_device *dev, const char *line);

#endif
