/* bench_beside.h -- another program that times the same cases, for `kerf bench --beside`.
 *
 * It is started once and asked on its standard input, a line a sample:
 *
 *     CALLS FAMILY CASE        "20 gemm m=64 n=300 k=784 f32"
 *
 * It runs the case once untimed, then CALLS times, waits until its threads are idle, and answers
 * with one line: milliseconds of one call, or "no" and why it has none.  It ends with its input.  A
 * process of its own, because thread pools disturb each other.  bench/peers/ holds such programs.
 */
#ifndef HOST_BENCH_BESIDE_H
#define HOST_BENCH_BESIDE_H

#include <sys/types.h>

#include "bench_case.h"

typedef struct beside {
    char name[32];
    FILE *to, *from;
    pid_t pid; /* 0: not started */
} beside;

/* "NAME=COMMAND", or a command whose first word gives the name; 0 or an exit code. */
int beside_start(const options *o, const char *spec, beside *b);
/* NAN where it has none; 0 or an exit code. */
int beside_ask(const options *o, beside *b, const bench_case *c, int64_t calls, double *ms);
void beside_stop(beside *b);

#endif
