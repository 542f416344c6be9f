/* device/guard.h -- remembers a program that ended the process, or that a driver refused; see
 * guard.c. */
#ifndef KERF_DEVICE_GUARD_H
#define KERF_DEVICE_GUARD_H

#include "kerf/device.h"

/* A part of the device. */
typedef struct kerf__guard {
    int file;       /* owned, locked while a driver is at work; -1: there is none */
    char *path;     /* owned */
    char text[384]; /* what the driver does, for kerf_device_crashed() */
} kerf__guard;

/* From opening to closing the device. */
void kerf__guard_open(kerf_device *dev);
void kerf__guard_close(kerf_device *dev);

/* KERF_ERR_UNSUPPORTED if the program of this key, made of `source`, is to be left alone. */
kerf_status kerf__guard_check(const kerf_device *dev, const char *key, const char *source);
/* Before the driver is given the program: "built gemm.cl".  Fails as a check does; else
 * kerf__guard_end() follows.  Without a folder nothing is remembered. */
kerf_status kerf__guard_begin(kerf_device *dev, const char *key, const char *source,
                              const char *deed);
/* The driver came back, whatever it said. */
void kerf__guard_end(kerf_device *dev);
/* From now on checks fail, for this reason (its first line). */
void kerf__guard_refuse(const char *key, const char *why);

#endif
