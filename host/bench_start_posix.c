/* bench_start_posix.c -- one start, in a process of its own; see bench_start.h.
 *
 * It is made by fork before this one has touched OpenCL, so that libraries, drivers and programs
 * are loaded anew. */
#define _XOPEN_SOURCE 700 /* nftw; NOLINT(bugprone-reserved-identifier) */
#include "bench_start.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_model.h"
#include "crash.h"
#include "files.h"

static const double MOST_KEEPING_MS = 600e3;

/* Told to the parent when the first result is there; what follows is not timed: that the next start
 * finds everything, however long the driver takes to give it. */
static int start_here(const options *o, int answer)
{
    contender c = {0};
    kerf_device *dev;
    const double begin = now_ms();
    kerf_status status = open_device(&dev, o, o->device);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    c.start.open_ms = now_ms() - begin;
    int code = bench_open_model(o, &c, o->words.items[0], dev);
    status = code == 0 ? bench_run_once(&c, o->train, &c.start.first_ms) : KERF_OK;
    if (status != KERF_OK)
        code = fail_kerf(o, status);
    if (code == 0 && write(answer, &c.start, sizeof c.start) != (ssize_t)sizeof c.start)
        code = EXIT_FAILED;
    bench_close_model(&c);
    kerf_device_keep_programs(dev, MOST_KEEPING_MS);
    close_device(o, dev);
    return code;
}

/* Where drivers keep what they compiled: a cold start must not find that either. */
static void use_cache(const char *folder)
{
    static const char *const VARIABLES[] = {"KERF_CACHE_DIR",  "POCL_CACHE_DIR",
                                            "CUDA_CACHE_PATH", "MESA_SHADER_CACHE_DIR",
                                            "NEO_CACHE_DIR",   "XDG_CACHE_HOME"};
    for (size_t i = 0; folder != NULL && i < sizeof VARIABLES / sizeof VARIABLES[0]; i++)
        setenv(VARIABLES[i], folder, 1);
}

static int read_answer(int input, start_times *t)
{
    ssize_t got;
    do
        got = read(input, t, sizeof *t);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *t;
}

/* `folder` NULL is the user's own. */
static int start_in(const options *o, const char *folder, start_times *t)
{
    int ends[2], status = 0;
    fflush(NULL); /* else the child would print it once more */
    if (pipe(ends) != 0)
        return fail_work(o, "no process for a start: %s", strerror(errno));
    const double begin = now_ms();
    const pid_t pid = fork();
    if (pid == 0) {
        use_cache(folder);
        _exit(start_here(o, ends[1]));
    }
    close(ends[1]);
    const int heard = pid > 0 && read_answer(ends[0], t);
    t->total_ms = now_ms() - begin;
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (heard)
        return 0;
    return WIFEXITED(status) && WEXITSTATUS(status) != 0
               ? WEXITSTATUS(status) /* it said why */
               : fail_work(o, "a start of %s ended without a result", o->words.items[0]);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

int start_cold(const options *o, start_times *t)
{
    char folder[] = "/tmp/kerf-start-XXXXXX";
    if (mkdtemp(folder) == NULL)
        return fail_work(o, "%s: cannot be made: %s", folder, strerror(errno));
    const int code = start_in(o, folder, t);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}

int start_apart(const options *o, start_times *t)
{
    return start_in(o, NULL, t);
}
