/* test_probe.c -- a broken driver does not take the others along, and verdicts are kept and
 * never trusted.  test_stub.c breaks each call of a driver in turn; here a few will do. */
#include "device/stub.h"

#include <dirent.h>
#include <time.h>

#include "device/sealed.h"

/* A platform without devices: nothing to tell. */
static const char GOOD[] = "GetDeviceIDs -1";
static const char ABORT[] = "GetPlatformIDs abort", HANG[] = "GetPlatformIDs hang";

static stub_folder folder;
static int num_ending;
static json_t *devices_kept;

static void works(void)
{
    stub_check_works(NULL);
}

/* A void (*)(void) as the context of a child. */
typedef struct child {
    void (*test)(void);
} child;

static void run_child(const void *context)
{
    ((const child *)context)->test();
}

static void in_child(void (*test)(void), const char *mode, const char *probe)
{
    const child c = {test};
    CHECK(stub_run(run_child, &c, mode, probe) == 0);
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
    CHECK(strcmp(getenv("OCL_ICD_VENDORS"), folder.vendors) == 0);
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

/* The trial of features kills it; without them it works, and that is told. */
static void dies_of_features(void)
{
    kerf_device *dev = check_open_device();
    const kerf_device_features *f = &dev->info.features;
    CHECK(!f->divides_exactly && !f->f64 && !f->binaries);
    CHECK(dev->info.max_group >= 1 && dev->info.max_group <= 64);
    kerf_device_close(dev);
    works();
    CHECK(strstr(kerf_device_left_out(), "used without its features: ") != NULL);
    CHECK(strstr(kerf_device_left_out(), "it crashed (signal 11") != NULL);
}

static void works_untried(void)
{
    works();
    CHECK(strcmp(kerf_device_left_out(), "") == 0);
}

/* Calls back with each verdict's key and path. */
static void each_verdict(void (*change)(const char *key, const char *path, const char *with),
                         const char *with)
{
    char probe[400], key[64], path[700];
    int num = 0;
    snprintf(probe, sizeof probe, "%s/probe", folder.cache);
    DIR *dir = opendir(probe);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strstr(e->d_name, ".json") == NULL)
            continue;
        snprintf(key, sizeof key, "%.32s", e->d_name);
        snprintf(path, sizeof path, "%s/%.64s", probe, e->d_name);
        change(key, path, with);
        num++;
    }
    if (dir != NULL)
        closedir(dir);
    CHECK(num > 0);
}

static void replace(const char *key, const char *path, const char *with)
{
    (void)key;
    CHECK_OK(kerf__file_write(path, with, strlen(with)));
}

static void damage_verdicts(const char *with)
{
    each_verdict(replace, with);
}

/* What still counts, but not for ever, does so for `seconds` or not much less. */
static void ends_within(const char *key, const char *path, const char *seconds)
{
    (void)path;
    json_t *verdict = kerf__sealed_load("probe", key);
    const json_int_t left =
        json_integer_value(json_object_get(verdict, "until")) - (json_int_t)time(NULL);
    CHECK(left <= atoi(seconds) && (left <= 0 || left > atoi(seconds) / 2));
    num_ending += left > 0;
    json_decref(verdict);
}

static void check_ends_within(int num, const char *seconds)
{
    num_ending = 0;
    each_verdict(ends_within, seconds);
    CHECK(num_ending == num);
}

/* What was found about devices; the stub's driver has none. */
static void keep_devices(const char *key, const char *path, const char *with)
{
    (void)path;
    (void)with;
    json_t *verdict = kerf__sealed_load("probe", key),
           *devices = json_object_get(verdict, "devices");
    if (json_array_size(devices) > 0) {
        json_decref(devices_kept);
        devices_kept = json_incref(devices);
    }
    json_decref(verdict);
}

/* As if it had counted until one second after 1970 began. */
static void age(const char *key, const char *path, const char *with)
{
    (void)path;
    (void)with;
    json_t *verdict = kerf__sealed_load("probe", key);
    CHECK(json_is_integer(json_object_get(verdict, "until")));
    if (json_integer_value(json_object_get(verdict, "until")) != 0) {
        json_object_set_new(verdict, "until", json_integer(1));
        kerf__sealed_save("probe", key, verdict);
    }
    json_decref(verdict);
}

/* Helpers that a script plays: nothing is remembered before one is asked. */
static void write_helper(const char *script, const char *text)
{
    CHECK_OK(kerf__file_write(script, text, strlen(text)));
    CHECK(chmod(script, 0755) == 0);
    damage_verdicts("");
}

/* The real one, but where features are to be tried it does something else. */
static void write_basic_helper(const char *script, const char *otherwise)
{
    char text[2048];
    const char *const real = getenv("KERF_PROBE");
    snprintf(text, sizeof text,
             "#!/bin/sh\nif [ \"$1\" = --basic ]; then exec '%s' --basic; fi\n%s\n",
             real != NULL ? real : "kerf-probe", otherwise);
    write_helper(script, text);
}

/* One that dies of the features, one that cannot run, one that says something else. */
static void test_helpers(void)
{
    char script[300];
    snprintf(script, sizeof script, "%s/helper", folder.path);
    write_basic_helper(script, "kill -SEGV $$");
    in_child(dies_of_features, GOOD, script);
    in_child(dies_of_features, GOOD, "/nowhere/kerf-probe"); /* that is remembered */
    check_ends_within(2, "600");
    write_basic_helper(script, "exit 127");
    in_child(works_untried, GOOD, script);
    in_child(works_with_verdict, GOOD, NULL); /* and that is not */
    write_helper(script, "#!/bin/sh\nkill -KILL $$\n");
    in_child(nothing_is_left, GOOD, script);
    check_ends_within(2, "3600");
    static const char *const UNFIT[] = {"#!/bin/sh\nexit 127\n", "#!/bin/sh\necho nonsense\n",
                                        "#!/bin/sh\necho '{\"devices\": [{}]}'\n",
                                        "no program at all\n"};
    for (size_t i = 0; i < sizeof UNFIT / sizeof UNFIT[0]; i++) {
        write_helper(script, UNFIT[i]);
        in_child(works_untried, GOOD, script);
    }
}

static void test_broken_drivers(void)
{
    stub_install(&folder, 0);
    stub_install_good(&folder, 1);
    in_child(works_with_verdict, GOOD, NULL);
    in_child(works_with_verdict, GOOD, "/nowhere/kerf-probe"); /* verdicts are remembered */
    stub_install(&folder, 1);
    in_child(crashed_is_left_out, ABORT, NULL);
    in_child(crashed_is_left_out, ABORT, "/nowhere/kerf-probe");
    check_ends_within(1, "86400");
    each_verdict(age, NULL); /* tomorrow the driver may be asked again */
    in_child(works_with_verdict, GOOD, "/nowhere/kerf-probe");
    const char *told = getenv("KERF_PROBE_TIMEOUT_MS");
    char *before = told != NULL ? strdup(told) : NULL;
    setenv("KERF_PROBE_TIMEOUT_MS", "300", 1);
    stub_install(&folder, 2);
    in_child(hanging_is_left_out, HANG, NULL);
    check_ends_within(1, "3600");
    if (before != NULL)
        setenv("KERF_PROBE_TIMEOUT_MS", before, 1);
    else
        unsetenv("KERF_PROBE_TIMEOUT_MS");
    free(before);
    stub_install_good(&folder, 0);
    in_child(nothing_is_left, ABORT, NULL);
}

static void test_verdicts(void)
{
    stub_install(&folder, 3);
    stub_install_good(&folder, 1);
    damage_verdicts("{\"key\": 7}");
    in_child(works_with_verdict, GOOD, NULL);
    damage_verdicts("");
    in_child(works_with_verdict, GOOD, NULL);
    damage_verdicts("{");
    in_child(works, GOOD, ""); /* nobody is asked: still a device, with cautious features */
}

/* A type that a test imposes is none of the device's: it changes no verdict. */
static void test_imposed_type(void)
{
    json_t *plain;
    damage_verdicts("");
    in_child(works_with_verdict, GOOD, NULL);
    each_verdict(keep_devices, NULL);
    plain = json_incref(devices_kept);
    damage_verdicts("");
    setenv("KERF_TEST_TYPE", "gpu", 1);
    in_child(works, GOOD, NULL);
    unsetenv("KERF_TEST_TYPE");
    each_verdict(keep_devices, NULL);
    CHECK(plain != devices_kept && json_equal(plain, devices_kept));
    json_decref(plain);
    json_decref(devices_kept);
}

int main(void)
{
    if (getenv("OCL_ICD_VENDORS") == NULL) { /* a simulator in the loader's place asks no driver */
        works();
        return check_result();
    }
    stub_open(&folder);
    test_broken_drivers();
    test_verdicts();
    test_helpers();
    test_imposed_type();
    in_child(no_library, GOOD, NULL);
    stub_close(&folder);
    return check_result();
}
