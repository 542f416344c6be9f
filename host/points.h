/* points.h -- runs of one recipe with other values: handed out, a process each, as many at a time
 * as there are devices.  Other halves: points.c, points_run.c.
 *
 * A child is this very command, so a run of many is a run like any other, and one that dies with
 * its driver takes nobody along. */
#ifndef HOST_POINTS_H
#define HOST_POINTS_H

#include <jansson.h>

#include "options.h"

typedef struct point_run {
    char *dir;         /* owned; its folder */
    const char **sets; /* owned list of borrowed texts, behind those of --set */
    size_t num_sets;
    int code; /* that it ended with; 128 + N: by signal N */
} point_run;

/* Runs all that are not finished; a failure of one is told, and its code kept, and others go on.
 * --device names one device, several with commas between, or all.  0, or an exit code after a
 * message: nothing could be begun, or it was interrupted. */
int points_run(const options *o, point_run *points, size_t num);
/* How many of them run at once: ranks, or devices; 0 after a message. */
size_t points_at_once(const options *o);
/* Where a run has ended well its summary lies, unless the folder is another one on other ranks: 0
 * or an exit code after a message. */
int point_check(const options *o, const char *dir);
/* What came of a run: accuracy, bytes, multiply-adds, milliseconds; null is unknown. */
json_t *point_json(const char *dir, int64_t seed);
void points_free(point_run *points, size_t num); /* NULL is allowed */

#endif
