/* device/join_program.h -- the program of joined launches.  For join.c; other half: join_program.c.
 *
 * A unit is a kernel of a program; all launches of it share what is compiled. */
#ifndef KERF_DEVICE_JOIN_PROGRAM_H
#define KERF_DEVICE_JOIN_PROGRAM_H

#include "device/device_internal.h"

extern const kerf__source kerf__source_join; /* kernels/join.cl */

typedef struct kerf__unit {
    const kerf__program *program; /* borrowed */
    const kerf__launch *launch;   /* borrowed: one of its launches */
} kerf__unit;

typedef struct kerf__units {
    kerf__unit *list; /* owned; in an order that depends on nothing but the units */
    size_t num;
} kerf__units;

/* `units` begins zeroed, and is cleared by the caller, on failure too. */
kerf_status kerf__units_list(kerf__units *units, kerf__launch *const *launches, size_t num);
void kerf__units_clear(kerf__units *units);
/* The number of the launch's unit, which is among them. */
size_t kerf__unit_find(const kerf__units *units, const kerf__launch *launch);

/* Finds or builds; the program belongs to the device. */
kerf_status kerf__join_find_program(kerf__program **out, kerf_device *dev,
                                    const kerf__units *units);

#endif
