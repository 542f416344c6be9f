/* stub.h -- a folder of two drivers, for tests: the good one of this test run, and stub_icd,
 * which hands on to it and breaks as KERF_STUB tells.
 *
 * Each case runs in a child process, because OpenCL is loaded once a process; the parent never
 * loads it. */
#ifndef KERF_STUB_H
#define KERF_STUB_H

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "device/device_internal.h"

typedef struct stub_folder {
    char path[256], vendors[300], cache[300], log[300], library[300];
    char good_icd[1024]; /* OCL_ICD_VENDORS of this test run */
} stub_folder;

static inline void stub_copy(const char *from, const char *to)
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(from, 0, &bytes, &num_bytes));
    CHECK_OK(kerf__file_write(to, bytes, num_bytes));
    free(bytes);
}

/* The stub beside this program, as another file for each number: its verdict is a new one. */
static inline void stub_install(stub_folder *f, int number)
{
    char path[1100], beside[1024];
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - 1);
    beside[length > 0 ? length : 0] = '\0';
    *(strrchr(beside, '/') + 1) = '\0';
    snprintf(path, sizeof path, "%slibstub_icd.so", beside);
    if (f->library[0] != '\0')
        unlink(f->library);
    snprintf(f->library, sizeof f->library, "%.256s/libstub%d.so", f->path, number);
    stub_copy(path, f->library);
    snprintf(path, sizeof path, "%s/stub.icd", f->vendors);
    CHECK_OK(kerf__file_write(path, f->library, strlen(f->library)));
}

static inline void stub_install_good(const stub_folder *f, int present)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/good.icd", f->vendors);
    unlink(path);
    if (present)
        stub_copy(f->good_icd, path);
}

/* A fresh folder with the good driver and the stub, and an environment that uses it. */
static inline void stub_open(stub_folder *f)
{
    const char *base = getenv("TMPDIR"), *icd = getenv("OCL_ICD_VENDORS");
    void *library = NULL;
    size_t num_bytes = 0;
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%.200s/kerf-test-XXXXXX", base != NULL ? base : "/tmp");
    CHECK(mkdtemp(f->path) != NULL);
    snprintf(f->vendors, sizeof f->vendors, "%s/vendors", f->path);
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->path);
    snprintf(f->log, sizeof f->log, "%s/log", f->path);
    CHECK_OK(kerf__make_dirs(f->vendors));
    snprintf(f->good_icd, sizeof f->good_icd, "%s", icd);
    CHECK_OK(kerf__file_read(f->good_icd, 0, &library, &num_bytes));
    char *line = library;
    line[strcspn(line, " \t\r\n")] = '\0';
    setenv("KERF_STUB_DRIVER", line, 1);
    free(library);
    setenv("KERF_STUB_LOG", f->log, 1);
    setenv("KERF_CACHE_DIR", f->cache, 1);
    setenv("OCL_ICD_VENDORS", f->vendors, 1);
    unsetenv("KERF_DEVICE");
    stub_install(f, 0);
    stub_install_good(f, 1);
}

static inline void stub_close(const stub_folder *f)
{
    char command[300];
    setenv("OCL_ICD_VENDORS", f->good_icd, 1);
    snprintf(command, sizeof command, "rm -r %.250s", f->path);
    CHECK(system(command) == 0);
}

/* Runs test(context) in a child with KERF_STUB and KERF_PROBE (NULL: as it is) set so; gives
 * the child's status. */
static inline int stub_run(void (*test)(const void *context), const void *context, const char *mode,
                           const char *probe)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("KERF_STUB", mode, 1);
        if (probe != NULL)
            setenv("KERF_PROBE", probe, 1);
        check_failures = 0;
        alarm(300); /* a driver that hangs must not outlive the test */
        test(context);
        fflush(stdout);
        _exit(check_failures != 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0)
        printf("with '%s' the child ended with status %d\n", mode, status);
    return status;
}

/* The device works: bytes go there and come back through a kernel's queue. */
static inline void stub_check_works(const char *spec)
{
    kerf_device *dev;
    kerf__buffer *buffer = NULL;
    int one = 1, got = 0;
    CHECK_OK(kerf_device_open(&dev, spec));
    if (dev == NULL)
        return;
    CHECK_OK(kerf__buffer_create(&buffer, dev, sizeof one));
    CHECK_OK(kerf__buffer_write(buffer, 0, &one, sizeof one));
    CHECK_OK(kerf__buffer_read(buffer, 0, &got, sizeof got));
    CHECK(got == 1);
    kerf__buffer_destroy(buffer);
    kerf_device_close(dev);
}

/* The position of the good device, or of the stub's, in the list; -1: it is not there. */
static inline int stub_find(int stub)
{
    kerf_device_info *infos;
    size_t num;
    int found = -1;
    CHECK_OK(kerf_device_list(&infos, &num));
    for (size_t i = 0; i < num; i++)
        if ((strcmp(infos[i].name, "stub device") == 0) == stub)
            found = (int)i;
    kerf_device_list_free(infos);
    return found;
}

static inline void stub_check_device(int stub)
{
    char spec[16];
    int i = stub_find(stub);
    CHECK(i >= 0);
    snprintf(spec, sizeof spec, "%d", i);
    if (i >= 0)
        stub_check_works(spec);
}

#endif
