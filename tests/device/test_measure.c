/* test_measure.c -- the limits of a device: sane, the best of what was seen, and never taken
 * from a bad file. */
#include "check.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "device/cpu.h"
#include "device/sealed.h"
#include "kerf/kerf.h"

static char folder[256], path[512];

/* Not where all that the device lets be used fits into the machine's caches. */
static int can_time_copy(const kerf_device_info *info)
{
    return info->global_bytes >= (uint64_t)1 << 30 && info->global_bytes / 8 >= info->cache_bytes;
}

static void check_sane(const kerf_device_peaks *p, const kerf_device_info *info)
{
    printf("%.1f GFLOPS f32, %.1f f16, %.1f GOPS int8, %.1f GB/s, %.2f us a launch\n",
           p->f32_gflops, p->f16_gflops, p->int8_gops, p->copy_gbps, p->launch_us);
    /* No core does more than 128 float operations a cycle or has 10 GHz. */
    double most = 1280.0 * info->compute_units * (info->type == KERF_DEVICE_CPU ? 1 : 4);
    CHECK(p->f32_gflops >= 0 && p->f32_gflops < most);
    CHECK(p->f16_gflops >= 0 && p->f16_gflops < 2 * most);
    CHECK(p->int8_gops >= 0 && p->int8_gops < 8 * most);
    CHECK(p->copy_gbps > 0 || !can_time_copy(info));
    CHECK(p->copy_gbps >= 0 && p->copy_gbps < 20000);
    CHECK(p->launch_us > 0 && p->launch_us < 1e5);
    CHECK(info->features.f16 || p->f16_gflops == 0);
    for (int i = 0; i < KERF_NUM_DOTS; i++)
        for (int sign = 0; sign < KERF_NUM_SIGNS; sign++) {
            CHECK(p->dot_gops[i][sign] >= 0 && p->dot_gops[i][sign] <= p->int8_gops);
            CHECK((info->features.dot[i] >> sign & 1) != 0 || p->dot_gops[i][sign] == 0);
        }
}

static void write_text(const char *text)
{
    CHECK_OK(kerf__file_write(path, text, strlen(text)));
}

static double number(const char *key)
{
    json_t *file = json_load_file(path, 0, NULL);
    double value = json_number_value(json_object_get(file, key));
    json_decref(file);
    return value;
}

/* What was kept, with other numbers in it. */
static void edit(const char *id, double measurings, double unrest, double f32_gflops,
                 double copy_gbps, double launch_us)
{
    json_t *file = kerf__sealed_load("peaks", id);
    CHECK(file != NULL);
    json_object_set_new(file, "measurings", json_integer((json_int_t)measurings));
    json_object_set_new(file, "unrest", json_real(unrest));
    json_object_set_new(file, "f32_gflops", json_real(f32_gflops));
    json_object_set_new(file, "copy_gbps", json_real(copy_gbps));
    json_object_set_new(file, "launch_us", json_real(launch_us));
    kerf__sealed_save("peaks", id, file);
    json_decref(file);
}

/* A file that lies about its device is not read. */
static void test_first(kerf_device *dev)
{
    kerf_device_peaks p;
    write_text("{\"key\": \"0\", \"kerf\": \"0.1.0\", \"measurings\": 9, \"unrest\": 0, "
               "\"f32_gflops\": 7, \"f16_gflops\": 7, \"copy_gbps\": 7, \"launch_us\": 7}");
    CHECK_OK(kerf_device_measure(dev, &p));
    check_sane(&p, kerf_device_get_info(dev));
    CHECK(p.copy_gbps != 7);
    CHECK(number("measurings") == 1 && number("copy_gbps") == p.copy_gbps);
}

/* After a quiet measuring, or five of them, nothing is measured. */
static void test_settled(kerf_device *dev)
{
    kerf_device_peaks p;
    edit(kerf_device_get_info(dev)->id, 1, 0.01, 123456, 0.001, 1e7);
    CHECK_OK(kerf_device_measure(dev, &p));
    CHECK(p.f32_gflops == 123456 && p.copy_gbps == 0.001 && p.launch_us == 1e7);
    edit(kerf_device_get_info(dev)->id, 5, 3, 123456, 0.001, 1e7);
    CHECK_OK(kerf_device_measure(dev, &p));
    CHECK(p.f32_gflops == 123456 && p.copy_gbps == 0.001 && p.launch_us == 1e7);
}

/* After a restless one it is measured again, and the best of each figure stays. */
static void test_restless(kerf_device *dev)
{
    kerf_device_peaks p;
    edit(kerf_device_get_info(dev)->id, 1, 1e9, 123456, 0.001, 1e7);
    CHECK_OK(kerf_device_measure(dev, &p));
    CHECK(p.f32_gflops == 123456);
    CHECK(p.copy_gbps > 0.001 || !can_time_copy(kerf_device_get_info(dev)));
    CHECK(p.launch_us < 1e7);
    CHECK(number("measurings") == 2 && number("f32_gflops") == 123456);
    CHECK(number("unrest") < 1e9 && number("copy_gbps") == p.copy_gbps);
}

/* By hand it is measured whatever is kept; a file that was cut holds nothing. */
static void test_again(kerf_device *dev)
{
    kerf_device_peaks p;
    write_text("{\"key\": ");
    CHECK_OK(kerf_device_measure_again(dev, &p));
    check_sane(&p, kerf_device_get_info(dev));
    CHECK(p.f32_gflops != 123456);
    CHECK(number("measurings") == 1);
}

static void test_best_dot(void)
{
    kerf_device_peaks p = {.dot_gops = {[KERF_DOT_PLAIN] = {5, 2}, [KERF_DOT_X86] = {0, 9}}};
    CHECK(kerf_device_best_dot(&p, KERF_S8S8) == KERF_DOT_PLAIN);
    CHECK(kerf_device_best_dot(&p, KERF_U8S8) == KERF_DOT_X86);
    p = (kerf_device_peaks){.f32_gflops = 1};
    CHECK(kerf_device_best_dot(&p, KERF_S8S8) == KERF_NUM_DOTS);
    CHECK(strcmp(kerf_dot_name(KERF_DOT_KHR_ACC), "khr_acc") == 0);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_best_dot();
    CHECK(kerf__cpu_cache_bytes() < (uint64_t)1 << 40);
    if (getenv("KERF_TEST_SMALL") != NULL) { /* minutes in a simulator */
        kerf_device_close(dev);
        return check_result();
    }
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    snprintf(path, sizeof path, "%s/peaks", folder);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/peaks/%s.json", folder, kerf_device_get_info(dev)->id);
    test_first(dev);
    test_settled(dev);
    test_restless(dev);
    test_again(dev);
    kerf_device_close(dev);
    snprintf(path, sizeof path, "rm -r %.250s", folder);
    CHECK(system(path) == 0);
    return check_result();
}
