/* device/guard.h -- remembers a program whose build ended the process; see guard.c. */
#ifndef KERF_DEVICE_GUARD_H
#define KERF_DEVICE_GUARD_H

#include "kerf/device.h"

/* A part of the device. */
typedef struct kerf__guard {
    int file;       /* owned, locked while a driver builds; -1: there is none */
    char *path;     /* owned */
    char text[384]; /* what the driver does, for kerf_device_crashed() */
} kerf__guard;

/* From opening to closing the device. */
void kerf__guard_open(kerf_device *dev);
void kerf__guard_close(kerf_device *dev);

/* Before the driver builds the program of this key.  KERF_ERR_UNSUPPORTED if that is known to
 * end the process; else kerf__guard_end() follows.  Without a folder nothing is remembered. */
kerf_status kerf__guard_begin(kerf_device *dev, const char *key, const char *source);
/* The driver came back, whatever it said. */
void kerf__guard_end(kerf_device *dev);

#endif
