/* test_run_killed.c -- `kerf run` of all methods in one recipe, killed again and again, at random
 * moments and in the middle of writing checkpoints: what comes of it at the end has the bits of the
 * run that nobody disturbed.
 *
 *     test_run_killed [KILLS [SEED]]      4, 1; KERF names the command
 *
 * Each kill goes on from what the one before left; a run that comes to its end first is compared,
 * and the next one begins anew. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "train/test_folder.h"

static const char RECIPE[] =
    "model: lenet-300-100\n"
    "width: 0.1\n"
    "data: random:1,8,8,4\n"
    "val: 512\n"
    "stages:\n"
    "  - name: dense\n"
    "    train: {epochs: 6, batch: 64, lr: 0.02}\n"
    "    steps: [checkpoint: {start: 0.3, every: 0.7}]\n"
    "  - name: small\n"
    "    train: {epochs: 24, batch: 64, lr: 0.02}\n"
    "    steps:\n"
    "      - prune: {start: 0, end: 12, every: 0.5, scope: global, sparsity: 0.95}\n"
    "      - distill: {teacher: self, temperature: 3, alpha: 0.7, end: 20}\n"
    "      - quantize: {start: 16, freeze_observers: 20}\n"
    "      - lr: {start: 16, lr: 0.002}\n"
    "      - freeze: {start: 17, end: 18, layers: fc3*}\n"
    "      - evaluate: {start: 0.25, every: 3}\n"
    "      - checkpoint: {start: 0.2, every: 0.3}\n"
    "output: {formats: [onnx, kerf]}\n";

static test_folder base; /* holds all of the following */
static char recipe[320], whole[320], cut[320];

static const char *join(char path[512], const char *dir, const char *name)
{
    snprintf(path, 512, "%s/%s", dir, name);
    return path;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    CHECK(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* ---- the command ---------------------------------------------------------------------------- */

static pid_t start(const char *dir)
{
    char path[512];
    const char *kerf = getenv("KERF");
    const int goes_on = access(join(path, dir, "recipe.yaml"), F_OK) == 0;
    fflush(stdout); /* or the child has it, too */
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execl(kerf, kerf, "run", recipe, "-o", dir, "-q", goes_on ? "--resume" : (char *)NULL,
                  (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Milliseconds that it takes to its end. */
static long finish(const char *dir)
{
    int status;
    const double began = kerf__now_ms();
    waitpid(start(dir), &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return (long)(kerf__now_ms() - began);
}

/* ---- kills ---------------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t *x, uint32_t below)
{
    *x = *x * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*x * below) >> 32);
}

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Until the child writes its num-th checkpoint from now on, in either stage, or comes to its end.
 */
static void wait_for_checkpoint(pid_t pid, uint32_t num)
{
    char path[2][512];
    int was_there = 0;
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/%s/checkpoint.%ld.tmp", cut, i ? "small" : "dense",
                 (long)pid);
    while (!has_ended(pid)) {
        const int is_there = access(path[0], F_OK) == 0 || access(path[1], F_OK) == 0;
        if (is_there && !was_there && num-- == 0)
            return;
        was_there = is_there;
        sched_yield();
    }
}

static int is_half_written(const char *stage)
{
    char path[512];
    int num = 0;
    DIR *dir = opendir(join(path, cut, stage));
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        num += strncmp(e->d_name, "checkpoint.", 11) == 0 && strstr(e->d_name, ".tmp") != NULL;
    if (dir != NULL)
        closedir(dir);
    return num;
}

/* 1 if it was still at work. */
static int kill_one(uint32_t *x, int in_checkpoint, long ms)
{
    enum { MOST_CHECKPOINTS = 12 };
    int status;
    const long after = (long)random_below(x, (uint32_t)ms);
    const uint32_t num = random_below(x, MOST_CHECKPOINTS);
    pid_t pid = start(cut);
    if (in_checkpoint)
        wait_for_checkpoint(pid, num);
    else
        sleep_ms(after);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    const int half = is_half_written("dense") + is_half_written("small");
    printf("kill %s %ld: %s%s\n", in_checkpoint ? "in checkpoint" : "after ms",
           in_checkpoint ? (long)num : after, WIFSIGNALED(status) ? "in time" : "it was done",
           half ? ", a checkpoint is half written" : "");
    CHECK(half <= 1); /* what an earlier one left is swept away */
    return WIFSIGNALED(status);
}

/* ---- what must be the same ------------------------------------------------------------------ */

static void check_same_bytes(const char *name)
{
    char path[512];
    void *a, *b;
    size_t a_bytes, b_bytes;
    CHECK_OK(kerf__file_read(join(path, whole, name), 0, &a, &a_bytes));
    CHECK_OK(kerf__file_read(join(path, cut, name), 0, &b, &b_bytes));
    CHECK(a != NULL && b != NULL && a_bytes == b_bytes && memcmp(a, b, a_bytes) == 0);
    free(a);
    free(b);
}

/* Every epoch once, with the same numbers but for the time that it took. */
static void check_same_epochs(const char *name)
{
    char path[512];
    FILE *a = fopen(join(path, whole, name), "r"), *b = fopen(join(path, cut, name), "r");
    CHECK(a != NULL && b != NULL);
    for (int more = a != NULL && b != NULL; more;) {
        json_t *one = json_loadf(a, JSON_DISABLE_EOF_CHECK, NULL);
        json_t *other = json_loadf(b, JSON_DISABLE_EOF_CHECK, NULL);
        static const char *const times[] = {"seconds", "images_per_s"};
        for (int i = 0; i < 2; i++) {
            json_object_del(one, times[i]);
            json_object_del(other, times[i]);
        }
        more = one != NULL || other != NULL;
        CHECK(!more || json_equal(one, other));
        json_decref(one);
        json_decref(other);
    }
    if (a != NULL)
        fclose(a);
    if (b != NULL)
        fclose(b);
}

static void check_same(void)
{
    static const char *const files[] = {"model.onnx", "model.kerf", "dense/model.onnx",
                                        "small/choices.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_same_bytes(files[i]);
    check_same_epochs("dense/metrics.jsonl");
    check_same_epochs("small/metrics.jsonl");
}

static void kill_often(int kills, uint32_t x, long ms)
{
    int landed = 0;
    for (int i = 0; landed < kills && i < 4 * kills; i++) {
        const int in_time = kill_one(&x, i % 2, ms);
        landed += in_time;
        if (in_time)
            continue;
        check_same();
        remove_tree(cut);
    }
    CHECK(landed == kills);
    finish(cut);
    check_same();
}

int main(int argc, char **argv)
{
    const int kills = argc > 1 ? atoi(argv[1]) : 4;
    const uint32_t seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    if (getenv("KERF") == NULL)
        return 77;
    test_folder_make(&base);
    snprintf(recipe, sizeof recipe, "%s/r.yaml", base.path);
    snprintf(whole, sizeof whole, "%s/whole", base.path);
    snprintf(cut, sizeof cut, "%s/cut", base.path);
    CHECK_OK(kerf__file_write(recipe, RECIPE, strlen(RECIPE)));
    finish(cut); /* builds the kernels */
    remove_tree(cut);
    const long ms = finish(whole);
    kill_often(kills, seed, ms);
    remove_tree(base.path);
    return check_result();
}
