/* gate_cases.h -- the cases that make every program Kerf can launch; see gate_cases.c. */
#ifndef KERF_GATE_CASES_H
#define KERF_GATE_CASES_H

#include "device/launch.h"

typedef struct gate_case {
    const char *op;
    const char *inputs;     /* "f32:50,70 s32:50 - bool:": type:dimensions; - is left out,
                             * 0 in front of a type makes it a constant of zeros */
    const char *attributes; /* "axis=1 axes=0,2": several numbers are a list; NULL: none */
    int num_outputs;        /* 0: as the table of operations says, or 1 */
} gate_case;

extern const gate_case gate_cases[];
extern const int gate_num_cases;

/* Programs of no operation: the probe makes its own from what it finds, so they are listed. */
typedef struct gate_probe {
    const kerf__source *source;
    const char *options, *entry;
    int group, local_bytes;
    const char *needs; /* what OpenCL C 1.2 lacks: an extension, or x86; NULL: nothing */
} gate_probe;

extern const gate_probe gate_probes[];
extern const int gate_num_probes;

#endif
