/* test_opencl.c -- OpenCL is found where a system keeps it, Android's ways included: a vendor's
 * library that is no ICD loader, Google's wrappers, a library that only libvndksupport opens.
 *
 * Each case runs in a child process, because OpenCL is loaded once a process.  A vendor's
 * library is played by the real loader under another name, so what is found also computes;
 * the rest by stub_opencl.c.  That a vendor's folder is looked into is shown by the AArch64
 * run (tests/emulate), where OpenCL is nowhere else. */
#define _GNU_SOURCE /* dladdr; NOLINT(bugprone-reserved-identifier) */
#include "check.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"
#include "device/verdict_store.h"

static char folder[256], vendor[300], stub[1024], script[300];

/* Runs `test` in a child with these two variables ("": not set). */
static void in_child(void (*test)(void), const char *library, const char *mode)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("KERF_OPENCL", library, 1);
        setenv("KERF_STUB", mode, 1);
        check_failures = 0;
        test();
        fflush(stdout);
        _exit(check_failures != 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0)
        printf("with '%s', '%s' the child ended with status %d\n", library, mode, status);
    CHECK(status == 0);
}

static kerf_device *works(void)
{
    kerf_device *dev = check_open_device();
    kerf__buffer *buffer = NULL;
    int one = 1, got = 0;
    CHECK_OK(kerf__buffer_create(&buffer, dev, sizeof one));
    CHECK_OK(kerf__buffer_write(buffer, 0, &one, sizeof one));
    CHECK_OK(kerf__buffer_read(buffer, 0, &got, sizeof got));
    CHECK(got == 1);
    kerf__buffer_destroy(buffer);
    return dev;
}

static void works_whatever_is_told(void)
{
    kerf_device_close(works());
}

/* Its features are found by test, as those of a driver with an .icd file are. */
static void is_judged_itself(void)
{
    kerf_device *dev = works();
    CHECK(!dev->cl->preloaded);
    CHECK(kerf__verdict_find(&dev->cl->drivers, &dev->info) != NULL);
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
    kerf_device_close(dev);
}

/* What is remembered of the vendor's library counts for some time only. */
static void check_verdict_ends(void)
{
    char key[40];
    kerf__driver_file file = {.icd = "no .icd file"};
    snprintf(file.library, sizeof file.library, "%s", vendor);
    CHECK(kerf__verdict_key(&file, key));
    json_t *verdict = kerf__verdict_load(key);
    CHECK(json_integer_value(json_object_get(verdict, "until")) > 0);
    json_decref(verdict);
}

/* A helper that dies of the features, and where nothing is remembered yet. */
static void is_used_without_features(void)
{
    char text[2048];
    const char *const real = getenv("KERF_PROBE");
    snprintf(text, sizeof text,
             "#!/bin/sh\nif [ \"$1\" = --basic ]; then exec '%s' --basic; fi\nkill -SEGV $$\n",
             real != NULL ? real : "kerf-probe");
    CHECK_OK(kerf__file_write(script, text, strlen(text)));
    CHECK(chmod(script, 0755) == 0);
    setenv("KERF_PROBE", script, 1);
    setenv("KERF_CACHE_DIR", folder, 1);
    kerf_device *dev = works();
    CHECK(strstr(kerf_device_left_out(), "used without its features: ") != NULL);
    CHECK(strstr(kerf_device_left_out(), "libGLES_kerf.so (no .icd file): it crashed") != NULL);
    check_verdict_ends();
    kerf_device_close(dev);
}

/* As a loader is without drivers: no news, but there may be some later. */
static void has_no_platform(void)
{
    kerf_device *dev = NULL;
    setenv("OCL_ICD_VENDORS", folder, 1);
    setenv("KERF_CACHE_DIR", folder, 1);
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&dev, NULL));
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
    check_verdict_ends();
}

static void refused_with(const char *words)
{
    kerf_device *dev = NULL;
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&dev, NULL));
    if (strstr(kerf_last_error(), words) == NULL)
        printf("'%s' lacks '%s'\n", kerf_last_error(), words);
    CHECK(strstr(kerf_last_error(), words) != NULL);
    CHECK(strchr(kerf_last_error(), '\n') == NULL);
    CHECK(dev == NULL);
}

static void is_not_there(void)
{
    refused_with("no OpenCL library: KERF_OPENCL is '/nowhere/libOpenCL.so' (");
    refused_with("must be the path of an ICD loader or of a driver that works without one");
}

static void has_no_opencl(void)
{
    refused_with("clGetPlatformIDs), must be");
}

static void is_too_old(void)
{
    refused_with("the OpenCL library has no clEnqueueFillBuffer, must be OpenCL 1.2 or later");
}

static void crashes(void)
{
    refused_with("the OpenCL library is a driver that does not work: ");
    refused_with("libstub_opencl.so (no .icd file): it crashed (signal 6");
    CHECK(strstr(kerf_device_left_out(), "libstub_opencl.so") != NULL);
}

/* The name alone is found by the stub, which must be open for that: it has libvndksupport's
 * name inside. */
static void is_found_by_support(void)
{
    CHECK(dlopen(stub, RTLD_NOW) != NULL);
    setenv("KERF_STUB_VENDOR", folder, 1);
    kerf_device_close(works());
}

static void is_hidden(void)
{
    refused_with("KERF_OPENCL is 'libGLES_kerf.so' (");
}

static void make_vendor(void)
{
    char beside[900];
    Dl_info info;
    const char *told = getenv("KERF_TEST_OPENCL");
    void *real = dlopen(told != NULL ? told : "libOpenCL.so.1", RTLD_NOW);
    CHECK(real != NULL && dladdr(dlsym(real, "clGetPlatformIDs"), &info) != 0);
    snprintf(folder, sizeof folder, "%s/kerf-opencl-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(vendor, sizeof vendor, "%s/libGLES_kerf.so", folder);
    snprintf(script, sizeof script, "%s/helper", folder);
    CHECK(real == NULL || symlink(info.dli_fname, vendor) == 0);
    if (real != NULL)
        dlclose(real); /* else it would count as present */
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - 1);
    beside[length > 0 ? length : 0] = '\0';
    *(strrchr(beside, '/') + 1) = '\0';
    snprintf(stub, sizeof stub, "%slibstub_opencl.so", beside);
}

static void remove_below(const char *what)
{
    char command[400];
    snprintf(command, sizeof command, "rm -r '%.250s%s'", folder, what);
    CHECK(system(command) == 0);
}

int main(void)
{
    if (getenv("LD_PRELOAD") != NULL) { /* a simulator: what is there already wins */
        in_child(works_whatever_is_told, "/nowhere/libOpenCL.so", "");
        return check_result();
    }
    make_vendor();
    in_child(has_no_platform, vendor, "");
    remove_below("/probe"); /* the same library, with drivers */
    in_child(is_used_without_features, vendor, "");
    in_child(is_judged_itself, vendor, "");
    in_child(works_whatever_is_told, stub, "");
    in_child(is_too_old, stub, "old");
    in_child(crashes, stub, "abort");
    in_child(is_not_there, "/nowhere/libOpenCL.so", "");
    in_child(has_no_opencl, "libm.so.6", "");
    in_child(is_found_by_support, "libGLES_kerf.so", "");
    in_child(is_hidden, "libGLES_kerf.so", "");
    remove_below("");
    return check_result();
}
