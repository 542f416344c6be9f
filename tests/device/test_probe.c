/* test_probe.c -- a broken driver does not take the others along.
 *
 * Each case runs in a child process, because OpenCL is loaded once a process: the good driver
 * of this test run and stub_icd stand in one folder, and the stub breaks in a new way. */
#include "check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"

static char folder[256], vendors[300], cache[300], stub[300], good_icd[1024];

static void copy_file(const char *from, const char *to)
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(from, 0, &bytes, &num_bytes));
    CHECK_OK(kerf__file_write(to, bytes, num_bytes));
    free(bytes);
}

/* The stub beside this program, as another file at each call: its verdict is a new one. */
static void write_stub_icd(int number)
{
    char path[1100], beside[1024];
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - 1);
    beside[length > 0 ? length : 0] = '\0';
    *(strrchr(beside, '/') + 1) = '\0';
    snprintf(path, sizeof path, "%slibstub_icd.so", beside);
    unlink(stub);
    snprintf(stub, sizeof stub, "%s/libstub%d.so", folder, number);
    copy_file(path, stub);
    snprintf(path, sizeof path, "%s/stub.icd", vendors);
    CHECK_OK(kerf__file_write(path, stub, strlen(stub)));
}

static void write_good_icd(int present)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/good.icd", vendors);
    unlink(path);
    if (present)
        copy_file(good_icd, path);
}

/* Runs `test` in a child with the stub in this mode. */
static void in_child(void (*test)(void), const char *mode, const char *probe)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("KERF_STUB", mode, 1);
        if (probe != NULL)
            setenv("KERF_PROBE", probe, 1);
        check_failures = 0;
        alarm(120); /* a driver that hangs must not outlive the test */
        test();
        fflush(stdout);
        _exit(check_failures != 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0)
        printf("in mode '%s' the child ended with status %d\n", mode, status);
    CHECK(status == 0);
}

static void works(void)
{
    kerf_device *dev = check_open_device();
    kerf__buffer *buffer = NULL;
    int one = 1, got = 0;
    CHECK_OK(kerf__buffer_create(&buffer, dev, sizeof one));
    CHECK_OK(kerf__buffer_write(buffer, 0, &one, sizeof one));
    CHECK_OK(kerf__buffer_read(buffer, 0, &got, sizeof got));
    CHECK(got == 1);
    kerf__buffer_destroy(buffer);
    kerf_device_close(dev);
}

static void works_with_verdict(void)
{
    kerf_device *dev = check_open_device();
    CHECK(dev->cl->drivers.num_verdicts > 0);
    CHECK(dev->info.features.divides_exactly); /* true of all that we test on */
    CHECK(dev->info.max_group >= 64);
    kerf_device_close(dev);
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
}

static void crashed_is_left_out(void)
{
    works();
    CHECK(strstr(kerf_device_left_out(), "libstub") != NULL);
    CHECK(strstr(kerf_device_left_out(), "it crashed (signal 6") != NULL);
    CHECK(strcmp(getenv("OCL_ICD_VENDORS"), vendors) == 0);
}

static void hanging_is_left_out(void)
{
    works();
    CHECK(strstr(kerf_device_left_out(), "did not answer within") != NULL);
}

static void nothing_is_left(void)
{
    kerf_device *dev = NULL;
    kerf_device_info *infos = NULL;
    size_t num = 1;
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&dev, NULL));
    CHECK(strstr(kerf_last_error(), "apt install") != NULL);
    CHECK(strstr(kerf_last_error(), "libstub") != NULL);
    CHECK(dev == NULL);
    CHECK_OK(kerf_device_list(&infos, &num));
    CHECK(num == 0);
    kerf_device_list_free(infos);
}

static void no_library(void)
{
    kerf_device *dev = NULL;
    setenv("KERF_OPENCL", "/nowhere/libOpenCL.so", 1);
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&dev, NULL));
    CHECK(strstr(kerf_last_error(), "/nowhere/libOpenCL.so") != NULL);
    CHECK(strchr(kerf_last_error(), '\n') == NULL);
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
}

static void works_cautiously(void)
{
    kerf_device *dev = check_open_device();
    CHECK(!dev->info.features.divides_exactly && !dev->info.features.f64);
    CHECK(dev->info.max_group >= 1 && dev->info.max_group <= 64);
    kerf_device_close(dev);
    works();
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
}

static void works_untried(void)
{
    works();
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
}

/* A verdict that was cut or edited is asked for again. */
static void damage_verdicts(const char *with)
{
    char command[1024];
    snprintf(command, sizeof command, "for f in %s/probe/*.json; do printf '%%s' '%s' > $f; done",
             cache, with);
    CHECK(system(command) == 0);
}

/* As if they had been found in 1970. */
static void age_verdicts(void)
{
    char command[1024];
    snprintf(command, sizeof command, "sed -i 's/\"time\": [0-9]*/\"time\": 1/' %s/probe/*.json",
             cache);
    CHECK(system(command) == 0);
}

/* Helpers that a script plays: one that dies of the features, one that cannot run, one that
 * says something else. */
static void test_helpers(void)
{
    char script[300], text[2048];
    const char *const real = getenv("KERF_PROBE");
    snprintf(script, sizeof script, "%s/helper", folder);
    snprintf(text, sizeof text,
             "#!/bin/sh\nif [ \"$1\" = --basic ]; then exec '%s' --basic; fi\nkill -SEGV $$\n",
             real != NULL ? real : "kerf-probe");
    CHECK_OK(kerf__file_write(script, text, strlen(text)));
    CHECK(chmod(script, 0755) == 0);
    damage_verdicts("");
    in_child(works_cautiously, "good", script);
    in_child(works_cautiously, "good", "/nowhere/kerf-probe"); /* that is remembered */
    static const char *const UNFIT[] = {"#!/bin/sh\nexit 127\n", "#!/bin/sh\necho nonsense\n",
                                        "#!/bin/sh\necho '{\"devices\": [{}]}'\n",
                                        "no program at all\n"};
    for (size_t i = 0; i < sizeof UNFIT / sizeof UNFIT[0]; i++) {
        CHECK_OK(kerf__file_write(script, UNFIT[i], strlen(UNFIT[i])));
        CHECK(chmod(script, 0755) == 0);
        damage_verdicts("");
        in_child(works_untried, "good", script);
    }
}

static void test_broken_drivers(void)
{
    write_stub_icd(0);
    write_good_icd(1);
    in_child(works_with_verdict, "good", NULL);
    in_child(works_with_verdict, "good", "/nowhere/kerf-probe"); /* verdicts are remembered */
    write_stub_icd(1);
    in_child(crashed_is_left_out, "abort", NULL);
    in_child(crashed_is_left_out, "abort", "/nowhere/kerf-probe");
    age_verdicts(); /* tomorrow the driver may be asked again */
    in_child(works_with_verdict, "good", "/nowhere/kerf-probe");
    setenv("KERF_PROBE_TIMEOUT_MS", "300", 1);
    write_stub_icd(2);
    in_child(hanging_is_left_out, "hang", NULL);
    unsetenv("KERF_PROBE_TIMEOUT_MS");
    write_good_icd(0);
    in_child(nothing_is_left, "abort", NULL);
}

static void test_verdicts(void)
{
    write_stub_icd(3);
    write_good_icd(1);
    damage_verdicts("{\"key\": 7}");
    in_child(works_with_verdict, "good", NULL);
    damage_verdicts("");
    in_child(works_with_verdict, "good", NULL);
    damage_verdicts("{");
    in_child(works, "good", ""); /* nobody is asked: still a device, with cautious features */
}

static void prepare(void)
{
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(vendors, sizeof vendors, "%s/vendors", folder);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    CHECK_OK(kerf__make_dirs(vendors));
    snprintf(good_icd, sizeof good_icd, "%s", getenv("OCL_ICD_VENDORS"));
    setenv("KERF_CACHE_DIR", cache, 1);
    setenv("OCL_ICD_VENDORS", vendors, 1);
}

int main(void)
{
    if (getenv("OCL_ICD_VENDORS") == NULL) { /* a simulator in the loader's place asks no driver */
        works();
        return check_result();
    }
    prepare();
    test_broken_drivers();
    test_verdicts();
    test_helpers();
    in_child(no_library, "good", NULL);
    char command[300];
    snprintf(command, sizeof command, "rm -r %.250s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
