/* interrupt.h -- Ctrl-C: once finishes the step and writes the checkpoint, twice stops at
 * once (the last checkpoint is whole).  Other half: interrupt.c. */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

/* From now on Ctrl-C (and SIGTERM) sets a flag. */
void interrupt_catch(void);
/* Nonzero after the first. */
int interrupted(void);

#endif
