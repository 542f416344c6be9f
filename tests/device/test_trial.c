/* test_trial.c -- each feature's trial, made in this process on the device of this run, against
 * what is known of that implementation; and that a trial can say no.
 *
 * Half precision and sub-groups exist on Intel's runtime alone, so there they must be found; a
 * sub-group is as wide as the CPU's registers. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "device/cpu.h"
#include "device/dot.h"
#include "device/quirks.h"
#include "device/trial.h"

enum { BOTH = (1 << KERF_S8S8) | (1 << KERF_U8S8), US = 1 << KERF_U8S8 };

/* What must come out, by platform; x86 is for machines that have it. */
static const struct known {
    const char *platform;
    int f16, f64, has_sub_groups, khr, khr_acc, x86, pairs;
} KNOWN[] = {
    {"Portable Computing Language", 0, 1, 0, 0, 0, US, BOTH},
    {"rusticl", 0, 0, 0, 0, 0, 0, 0},
    {"Intel(R) OpenCL", 1, 1, 1, BOTH, BOTH, 0, BOTH},
    {"Oclgrind", 0, 1, 0, 0, 0, 0, 0},
};

static const struct known *find_known(const kerf_device_info *info)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strcmp(info->platform, KNOWN[i].platform) == 0)
            return &KNOWN[i];
    return NULL;
}

static void test_features(kerf_device *dev)
{
    kerf__verdict v = {.works = 1};
    const struct known *k = find_known(&dev->info);
    kerf__trial_features(dev, &(kerf__listener){NULL, ""}, &v);
    printf("groups %zu, local %llu, f16 %d, f64 %d, sub-groups %d, dot", v.max_group,
           (unsigned long long)v.local_bytes, v.features.f16, v.features.f64,
           v.features.sub_groups);
    for (int i = 0; i < KERF_NUM_DOTS; i++)
        printf(" %s %d", kerf_dot_name((kerf_dot)i), v.features.dot[i]);
    printf("\n");
    CHECK(v.max_group == dev->info.max_group && v.local_bytes == dev->info.local_bytes);
    CHECK(v.features.divides_exactly && v.features.binaries);
    CHECK(v.features.streaming_stores); /* clang compiles for all of them */
    CHECK(v.features.dot[KERF_DOT_PLAIN] == BOTH);
    if (k == NULL)
        return;
    CHECK(v.features.f16 == k->f16 && v.features.f64 == k->f64);
    CHECK(v.features.sub_groups == (k->has_sub_groups ? kerf__cpu_vector_floats() : 0));
    CHECK(v.features.dot[KERF_DOT_KHR] == k->khr && v.features.dot[KERF_DOT_KHR_ACC] == k->khr_acc);
    CHECK(v.features.dot[KERF_DOT_ARM] == 0 && v.features.dot[KERF_DOT_AMD] == 0);
    CHECK(v.features.dot[KERF_DOT_X86] == (kerf__cpu_has_vnni() ? k->x86 : 0));
    CHECK(v.features.dot[KERF_DOT_PAIRS] == k->pairs);
}

/* The verdict of the helper process is the same, and what a device is opened with. */
static void test_verdict(kerf_device *dev)
{
    const kerf__verdict *kept = kerf__verdict_find(&dev->cl->drivers, &dev->info);
    kerf__verdict v = {.works = 1, .features = dev->info.features};
    if (kept == NULL) /* a simulator in the loader's place is asked by nobody */
        return;
    kerf__trial_features(dev, &(kerf__listener){NULL, ""}, &v);
    CHECK(memcmp(&v.features, &kept->features, sizeof v.features) == 0);
    CHECK(memcmp(&dev->info.features, &kept->features, sizeof v.features) == 0);
    CHECK(kept->max_group >= v.max_group && kept->local_bytes >= v.local_bytes);
}

/* Halves a reader can follow: sums and products in every lane of groups that are larger than
 * any sub-group, by another kernel than the trial's. */
static void test_f16(kerf_device *dev)
{
    static const kerf__source source = {
        "f16_sum", "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
                   "kernel void f16_sum(global const float *x, global float *dst)\n"
                   "{\n"
                   "    const int i = (int)get_global_id(0);\n"
                   "    half4 a = (half4)(x[i], x[i] + 1, x[i] + 2, x[i] + 3) * (half)0.125f;\n"
                   "    a = fma(a, a, (half4)(1));\n"
                   "    dst[i] = (float)(a.x + a.y + a.z + a.w);\n"
                   "}\n"};
    enum { NUM = 512 };
    float x[NUM], dst[NUM] = {0};
    kerf__buffer *in = NULL, *out = NULL;
    kerf__launch *launch = NULL;
    if (!dev->info.features.f16)
        return;
    for (int i = 0; i < NUM; i++)
        x[i] = (float)(i % 13);
    CHECK_OK(kerf__buffer_create(&in, dev, sizeof x));
    CHECK_OK(kerf__buffer_create(&out, dev, sizeof dst));
    CHECK_OK(kerf__buffer_write(in, 0, x, sizeof x));
    CHECK_OK(kerf__launch_create(&launch, dev, &source, "f16_sum", "",
                                 KERF__ARGS(ARG(in), ARG(out)), kerf__grid_items(NUM)));
    CHECK_OK(kerf__launch_enqueue(launch));
    CHECK_OK(kerf__buffer_read(out, 0, dst, sizeof dst));
    for (int i = 0; i < NUM; i++) {
        double sum = 0;
        for (int j = 0; j < 4; j++)
            sum += ((double)x[i] + j) * ((double)x[i] + j) / 64 + 1;
        CHECK(fabs((double)dst[i] - sum) <= sum * 4 * 0x1p-11); /* four roundings */
    }
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(in);
    kerf__buffer_destroy(out);
}

/* A form that no compiler here has, and one that only a CPU may be asked for, are no. */
static void test_no(kerf_device *dev)
{
    kerf_device_info info = dev->info;
    CHECK(kerf__trial_dot(dev, KERF_DOT_ARM) == 0);
    info.type = KERF_DEVICE_GPU;
    CHECK(!kerf__dot_may_try(&info, KERF_DOT_X86) && !kerf__dot_may_try(&info, KERF_DOT_PAIRS));
    CHECK(kerf__dot_may_try(&info, KERF_DOT_KHR));
}

static void test_exact(void)
{
    CHECK(kerf__dot_exact(KERF_DOT_PLAIN, KERF_S8S8, 0x80808080, 0x80808080, 7) == 65536 + 7);
    CHECK(kerf__dot_exact(KERF_DOT_PLAIN, KERF_U8S8, 0x80808080, 0x80808080, 7) == -65536 + 7);
    CHECK(kerf__dot_exact(KERF_DOT_PLAIN, KERF_U8S8, 0xff000001, 0x7f0000ff, 0) == 255 * 127 - 1);
    CHECK(kerf__dot_exact(KERF_DOT_PLAIN, KERF_S8S8, 0x01, 0x01, INT32_MAX) == INT32_MIN);
    CHECK(kerf__dot_exact(KERF_DOT_KHR_ACC, KERF_S8S8, 0x01, 0x01, INT32_MAX) == INT32_MAX);
    CHECK(kerf__dot_exact(KERF_DOT_KHR_ACC, KERF_S8S8, 0xff, 0x01, INT32_MIN) == INT32_MIN);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_exact();
    test_features(dev);
    test_verdict(dev);
    test_f16(dev);
    test_no(dev);
    kerf_device_close(dev);
    return check_result();
}
