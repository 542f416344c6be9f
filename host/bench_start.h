/* bench_start.h -- how long a start takes, from nothing to the first result.  Other
 * halves: bench_start.c, bench_start_posix.c, apart_windows.c. */
#ifndef HOST_BENCH_START_H
#define HOST_BENCH_START_H

#include <jansson.h>

#include "options.h"

/* Parts of one start, in milliseconds; the second half says whether it was a cold one. */
typedef struct start_times {
    double open_ms;  /* the driver loaded, the device opened */
    double read_ms;  /* the model's file, weights on the device */
    double build_ms; /* programs: compiled, or loaded from the cache folder */
    double plan_ms;  /* all else of planning */
    double first_ms; /* the first run, which some drivers compile in once more */
    double total_ms; /* NAN where it is not known */
    int num_compiled, num_loaded;
} start_times;

/* {"open_ms", ..., "total_ms", "compiled", "loaded"}. */
json_t *start_json(const start_times *t);
void start_print(const start_times *t, const char *what);

/* One start of the model, with the user's cache folder or an empty one; an exit code. */
int start_apart(const options *o, start_times *t);
int start_cold(const options *o, start_times *t);

/* `kerf bench M --start`: processes of their own, one in an empty cache folder, --runs in ours. */
int bench_starts(const options *o);

#endif
