/* train/run_folder.c -- the folder of a run; see run_folder.h.
 *
 * The lock is flock's: the kernel lets it go when the process dies, however it dies, so a
 * run that was killed leaves nothing to unlock.  What it was writing is swept away by the next. */
#define _DEFAULT_SOURCE /* flock */
#include "train/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* ---- locks ---------------------------------------------------------------------------------- */

static kerf_status in_use(int lock, const char *dir)
{
    char who[32] = "";
    ssize_t got = pread(lock, who, sizeof who - 1, 0);
    who[got > 0 ? got : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    return kerf__fail(KERF_ERR_FILE,
                      "%s: process %s is working here; wait until it ends or take another folder",
                      dir, who[0] != '\0' ? who : "(unknown)");
}

/* Who holds it writes its number into it. */
static kerf_status hold(int lock, const char *dir)
{
    char who[32];
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return in_use(lock, dir);
    int num = snprintf(who, sizeof who, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, who, (size_t)num, 0) != num)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", dir, kerf__errno_text(errno));
    return KERF_OK;
}

static kerf_status take_lock(int *lock, const char *dir, const char *name)
{
    char *path = kerf__path_join(dir, name);
    if (path == NULL)
        return kerf__fail_memory(dir, strlen(dir));
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    if (*lock < 0)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be locked: %s", dir, kerf__errno_text(errno));
    return hold(*lock, dir);
}

/* "checkpoint.4711.tmp" of a process that is no more (base/file.c names them so). */
static int is_left_over(const char *name)
{
    const char *suffix = strstr(name, ".tmp");
    const char *digits = suffix;
    if (suffix == NULL || suffix[4] != '\0')
        return 0;
    while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    const long pid = strtol(digits, NULL, 10);
    return digits > name + 1 && digits[-1] == '.' && pid > 0 && kill((pid_t)pid, 0) != 0 &&
           errno == ESRCH;
}

/* What was half-written when its writer was killed. */
static void sweep(const char *path)
{
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char *left = is_left_over(e->d_name) ? kerf__path_join(path, e->d_name) : NULL;
        if (left != NULL)
            unlink(left);
        free(left);
    }
    if (dir != NULL)
        closedir(dir);
}

struct kerf_folder_lock {
    int file;
};

/* Another name than that of a training in the same folder, which this process will begin. */
kerf_status kerf_folder_lock_open(kerf_folder_lock **out, const char *dir)
{
    *out = NULL;
    kerf_folder_lock *lock = kerf__alloc(1, sizeof *lock);
    if (lock == NULL)
        return kerf__fail_memory(dir, sizeof *lock);
    lock->file = -1;
    kerf_status status = kerf__make_dirs(dir);
    if (status == KERF_OK)
        status = take_lock(&lock->file, dir, "run.lock");
    if (status != KERF_OK) {
        kerf_folder_lock_close(lock);
        return status;
    }
    sweep(dir);
    *out = lock;
    return KERF_OK;
}

void kerf_folder_lock_close(kerf_folder_lock *lock)
{
    if (lock != NULL && lock->file >= 0)
        close(lock->file);
    free(lock);
}

/* ---- the folder ----------------------------------------------------------------------------- */

kerf_status kerf__run_folder_open(kerf__run_folder *f, const char *path, int writes)
{
    *f = (kerf__run_folder){.lock = -1};
    if (path == NULL)
        return KERF_OK;
    if (!writes)
        return name_files(f, path);
    kerf_status status = kerf__make_dirs(path);
    if (status == KERF_OK)
        status = name_files(f, path);
    if (status == KERF_OK)
        status = take_lock(&f->lock, path, "lock");
    if (status == KERF_OK)
        sweep(path);
    else
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
