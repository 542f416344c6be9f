/* device/helper.h -- running kerf-probe, the helper program; see helper.c. */
#ifndef KERF_DEVICE_HELPER_H
#define KERF_DEVICE_HELPER_H

#include <stddef.h>

/* 1 if the program was found: the path in KERF_PROBE (empty: none), else beside the program
 * that runs or in libexec beside its folder, else where the library was installed. */
int kerf__helper_exists(void);

/* Runs it on the driver that `vendors` names (as OCL_ICD_VENDORS does).  1: *out is what it
 * printed, in fresh memory, and state is "".  0: state tells what happened to it. */
int kerf__helper_run(const char *vendors, int basic, char **out, char *state, size_t state_bytes);

#endif
