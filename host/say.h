/* say.h -- how the command talks: results to standard output, all else to standard error,
 * a failure in one line that begins "kerf: COMMAND: ".  Other half: say.c. */
#ifndef HOST_SAY_H
#define HOST_SAY_H

#include <stdio.h>

#include "kerf/base.h"
#include "options.h"

#if defined(__GNUC__)
#define SAY_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define SAY_PRINTF(text, args)
#endif

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TARGET = 3, EXIT_INTERRUPTED = 130 };

/* One line each; they return the exit code, so that failing is one line. */
int fail_usage(const options *o, const char *format, ...) SAY_PRINTF(2, 3);
int fail_work(const options *o, const char *format, ...) SAY_PRINTF(2, 3);
int fail_memory(const options *o);
/* What the library said; the exit code that suits the status. */
int fail_kerf(const options *o, kerf_status status);

/* A line for people, not with -q. */
void say(const options *o, const char *format, ...) SAY_PRINTF(2, 3);
void warn(const options *o, const char *format, ...) SAY_PRINTF(2, 3);
/* A warning for each line of a text. */
void warn_lines(const options *o, const char *text);

/* Where tables go: standard output, or standard error where `-o -` takes that. */
FILE *result_stream(const options *o);
/* Flushes standard output; a full disk or a closed pipe turns `code` 0 into a failure. */
int finish_output(const char *command, int code);

#endif
