/* gate_walk.h -- the walk over all variants (gate_walk.c), and where it leaves what they launch
 * (gate_programs.c). */
#ifndef KERF_GATE_WALK_H
#define KERF_GATE_WALK_H

#include "device/launch.h"

/* The least device that is given a kernel. */
typedef enum gate_least { GATE_SMALL, GATE_GPU, GATE_CPU } gate_least;

/* The device that is walked. */
extern gate_least gate_device;

/* How many operations have no case or no variant for a small device, how many variants and
 * candidates are reached by no case; each is said. */
int gate_walk(void);

/* A kernel that is launched; needs NULL: nothing that OpenCL C 1.2 lacks. */
void gate_note(const kerf__source *source, const char *options, const char *entry, size_t group,
               size_t local_bytes, const char *needs);

#endif
