/* apart_windows.c -- what takes fork() or another shell, which Windows has not: each says so. */
#include "bench_beside.h"
#include "bench_start.h"
#include "on.h"

int on_run(const options *o)
{
    return fail_usage(o, "--on: not from Windows, must run on Linux or Android");
}

int start_apart(const options *o, start_times *t)
{
    (void)t;
    return fail_usage(o, "--start: not on Windows");
}

int start_cold(const options *o, start_times *t)
{
    return start_apart(o, t);
}

int beside_start(const options *o, const char *spec, beside *b)
{
    *b = (beside){0};
    return fail_usage(o, "--beside %s: not on Windows", spec);
}

int beside_ask(const options *o, beside *b, const bench_case *c, int64_t calls, double *ms)
{
    (void)b, (void)c, (void)calls, (void)ms;
    return fail_usage(o, "--beside: not on Windows");
}

void beside_stop(beside *b)
{
    *b = (beside){0};
}
