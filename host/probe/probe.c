/* probe.c -- the helper: tries the drivers that OCL_ICD_VENDORS names, prints a verdict.
 *
 * A process of its own, because a driver that crashes or hangs takes its process along; the
 * library runs it once a driver and remembers what came out.  Drivers print what they like,
 * so the verdict goes to where standard output was and they write to standard error.  Before
 * it, a line "# DEVICE: WHAT" says what is tried next. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kerf/kerf.h"

static FILE *out;

/* Out at once: who listens wants to know what it died of. */
static void trying(const char *what)
{
    fprintf(out, "# %.*s\n", (int)strcspn(what, "\r\n"), what);
    fflush(out);
}

void probe_and_exit(int basic)
{
    const struct rlimit no_core = {0, 0};
    char *json = NULL;
    setrlimit(RLIMIT_CORE, &no_core); /* a crash is expected, its memory image is not wanted */
    setenv("KERF_PROBE", "", 1);      /* no helpers of the helper */
    setenv("KERF_CACHE_DIR", "", 1);  /* a trial compiles; and its programs serve nobody else */
    out = fdopen(dup(STDOUT_FILENO), "w");
    if (out == NULL || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(1);
    if (kerf_device_probe(&json, basic, trying) != KERF_OK) {
        fprintf(stderr, "kerf-probe: %s\n", kerf_last_error());
        _exit(1);
    }
    fprintf(out, "%s\n", json);
    free(json);
    _exit(fclose(out) == 0 ? 0 : 1); /* what a driver does at the end is no part of the verdict */
}
