/* device/guard.c -- a kernel that ends the process once shall not end the next one, nor one that a
 * driver refuses be tried for ever.
 *
 * The probe tries a driver with small kernels of its own; it may still crash on a real one, when
 * that is built or first launched.  So each build, and each first launch of a process, leaves a
 * file in CACHE/guard, with one byte, and removes it when the driver comes back.  A file that is
 * there before is of a process that ended within it:
 *
 *     1 to 3 bytes   so many in a row; they may only have been killed, so it is tried again
 *     4 or more      that is no chance any more, or a handler of fatal signals said that it
 *                    was a crash (kerf_device_crashed)
 *     a text         not a crash: the driver said no, and another kernel took the place
 *                    (refusal.c)
 *
 * Four bytes or more refuse the program for a day; the name of the file changes with driver,
 * options and source.  A lock tells a process that is still at it from one that ended. */
#define _DEFAULT_SOURCE /* flock */
#include "device/guard.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"

enum { REFUSED_BYTES = 4, REFUSED_SECONDS = 24 * 3600, MOST_BYTES = 512 };

/* A handler of signals can be told nothing but through a global: the device that was opened
 * or at work last.  Its thread is the one that crashes, so it reads what was written. */
static _Atomic(const kerf__guard *) guard_now;

const char *kerf_device_crashed(void)
{
    const kerf__guard *g = guard_now;
    const ssize_t written = g != NULL && g->file >= 0 ? write(g->file, "xxxx", REFUSED_BYTES) : 0;
    (void)written; /* then it takes some crashes */
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

static char *guard_path(const char *key, int make)
{
    kerf__message kept = kerf__message_keep();
    char *path = kerf__cache_path("guard", key, make);
    kerf__message_put_back(&kept);
    return path;
}

/* ---- refusing -------------------------------------------------------------------------- */

/* How many bytes of an open file count; none if it was removed meanwhile. */
static long fresh_bytes(int file)
{
    struct stat info;
    if (fstat(file, &info) != 0)
        return -1;
    return info.st_nlink > 0 && time(NULL) - info.st_mtim.tv_sec < REFUSED_SECONDS
               ? (long)info.st_size
               : 0;
}

static kerf_status refuse(const kerf_device *dev, const char *source, int file, const char *path)
{
    char why[MOST_BYTES + 1] = "";
    const ssize_t length = pread(file, why, MOST_BYTES, 0);
    if (length > 0 && why[0] != 'x')
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s.cl: left alone since this was said of it: %.*s: must be another "
                          "device or kernel, or %s removed to try again",
                          source, (int)length, why, path);
    return kerf__fail(
        KERF_ERR_UNSUPPORTED,
        "%s.cl: the process ended when %s built or launched it, so it is left alone: must be "
        "another device or kernel, or %s removed to try again",
        source, dev->info.name, path);
}

kerf_status kerf__guard_check(const kerf_device *dev, const char *key, const char *source)
{
    char *path = guard_path(key, 0);
    const int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    kerf_status status = KERF_OK;
    const int is_at_rest = file >= 0 && flock(file, LOCK_SH | LOCK_NB) == 0;
    if (is_at_rest && fresh_bytes(file) >= REFUSED_BYTES)
        status = refuse(dev, source, file, path);
    if (file >= 0)
        close(file);
    free(path);
    return status;
}

void kerf__guard_refuse(const char *key, const char *why)
{
    char text[MOST_BYTES];
    const int length = snprintf(text, sizeof text, "%.*s", (int)strcspn(why, "\n"), why);
    kerf__message kept = kerf__message_keep();
    char *path = guard_path(key, 1);
    if (path != NULL && length > REFUSED_BYTES) {
        const size_t bytes = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
        kerf_status status = kerf__file_write(path, text, bytes);
        (void)status; /* then the next process finds out by itself */
    }
    free(path);
    kerf__message_put_back(&kept);
}

/* ---- a driver at work ------------------------------------------------------------------ */

/* Locks the file and tells how many bytes it has; -1 if another process is at the same. */
static long lock(kerf__guard *g)
{
    g->file = open(g->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (g->file < 0 || flock(g->file, LOCK_EX | LOCK_NB) != 0)
        return -1;
    const long bytes = fresh_bytes(g->file);
    return bytes == 0 && ftruncate(g->file, 0) != 0 ? -1 : bytes; /* those of long ago */
}

static void release(kerf_device *dev)
{
    kerf__guard *g = &dev->guard;
    if (g->file >= 0)
        close(g->file);
    free(g->path);
    kerf__guard_open(dev);
}

kerf_status kerf__guard_begin(kerf_device *dev, const char *key, const char *source,
                              const char *deed)
{
    kerf__guard *g = &dev->guard;
    g->path = guard_path(key, 1);
    const long bytes = g->path != NULL ? lock(g) : -1;
    if (bytes >= REFUSED_BYTES) {
        kerf_status status = refuse(dev, source, g->file, g->path);
        release(dev);
        return status;
    }
    if (bytes < 0 || write(g->file, "x", 1) != 1)
        release(dev);
    snprintf(g->text, sizeof g->text, "while %s %s%s", dev->info.name, deed,
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
