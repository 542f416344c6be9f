/* device/helper.h -- running kerf-probe, the helper program; see helper.c. */
#ifndef KERF_DEVICE_HELPER_H
#define KERF_DEVICE_HELPER_H

#include <jansson.h>
#include <stddef.h>

/* 1 if the program was found: the path in KERF_PROBE (empty: none), else the program that runs if
 * it said kerf_set_probe_word(), else beside that or in libexec beside its folder, else where the
 * library was installed. */
int kerf__helper_exists(void);

/* How it ended. */
typedef struct kerf__helper_end {
    char text[512]; /* what the driver did to it and while what was tried; "": it ended well, or it
                     * was not fit to run, which no driver is to blame for */
    int is_outer;   /* by us for its time, or by the system for its memory: the machine may only
                     * have been busy */
} kerf__helper_end;

/* Runs it on the driver that `vendors` names (as OCL_ICD_VENDORS does) and gives what it
 * printed; NULL if that is no list of devices. */
json_t *kerf__helper_run(const char *vendors, int basic, kerf__helper_end *end);

#endif
