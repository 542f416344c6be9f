/* probe.h -- trying drivers, as kerf-probe and as the command itself (probe.c). */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

/* The word by which the command knows that it is started to be the helper. */
#define PROBE_WORD "--probe-drivers"

/* Prints the verdict and ends the process. */
void probe_and_exit(int basic);

#endif
