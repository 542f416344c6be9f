/* test_measure.c -- the limits of a device: sane, kept, and never taken from a bad file. */
#include "check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "kerf/kerf.h"

static void check_sane(const kerf_device_peaks *p, const kerf_device_info *info)
{
    printf("%.1f GFLOPS f32, %.1f f16, %.1f GOPS int8, %.1f GB/s, %.2f us a launch\n",
           p->f32_gflops, p->f16_gflops, p->int8_gops, p->copy_gbps, p->launch_us);
    /* No core does more than 128 float operations a cycle or has 10 GHz. */
    double most = 1280.0 * info->compute_units * (info->type == KERF_DEVICE_CPU ? 1 : 4);
    CHECK(p->f32_gflops >= 0 && p->f32_gflops < most);
    CHECK(p->f16_gflops >= 0 && p->f16_gflops < 2 * most);
    CHECK(p->int8_gops >= 0 && p->int8_gops < 4 * most);
    CHECK(p->copy_gbps > 0 && p->copy_gbps < 20000);
    CHECK(p->launch_us > 0 && p->launch_us < 1e5);
    CHECK(info->features.f16 || p->f16_gflops == 0);
}

int main(void)
{
    char folder[256], path[512];
    kerf_device_peaks first, again;
    kerf_device *dev = check_open_device();
    const kerf_device_info *info = kerf_device_get_info(dev);
    if (getenv("KERF_TEST_SMALL") != NULL) { /* minutes in a simulator */
        kerf_device_close(dev);
        return check_result();
    }
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    CHECK_OK(kerf_device_measure(dev, &first));
    check_sane(&first, info);
    double start = kerf__now_ms();
    CHECK_OK(kerf_device_measure(dev, &again));
    if (first.f32_gflops > 0) { /* else the machine was too busy to tell, and nothing is kept */
        CHECK(kerf__now_ms() - start < 50);
        CHECK(memcmp(&first, &again, sizeof first) == 0);
    }

    /* A file that lies about its device, and one that was cut. */
    static const char *const BAD[] = {
        "{\"id\": \"0\", \"kerf\": \"0.1.0\", \"f32_gflops\": 7, \"f16_gflops\": 7, "
        "\"int8_gops\": 7, \"copy_gbps\": 7, \"launch_us\": 7}",
        "{\"id\": "};
    snprintf(path, sizeof path, "%s/peaks/%s.json", folder, info->id);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kerf__file_write(path, BAD[i], strlen(BAD[i])));
        CHECK_OK(kerf_device_measure(dev, &again));
        CHECK(again.copy_gbps != 7 && again.copy_gbps > 0);
    }
    kerf_device_close(dev);
    snprintf(path, sizeof path, "rm -r %.250s", folder);
    CHECK(system(path) == 0);
    return check_result();
}
