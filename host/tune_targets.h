/* tune_targets.h -- what `kerf tune` tunes: the plans of a model, or of the built-in networks and
 * the cases of `kerf bench`.  Other half: tune_targets.c; cmd_tune.c has them tuned. */
#ifndef HOST_TUNE_TARGETS_H
#define HOST_TUNE_TARGETS_H

#include "kerf/kerf.h"
#include "say.h"

/* A network whose plans are tuned. */
typedef struct tune_subject {
    kerf_graph *g; /* owned */
    kerf_state *s; /* owned */
} tune_subject;

typedef struct tune_targets {
    tune_subject *subjects;  /* owned */
    kerf_tune_target *items; /* owned; they borrow from the subjects */
    kerf_tune_gain *gains;   /* owned; one an item */
    char (*names)[320];      /* owned; one an item */
    size_t num_subjects, num;
} tune_targets;

/* With a path the model there, else what all share; 0 or an exit code after a message.
 * tune_targets_free() in any case. */
int tune_targets_find(const options *o, const char *path, kerf_device *dev, tune_targets *t);
void tune_targets_free(tune_targets *t);

#endif
