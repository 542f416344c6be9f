/* base/log.c -- telling the program what is going on; see kerf_set_log().
 *
 * The library prints nothing: an app's log is not its standard error. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    kerf_log call;
    void *context;
} log_to;

void kerf_set_log(kerf_log log, void *context)
{
    log_to.call = log;
    log_to.context = context;
}

void kerf__log(kerf_log_level level, const char *format, ...)
{
    char text[512];
    va_list args;
    if (log_to.call == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_to.call(log_to.context, level, text);
}
