/* test_kill.c -- kill -9 at random moments loses nothing but time.
 *
 *     test_kill [KILLS]              3
 *     test_kill --child FOLDER       trains there, going on where it can; writes the digest
 *
 * The parent has no device: a process that holds one must not fork. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "train/small_run.h"
#include "train/test_folder.h"

/* Long enough for the parent to strike in the middle. */
static double num_epochs(void)
{
    return small_is_tiny() ? 4 : 60;
}

/* ---- the child ------------------------------------------------------------------------------ */

/* The state, and what of it has become integers of the graph. */
static uint64_t digest_of(const small_run *r)
{
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_graph_serialize(r->g, &bytes, &num_bytes));
    const uint64_t digest = XXH64(bytes, num_bytes, small_digest(r->s));
    free(bytes);
    return digest;
}

/* Pruned from the first fifth on, trained with roundings in the last. */
static int run_child(const char *dir)
{
    char path[320], text[32];
    const kerf_quantize_event quantize = {.options = kerf_quantize_defaults(KERF_QUANTIZE_STATIC),
                                          .calibrate = {.samples = 64, .batch = 32, .seed = 1},
                                          .trains = 1,
                                          .freeze_observers = {0.9 * num_epochs(), KERF_EPOCHS}};
    const kerf_event events[] = {
        {KERF_EVENT_QUANTIZE, .start = {0.8 * num_epochs(), KERF_EPOCHS}, .quantize = &quantize},
        {KERF_EVENT_LR, .start = {0.8 * num_epochs(), KERF_EPOCHS},
         .lr = {0.005, KERF_LR_COSINE, {0, KERF_EPOCHS}}}};
    kerf_device *dev = check_open_device();
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(num_epochs());
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    o.events = events;
    o.num_events = 2;
    o.run_dir = dir;
    o.resume = access(path, F_OK) == 0;
    if (!o.resume) { /* between two renames the previous one is all there is */
        snprintf(path, sizeof path, "%s/checkpoint.old", dir);
        o.resume = access(path, F_OK) == 0;
    }
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    snprintf(path, sizeof path, "%s/digest", dir);
    int num = snprintf(text, sizeof text, "%016" PRIx64 "\n", digest_of(&r));
    CHECK_OK(kerf__file_write(path, text, (size_t)num));
    small_end(&r);
    kerf_device_close(dev);
    return check_result();
}

/* ---- the parent ------------------------------------------------------------------------------ */

static pid_t start(const char *program, const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "--child", dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static long now_ms(void)
{
    return (long)kerf__now_ms();
}

/* Milliseconds that an undisturbed child takes. */
static long run_undisturbed(const char *program, const char *dir)
{
    int status;
    long began = now_ms();
    waitpid(start(program, dir), &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        exit(77);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return now_ms() - began;
}

/* The state at the end must have the same bits as that of the run that nobody disturbed. */
static void check_digest(const test_folder *f, const char *want)
{
    void *text;
    size_t num_bytes;
    CHECK_OK(kerf__file_read(test_folder_path(f, "digest"), 31, &text, &num_bytes));
    CHECK(text != NULL && strcmp(text, want) == 0);
    free(text);
}

static void read_digest(const test_folder *f, char digest[32])
{
    void *text;
    size_t num_bytes;
    CHECK_OK(kerf__file_read(test_folder_path(f, "digest"), 31, &text, &num_bytes));
    snprintf(digest, 32, "%s", text != NULL ? (const char *)text : "");
    free(text);
}

/* One child and its death after `ms`; 1 if it was still at work. */
static int kill_one(const char *program, const test_folder *f, long ms)
{
    int status;
    pid_t pid = start(program, f->path);
    sleep_ms(ms);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    printf("kill after %ld ms: %s\n", ms, WIFSIGNALED(status) ? "in time" : "it was done");
    return WIFSIGNALED(status);
}

static void kill_often(const char *program, int kills, long ms, const char *want)
{
    test_folder f;
    unsigned x = (unsigned)getpid();
    int landed = 0;
    test_folder_make(&f);
    for (int i = 0; i < kills; i++) {
        x = x * 1664525u + 1013904223u;
        if (kill_one(program, &f, 20 + (long)(x >> 8) % ms)) {
            landed++;
            continue;
        }
        check_digest(&f, want); /* it came to its end; the next one starts afresh */
        test_folder_remove(&f);
        test_folder_make(&f);
    }
    printf("%d of %d kills in time\n", landed, kills);
    run_undisturbed(program, f.path);
    check_digest(&f, want);
    test_folder_remove(&f);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--child") == 0)
        return run_child(argv[2]);
    char want[32] = "";
    test_folder warm, whole;
    test_folder_make(&warm);
    test_folder_make(&whole);
    run_undisturbed(argv[0], warm.path); /* builds the kernels */
    long ms = run_undisturbed(argv[0], whole.path);
    read_digest(&whole, want);
    CHECK(strlen(want) == 17);
    kill_often(argv[0], argc > 1 ? atoi(argv[1]) : small_is_tiny() ? 1 : 3, ms, want);
    test_folder_remove(&warm);
    test_folder_remove(&whole);
    return check_result();
}
