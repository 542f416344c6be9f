/* crash.c -- a driver that crashes takes the command along: one line says in what, and a kernel
 * that it crashed on is remembered.  Then the signal takes its way, through whatever handler
 * was there before (a driver's, a sanitizer's). */
#include "crash.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "ranks.h"
#include "say.h"

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum { NUM_SIGNALS = sizeof SIGNALS / sizeof SIGNALS[0] };

/* A handler is told nothing but through a global. */
static struct sigaction before[NUM_SIGNALS];

/* A handler may call write() and little else. */
static void put(const char *text)
{
    const ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void on_crash(int number)
{
    const char digits[] = {(char)('0' + number / 10), (char)('0' + number % 10), '\0'};
    put("kerf: crashed (signal ");
    put(number < 10 ? digits + 1 : digits);
    put(") ");
    put(kerf_device_crashed());
    put("\n");
    for (size_t i = 0; i < NUM_SIGNALS; i++)
        if (SIGNALS[i] == number)
            sigaction(number, &before[i], NULL);
    raise(number); /* once this handler returns */
}

kerf_status open_device(kerf_device **out, const options *o, const char *spec)
{
    char own[256] = "";
    if (spec == o->device && ranks_of(o) != NULL)
        spec = ranks_device(o, own, sizeof own);
    const kerf_status status = kerf_device_open(out, spec);
    if (status == KERF_OK && options_given(o, "max-launch-ms"))
        kerf_device_set_max_launch(*out, o->max_launch_ms);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_crash;
    for (size_t i = 0; i < NUM_SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(SIGNALS[i], NULL, &now) == 0 && now.sa_handler != on_crash &&
            sigaction(SIGNALS[i], &action, NULL) == 0)
            before[i] = now;
    }
    return status;
}

void close_device(const options *o, kerf_device *dev)
{
    if (dev != NULL)
        warn_lines(o, kerf_device_notes(dev));
    if (dev != NULL && interrupted()) /* whoever stops it does not wait for the next start's sake */
        kerf_device_keep_programs(dev, 0);
    kerf_device_close(dev);
}
