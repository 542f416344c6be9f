/* device/trial.h -- what trials share: a kernel of probe.cl run on a few buffers.  Other halves:
 * trial.c, trial_dot.c for the forms of the dot product, trial_join.c. */
#ifndef KERF_DEVICE_TRIAL_H
#define KERF_DEVICE_TRIAL_H

#include "device/device_internal.h"

extern const kerf__source kerf__source_probe;

enum { KERF__TRIAL_ITEMS = 1024, KERF__TRIAL_BUFFERS = 3 };

/* One run on `num` buffers of the given bytes; the last one comes back, the others go there. */
typedef struct kerf__trial {
    const char *entry, *options;
    void *data[KERF__TRIAL_BUFFERS];
    size_t bytes[KERF__TRIAL_BUFFERS];
    int num;
    size_t local_bytes; /* an argument more, behind a number of words; 0: none */
    kerf__grid grid;
} kerf__trial;

/* 1 if all of that worked. */
int kerf__trial_run(kerf_device *dev, const kerf__trial *trial);
/* KERF__TRIAL_ITEMS items in groups larger than a sub-group. */
kerf__grid kerf__trial_grid(const kerf_device *dev);
/* Numbers that differ from item to item, the same at every call. */
uint32_t kerf__trial_noise(uint64_t stream, uint64_t i);

/* Bits of the signs (kerf/device.h) that this form gets right. */
int kerf__trial_dot(kerf_device *dev, kerf_dot dot);

/* 1 if launches can be queued as one (trial_join.c). */
int kerf__trial_joins(kerf_device *dev);

#endif
