/* train/event_file.h -- records of a TensorBoard event file.  Other half: event_file.c.
 *
 * A file is a version, then scalars by step.  Records only follow each other, so a file is
 * continued by putting more behind it. */
#ifndef KERF_TRAIN_EVENT_FILE_H
#define KERF_TRAIN_EVENT_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "kerf/base.h"

typedef struct kerf__scalar {
    const char *tag;
    double value; /* one that is not finite is left out */
} kerf__scalar;
enum { KERF__MOST_SCALARS = 16 };

/* wall_time: seconds since 1970.  What the stream cannot take is found by ferror(). */
kerf_status kerf__event_put_version(FILE *stream, double wall_time);
kerf_status kerf__event_put_scalars(FILE *stream, double wall_time, int64_t step,
                                    const kerf__scalar *scalars, size_t num);

#endif
