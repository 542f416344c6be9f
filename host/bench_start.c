/* bench_start.c -- `kerf bench M --start`: what a start takes, from a fresh process to its first
 * result.
 *
 * Each start is a process of its own, made by fork before this one has touched OpenCL, so that
 * libraries, drivers and programs are loaded anew.  The first has an empty cache folder; the others
 * share that of the user, behind one that fills it and does not count. */
#define _XOPEN_SOURCE 700 /* nftw; NOLINT(bugprone-reserved-identifier) */
#include "bench_start.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench_model.h"
#include "crash.h"
#include "files.h"
#include "json.h"
#include "text.h"

enum { DEFAULT_STARTS = 15 };

/* ---- telling ------------------------------------------------------------------------------ */

static const struct {
    const char *key, *words;
    size_t offset;
} PARTS[] = {
    {"open_ms", "open", offsetof(start_times, open_ms)},
    {"read_ms", "read", offsetof(start_times, read_ms)},
    {"build_ms", "build", offsetof(start_times, build_ms)},
    {"plan_ms", "plan", offsetof(start_times, plan_ms)},
    {"first_ms", "first run", offsetof(start_times, first_ms)},
    {"total_ms", "all together", offsetof(start_times, total_ms)},
};
enum { NUM_PARTS = sizeof PARTS / sizeof PARTS[0] };

static double *part(start_times *t, size_t i)
{
    return (double *)((char *)t + PARTS[i].offset);
}

json_t *start_json(const start_times *t)
{
    start_times copy = *t;
    json_t *object = json_object();
    for (size_t i = 0; i < NUM_PARTS; i++)
        json_object_set_new(object, PARTS[i].key, json_number(*part(&copy, i)));
    json_object_set_new(object, "compiled", json_integer(t->num_compiled));
    json_object_set_new(object, "loaded", json_integer(t->num_loaded));
    return object;
}

void start_print(const start_times *t, const char *what)
{
    start_times copy = *t;
    printf("%s:", what);
    for (size_t i = 0; i < NUM_PARTS; i++)
        if (!isnan(*part(&copy, i)))
            printf("%s %s %.1f ms", i > 0 ? "," : "", PARTS[i].words, *part(&copy, i));
    printf("; %d programs compiled, %d loaded\n", t->num_compiled, t->num_loaded);
}

/* ---- one start ---------------------------------------------------------------------------- */

/* Told to the parent when the first result is there; what follows is not timed. */
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

/* Its exit code; `folder` NULL is the user's own. */
static int start_apart(const options *o, const char *folder, start_times *t)
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

/* ---- all of them -------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static int start_cold(const options *o, start_times *t)
{
    char folder[] = "/tmp/kerf-start-XXXXXX";
    if (mkdtemp(folder) == NULL)
        return fail_work(o, "%s: cannot be made: %s", folder, strerror(errno));
    const int code = start_apart(o, folder, t);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}

/* Each part's median. */
static int start_warm(const options *o, size_t num, start_times *median)
{
    start_times one;
    timing times[NUM_PARTS] = {{0}};
    int code = start_apart(o, NULL, median);
    for (size_t n = 0; code == 0 && n < num; n++) {
        code = start_apart(o, NULL, &one);
        for (size_t i = 0; code == 0 && i < NUM_PARTS; i++)
            if (!timing_add(&times[i], *part(&one, i)))
                code = fail_memory(o);
        *median = one; /* counts of programs are the last one's */
    }
    for (size_t i = 0; i < NUM_PARTS; i++) {
        if (code == 0)
            *part(median, i) = timing_summarize(&times[i]).median;
        timing_free(&times[i]);
    }
    return code;
}

static int report(const options *o, const start_times *cold, const start_times *warm, size_t num)
{
    json_t *object = json_begin(), *start = start_json(warm);
    json_object_set_new(start, "runs", json_integer((json_int_t)num));
    json_object_set_new(start, "cold", start_json(cold));
    json_object_set_new(object, "model", json_text(o->words.items[0]));
    json_object_set_new(object, "start", start);
    if (!o->json) {
        start_print(cold, "cold start");
        start_print(warm, "warm start");
        printf("%.1fx as fast, medians of %zu warm starts\n", cold->total_ms / warm->total_ms, num);
    }
    return bench_finish(o, object);
}

int bench_starts(const options *o)
{
    const size_t num = options_given(o, "runs") ? (size_t)o->runs : DEFAULT_STARTS;
    start_times cold, warm;
    if (o->words.num != 1)
        return fail_usage(o, "--start: takes one model");
    int code = start_cold(o, &cold);
    if (code == 0)
        code = start_warm(o, num, &warm);
    return code == 0 ? report(o, &cold, &warm, num) : code;
}
