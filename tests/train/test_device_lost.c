/* test_device_lost.c -- a device that is lost in the middle of training: an error, and a
 * checkpoint from which a healthy one goes on to the very same bits.
 *
 * tests/host/test_lost.sh does the same to the command, with a driver that fails. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "device/device_internal.h"
#include "device/fault.h"
#include "train/small_run.h"
#include "train/test_folder.h"

enum { NUM_PLACES = 16, MANY = 1 << 30 };

static kerf_device *dev;

static kerf_train_options run_options(const char *dir)
{
    kerf_train_options o = small_options(3);
    o.run_dir = dir;
    return o;
}

/* One training on a device whose n-th call fails (0: none), as do all that follow unless n is
 * odd: then an error that nobody looked at would show.  The calls made. */
static long train(const char *dir, int resume, long n, kerf_status *status, uint64_t *digest)
{
    small_run r = small_begin(dev);
    kerf_train_options o = run_options(dir);
    o.resume = resume;
    if (n % 2 == 1)
        kerf__fault_at(dev, n);
    else
        kerf__fault_lost_at(dev, n > 0 ? n : MANY);
    *status = kerf_train(r.g, r.s, r.d, &o);
    const long made = MANY - dev->fail_at;
    kerf__fault_at(dev, 0);
    *digest = small_digest(r.s);
    small_end(&r);
    return made;
}

/* What is left in the folder is whole, or there is nothing yet. */
static int check_checkpoint(const test_folder *f)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    const char *path = test_folder_path(f, "checkpoint");
    if (access(path, F_OK) != 0)
        return 0;
    CHECK_OK(kerf_checkpoint_read(&g, &s, path, 0, dev));
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return 1;
}

/* It fails at the n-th call; then all goes on, or starts again, to the same end. */
static void lose_at(long n, uint64_t want)
{
    test_folder f;
    kerf_status status;
    uint64_t digest;
    test_folder_make(&f);
    train(f.path, 0, n, &status, &digest);
    CHECK(status == KERF_ERR_OPENCL || status == KERF_ERR_MEMORY);
    CHECK(strstr(kerf_last_error(), "CL_OUT_OF_RESOURCES") != NULL);
    CHECK(strchr(kerf_last_error(), '\n') == NULL);
    const int resume = check_checkpoint(&f);
    train(f.path, resume, 0, &status, &digest);
    CHECK_STATUS(KERF_OK, status);
    if (digest != want)
        printf("failed at call %ld, %s: other bits\n", n, resume ? "resumed" : "started again");
    CHECK(digest == want);
    test_folder_remove(&f);
}

int main(void)
{
    test_folder f;
    kerf_status status;
    uint64_t want;
    dev = check_open_device();
    test_folder_make(&f);
    const long num = train(f.path, 0, 0, &status, &want);
    CHECK_STATUS(KERF_OK, status);
    test_folder_remove(&f);
    printf("a run makes %ld calls\n", num);
    CHECK(num > 10 * NUM_PLACES);
    for (int i = 0; i < NUM_PLACES; i++)
        lose_at(2 + i * (num - 2) / NUM_PLACES / 2 * 2 + i % 2, want);
    kerf_device_close(dev);
    return check_result();
}
