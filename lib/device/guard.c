/* device/guard.c -- a build that ends the process once shall not end the next one.
 *
 * The probe tries a driver with small kernels of its own; its compiler may still crash on a
 * real one.  So each build leaves a file in CACHE/guard, with one byte, and removes it when the
 * driver comes back.  A file that is there before a build is of a process that ended within it:
 *
 *     1 byte    it may only have been killed; try again, which makes it 2
 *     2 bytes   twice in a row, or a handler of fatal signals added one (kerf_device_crashed)
 *
 * Two bytes refuse the program for a day; the name of the file changes with driver, options
 * and source.  A lock tells a process that still builds from one that ended. */
#define _DEFAULT_SOURCE /* flock */
#include "device/guard.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/device_internal.h"

enum { REFUSED_BYTES = 2, REFUSED_SECONDS = 24 * 3600 };

/* A handler of signals can be told nothing but through a global: the device that was opened
 * or built for last.  Its thread is the one that crashes, so it reads what was written. */
static _Atomic(const kerf__guard *) guard_now;

const char *kerf_device_crashed(void)
{
    const kerf__guard *g = guard_now;
    const ssize_t written = g != NULL && g->file >= 0 ? write(g->file, "x", 1) : 0;
    (void)written; /* then it takes two crashes */
    return g != NULL ? g->text : "";
}

void kerf__guard_open(kerf_device *dev)
{
    dev->guard = (kerf__guard){.file = -1};
    snprintf(dev->guard.text, sizeof dev->guard.text, "while %s was used", dev->info.name);
    guard_now = &dev->guard;
}

void kerf__guard_close(kerf_device *dev)
{
    const kerf__guard *own = &dev->guard;
    atomic_compare_exchange_strong(&guard_now, &own, NULL);
}

/* ---- a build --------------------------------------------------------------------------- */

/* Locks the file and tells how many bytes it has; -1 if another process builds the same. */
static long lock(kerf__guard *g)
{
    struct stat info;
    g->file = open(g->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (g->file < 0 || flock(g->file, LOCK_EX | LOCK_NB) != 0 || fstat(g->file, &info) != 0)
        return -1;
    return time(NULL) - info.st_mtim.tv_sec < REFUSED_SECONDS ? (long)info.st_size : 0;
}

static void release(kerf_device *dev)
{
    kerf__guard *g = &dev->guard;
    if (g->file >= 0)
        close(g->file);
    free(g->path);
    kerf__guard_open(dev);
}

kerf_status kerf__guard_begin(kerf_device *dev, const char *key, const char *source)
{
    kerf__guard *g = &dev->guard;
    kerf__message kept = kerf__message_keep();
    g->path = kerf__cache_path("guard", key, 1);
    kerf__message_put_back(&kept);
    const long bytes = g->path != NULL ? lock(g) : -1;
    if (bytes >= REFUSED_BYTES) {
        kerf_status status = kerf__fail(
            KERF_ERR_UNSUPPORTED,
            "%s.cl: the process ended when %s built it, so it is left alone: must be another "
            "device or kernel (kerf tune), or %s removed to try again",
            source, dev->info.name, g->path);
        release(dev);
        return status;
    }
    if (bytes < 0 || write(g->file, "x", 1) != 1)
        release(dev);
    snprintf(g->text, sizeof g->text, "while %s built %s.cl%s", dev->info.name, source,
             g->file >= 0 ? "; that kernel is left alone from now on" : "");
    guard_now = g;
    return KERF_OK;
}

void kerf__guard_end(kerf_device *dev)
{
    if (dev->guard.file >= 0)
        unlink(dev->guard.path);
    release(dev);
}
