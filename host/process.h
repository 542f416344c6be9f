/* process.h -- this very command once more, in a process of its own.
 * Other halves: process_posix.c, process_windows.c. */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include <stdint.h>

#include "say.h"

typedef struct process {
    intptr_t id; /* the system's; 0: none */
} process;

/* Starts it with these words, "kerf" the first and NULL behind the last.  What it prints is
 * dropped; what it says goes into the file `log`, or with NULL to where ours goes.  0, or an exit
 * code after a message; then there is none. */
int process_start(const options *o, process *p, const char *const *words, const char *log);
/* 1 once it has ended, with its exit code, or 128 + N where signal N ended it; it is none then. */
int process_has_ended(process *p, int *code);
/* Asks it once to write its checkpoint and to end. */
void process_stop(const process *p);

#endif
