/* train/run_folder.c -- the folder of a run; see run_folder.h.
 *
 * The lock is flock's: the kernel lets it go when the process dies, however it dies, so a
 * run that was killed leaves nothing to clean up. */
#define _DEFAULT_SOURCE /* flock */
#include "train/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"

static kerf_status name_files(kerf__run_folder *f, const char *path)
{
    f->path = kerf__strdup(path);
    f->checkpoint = kerf__path_join(path, "checkpoint");
    f->previous = kerf__path_join(path, "checkpoint.old");
    f->metrics = kerf__path_join(path, "metrics.jsonl");
    f->events = kerf__path_join(path, "events.out.tfevents.kerf");
    f->choices = kerf__path_join(path, "choices.json");
    if (!f->path || !f->checkpoint || !f->previous || !f->metrics || !f->events || !f->choices)
        return kerf__fail_memory(path, 6 * strlen(path));
    return KERF_OK;
}

static kerf_status in_use(const kerf__run_folder *f)
{
    char who[32] = "";
    ssize_t got = pread(f->lock, who, sizeof who - 1, 0);
    who[got > 0 ? got : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    return kerf__fail(KERF_ERR_FILE,
                      "%s: process %s is working here; wait until it ends or take another folder",
                      f->path, who[0] != '\0' ? who : "(unknown)");
}

static kerf_status take_lock(kerf__run_folder *f)
{
    char *path = kerf__path_join(f->path, "lock");
    if (path == NULL)
        return kerf__fail_memory(f->path, strlen(f->path));
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    if (f->lock < 0)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be locked: %s", f->path,
                          kerf__errno_text(errno));
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        return in_use(f);
    char who[32];
    int num = snprintf(who, sizeof who, "%ld\n", (long)getpid());
    if (ftruncate(f->lock, 0) != 0 || pwrite(f->lock, who, (size_t)num, 0) != num)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", f->path,
                          kerf__errno_text(errno));
    return KERF_OK;
}

kerf_status kerf__run_folder_open(kerf__run_folder *f, const char *path)
{
    *f = (kerf__run_folder){.lock = -1};
    if (path == NULL)
        return KERF_OK;
    kerf_status status = kerf__make_dirs(path);
    if (status == KERF_OK)
        status = name_files(f, path);
    if (status == KERF_OK)
        status = take_lock(f);
    if (status != KERF_OK)
        kerf__run_folder_close(f);
    return status;
}

void kerf__run_folder_close(kerf__run_folder *f)
{
    if (f->path != NULL && f->lock >= 0)
        close(f->lock);
    free(f->path);
    free(f->checkpoint);
    free(f->previous);
    free(f->metrics);
    free(f->events);
    free(f->choices);
    *f = (kerf__run_folder){.lock = -1};
}
