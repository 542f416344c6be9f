/* test_stub.c -- a driver that fails, aborts or hangs in each call that Kerf makes of OpenCL:
 * one line tells which and how, and the driver beside it stays usable.
 *
 * The table has a row for every entry of KERF__OPENCL_LIST, which is checked. */
#include "device/stub.h"

#include "base/fail.h"

enum { NUM_WORKERS = 4 };

/* What people are told.  `error`: when the call fails; NULL: Kerf does without it and tells
 * nothing.  `trying`: what a trial that ends in this call was about; where that is only a
 * feature the device is used without. */
static const struct row {
    const char *entry, *error, *trying;
    int is_feature;
} ROWS[] = {
    {"GetPlatformIDs", "it offers no platform", "its list of devices", 0},
    {"GetPlatformInfo", "it offers no platform", "its list of devices", 0},
    {"GetDeviceIDs", "listing its devices failed (CL_OUT_OF_RESOURCES, -5)", "its list of devices",
     0},
    {"GetDeviceInfo", "its version is '', must be OpenCL 1.2 or later", "its list of devices", 0},
    {"CreateContext", "opening a queue failed (CL_OUT_OF_RESOURCES, -5)", "stub device: opening",
     0},
    {"ReleaseContext", NULL, "stub device: closing", 0},
    {"CreateCommandQueue", "opening a queue failed (", "stub device: opening", 0},
    {"ReleaseCommandQueue", NULL, "stub device: closing", 0},
    {"CreateBuffer", "buffer: stub device has no ", "stub device: moving bytes", 0},
    {"CreateSubBuffer", "view of 16 bytes failed (", "stub device: moving bytes", 0},
    {"ReleaseMemObject", NULL, "stub device: moving bytes", 0},
    {"EnqueueReadBuffer", "read of 16 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueWriteBuffer", "upload of 8 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueCopyBuffer", "copy of 16 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueFillBuffer", "fill of 16 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueMapBuffer", "map of 16 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueUnmapMemObject", "unmap of 16 bytes failed (", "stub device: moving bytes", 0},
    {"EnqueueNDRangeKernel", "probe_group: queueing failed (", "stub device: a kernel", 0},
    {"EnqueueMarkerWithWaitList", "mark in the queue failed (", "stub device: moving bytes", 0},
    {"WaitForEvents", "queued work failed (", "stub device: moving bytes", 0},
    {"GetEventInfo", NULL, "stub device: moving bytes", 0},
    {"ReleaseEvent", NULL, "stub device: moving bytes", 0},
    {"Flush", "mark in the queue failed (", "stub device: moving bytes", 0},
    {"Finish", "queued work failed (", "stub device: moving bytes", 0},
    {"CreateProgramWithSource", "probe.cl: making a program failed (", "stub device: a kernel", 0},
    {"CreateProgramWithBinary", NULL, "stub device: saved programs", 1},
    {"BuildProgram", "probe.cl: build failed on stub device (", "stub device: a kernel", 0},
    {"CompileProgram", NULL, "stub device: joined launches", 1},
    {"LinkProgram", NULL, "stub device: joined launches", 1},
    {"GetProgramInfo", NULL, "stub device: saved programs", 1},
    {"GetProgramBuildInfo", NULL, "stub device: half precision", 1},
    {"ReleaseProgram", NULL, "stub device: closing", 0},
    {"CreateKernel", "probe_group: making the kernel failed (", "stub device: a kernel", 0},
    {"ReleaseKernel", NULL, "stub device: a kernel", 0},
    {"SetKernelArg", "probe_group: setting argument 0 failed (", "stub device: a kernel", 0},
    {"GetKernelInfo", "probe_group: counting its arguments failed (", "stub device: a kernel", 0},
    {"GetKernelWorkGroupInfo", NULL, "stub device: a kernel", 0},
};
enum { NUM_ROWS = sizeof ROWS / sizeof ROWS[0] };

static void check_complete(void)
{
    static const char *const ENTRIES[] = {
#define X(name) #name,
        KERF__OPENCL_LIST(X)
#undef X
    };
    CHECK(sizeof ENTRIES / sizeof ENTRIES[0] == NUM_ROWS);
    for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
        int found = 0;
        for (size_t k = 0; k < NUM_ROWS; k++)
            found += strcmp(ENTRIES[i], ROWS[k].entry) == 0;
        if (found != 1)
            printf("%s has %d rows\n", ENTRIES[i], found);
        CHECK(found == 1);
    }
}

/* ---- one case: a row and a way to fail --------------------------------------------------- */

typedef struct stub_case {
    const struct row *row;
    const char *how, *ends; /* "-5", "abort", "hang"; what is told of such an end, or NULL */
} stub_case;

static const stub_case WAYS[] = {{NULL, "-5", NULL},
                                 {NULL, "abort", "it crashed (signal 6, Aborted)"},
                                 {NULL, "hang", "it did not answer within"}};
enum { NUM_WAYS = sizeof WAYS / sizeof WAYS[0] };

static void check_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        printf("'%s' does not say '%s'\n", text, words);
    CHECK(strstr(text, words) != NULL);
}

/* In the child: the good device works whatever the stub does, and one line tells of it. */
static void check_case(const void *context)
{
    const stub_case *c = context;
    char trying[128];
    snprintf(trying, sizeof trying, ", trying %s", c->row->trying);
    stub_check_device(0);
    const char *told = kerf_device_left_out();
    const int silent = c->ends == NULL && c->row->error == NULL;
    CHECK(strchr(told, '\n') == NULL);
    CHECK((told[0] == '\0') == silent);
    if (!silent) {
        check_says(told, c->ends != NULL ? c->ends : c->row->error);
        check_says(told, c->ends != NULL ? trying : "(");
        check_says(told, c->row->is_feature ? "used without its features: " : "left out: ");
    }
    if (silent || c->row->is_feature)
        stub_check_device(1);
    else
        CHECK(stub_find(1) < 0);
}

static int was_hit(const stub_folder *f)
{
    int hit = access(f->log, F_OK) == 0;
    unlink(f->log);
    return hit;
}

static int emulated(void)
{
    return getenv("KERF_TEST_SMALL") != NULL;
}

/* On a busy machine a trial may take longer than the time it is given, and so not come to
 * the call that hangs, or only as its time ends: then it gets more. */
static void run_case(stub_folder *f, int number, const stub_case *c)
{
    char mode[64], ms[16];
    int status = 0, hit = 0;
    snprintf(mode, sizeof mode, "%s %s", c->row->entry, c->how);
    const int most = emulated() ? 600000 : 60000;
    for (int patience = strcmp(c->how, "hang") == 0 ? most / 40 : most;
         (status != 0 || !hit) && patience <= most; patience *= 6) {
        snprintf(ms, sizeof ms, "%d", patience);
        setenv("KERF_PROBE_TIMEOUT_MS", ms, 1);
        stub_install(f, number);
        status = stub_run(check_case, c, mode, NULL);
        hit = was_hit(f);
    }
    if (status != 0 || !hit)
        printf("%s: %s\n", mode, hit ? "failed" : "the call was never made");
    CHECK(status == 0 && hit);
}

/* ---- all of them, shared out among workers with a folder each ----------------------------- */

/* A few of them where each trial takes minutes: this is about processes, not the processor. */
static void work(int worker)
{
    const int step = emulated() ? 11 * NUM_WORKERS : NUM_WORKERS;
    stub_folder f;
    stub_open(&f);
    for (int i = worker; i < NUM_ROWS * NUM_WAYS; i += step) {
        stub_case c = WAYS[i / NUM_ROWS];
        c.row = &ROWS[i % NUM_ROWS];
        run_case(&f, i, &c);
    }
    stub_close(&f);
}

int main(void)
{
    if (getenv("OCL_ICD_VENDORS") == NULL) /* a simulator in the loader's place asks no driver */
        return 77;
    check_complete();
    pid_t workers[NUM_WORKERS];
    for (int i = 0; i < NUM_WORKERS; i++) {
        fflush(stdout);
        workers[i] = fork();
        if (workers[i] == 0) {
            check_failures = 0;
            work(i);
            fflush(stdout);
            _exit(check_failures != 0);
        }
    }
    for (int i = 0; i < NUM_WORKERS; i++) {
        int status = -1;
        CHECK(waitpid(workers[i], &status, 0) == workers[i] && status == 0);
    }
    return check_result();
}
