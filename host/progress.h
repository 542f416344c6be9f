/* progress.h -- a bar with what is known of a run, its rate and the time left, on a terminal; one
 * line an epoch everywhere. Other half: progress.c. */
#ifndef HOST_PROGRESS_H
#define HOST_PROGRESS_H

#include "kerf/train.h"
#include "say.h"

typedef struct progress {
    int shows_bar, is_quiet, drawn;
    const char *what; /* "train", before the bar */
    double val_top1;  /* of the last epoch that was measured; NAN: none yet */
} progress;

void progress_begin(progress *p, const options *o, const char *what);
/* Draws the bar anew, or the line of the epoch that has just ended. */
void progress_train(progress *p, const kerf_train_progress *t);
/* Any other long work: done of total, with a word about it. */
void progress_count(progress *p, double done, double total, const char *about);
/* Takes the bar away; text may follow. */
void progress_clear(progress *p);

/* "0:12", "1:02:03"; "" where unknown. */
const char *time_text(double seconds, char *text, size_t text_bytes);

#endif
