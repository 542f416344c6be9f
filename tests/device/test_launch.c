/* test_launch.c -- building, launching, limits, and every message of launch.c. */
#include "check.h"

#include <string.h>

#include "device/fault.h"
#include "device/launch.h"

static const kerf__source SOURCE = {
    "test", "kernel void add(global const float *a, global float *dst, float b, int n)\n"
            "{\n"
            "    const int i = (int)get_global_id(0);\n"
            "    if (i < n)\n"
            "        dst[i] = a[i] + b;\n"
            "}\n"
            "kernel void turn(global const int *src, global int *dst, local int *tile)\n"
            "{\n"
            "    const int i = (int)get_local_id(0), n = (int)get_local_size(0);\n"
            "    const int base = (int)get_group_id(0) * n;\n"
            "    tile[i] = src[base + i];\n"
            "    barrier(CLK_LOCAL_MEM_FENCE);\n"
            "    dst[base + i] = tile[n - 1 - i] + KERF_CPU * 0;\n"
            "}\n"
            "#ifdef BROKEN\n"
            "no such word\n"
            "#endif\n"};

enum { N = 1000 };

static void test_add(kerf_device *dev)
{
    float src[N], dst[N];
    for (int i = 0; i < N; i++)
        src[i] = (float)i;
    kerf__buffer *a = NULL, *b = NULL;
    kerf__launch *launch = NULL;
    CHECK_OK(kerf__buffer_create(&a, dev, sizeof src));
    CHECK_OK(kerf__buffer_create(&b, dev, sizeof dst));
    CHECK_OK(kerf__buffer_write(a, 0, src, sizeof src));
    CHECK_OK(kerf__launch_create(&launch, dev, &SOURCE, "add", "",
                                 KERF__ARGS(ARG(a), ARG(b), ARG(0.5f), ARG(N)),
                                 kerf__grid_items(N)));
    CHECK_OK(kerf__launch_enqueue(launch));
    CHECK_OK(kerf__buffer_read(b, 0, dst, sizeof dst));
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += dst[i] != src[i] + 0.5f;
    CHECK(wrong == 0);
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(a);
    kerf__buffer_destroy(b);
}

/* In pieces, by every number of them, kernels see the numbers of the whole. */
static void test_pieces(kerf_device *dev)
{
    static const kerf__source WHERE = {
        "where", "kernel void where(global int *dst)\n"
                 "{\n"
                 "    const int x = (int)get_global_id(0), y = (int)get_global_id(1);\n"
                 "    dst[y * (int)get_global_size(0) + x] = (int)get_global_size(1) * 1000000 +\n"
                 "        (int)get_group_id(0) * 10000 + (int)get_group_id(1) * 100 +\n"
                 "        (int)get_local_id(0);\n"
                 "}\n"};
    enum { GROUPS_X = 3, GROUP = 4, GROUPS_Y = 5, NUM = GROUPS_X * GROUP * GROUPS_Y };
    int dst[NUM];
    kerf__buffer *b;
    CHECK_OK(kerf__buffer_create(&b, dev, sizeof dst));
    for (size_t pieces = 0; pieces <= 7; pieces++) {
        const size_t most = pieces > GROUPS_Y ? GROUPS_Y : pieces > 1 ? pieces : 1;
        kerf__launch *launch;
        CHECK_OK(kerf__launch_create_pieces(&launch, dev, &WHERE, "where", NULL, KERF__ARGS(ARG(b)),
                                            (kerf__grid){2, {GROUPS_X, GROUPS_Y}, {GROUP, 1}},
                                            pieces));
        if (launch == NULL)
            break;
        CHECK(kerf__launch_num_pieces(launch) == most);
        for (int run = 0; run < 2; run++) { /* the first is waited for */
            memset(dst, -1, sizeof dst);
            CHECK_OK(kerf__buffer_write(b, 0, dst, sizeof dst));
            CHECK_OK(kerf__launch_enqueue(launch));
            CHECK_OK(kerf__buffer_read(b, 0, dst, sizeof dst));
            for (int i = 0; i < NUM; i++) {
                const int x = i % (GROUPS_X * GROUP), y = i / (GROUPS_X * GROUP);
                CHECK(dst[i] == GROUPS_Y * 1000000 + x / GROUP * 10000 + y * 100 + x % GROUP);
            }
        }
        kerf__launch_destroy(launch);
    }
    kerf__buffer_destroy(b);
}

/* Twice with different sizes of one group: each launch keeps its own arguments. */
static void test_local(kerf_device *dev)
{
    int src[128], dst[128];
    for (int i = 0; i < 128; i++)
        src[i] = i;
    kerf__buffer *a = NULL, *b = NULL;
    kerf__launch *launches[2] = {NULL, NULL};
    CHECK_OK(kerf__buffer_create(&a, dev, sizeof src));
    CHECK_OK(kerf__buffer_create(&b, dev, sizeof dst));
    CHECK_OK(kerf__buffer_write(a, 0, src, sizeof src));
    for (size_t i = 0; i < 2; i++) {
        const size_t size = i == 0 ? 64 : 32;
        CHECK_OK(
            kerf__launch_create(&launches[i], dev, &SOURCE, "turn", NULL,
                                KERF__ARGS(ARG(a), ARG(b), kerf__arg_local(size * sizeof(int))),
                                ((kerf__grid){1, {128 / size, 1, 1}, {size, 1, 1}})));
    }
    for (int i = 0; i < 2; i++) {
        const int size = i == 0 ? 64 : 32;
        int wrong = 0;
        CHECK_OK(kerf__launch_enqueue(launches[i]));
        CHECK_OK(kerf__buffer_read(b, 0, dst, sizeof dst));
        for (int j = 0; j < 128; j++)
            wrong += dst[j] != j / size * size + size - 1 - j % size;
        CHECK(wrong == 0);
        kerf__launch_destroy(launches[i]);
    }
    kerf__buffer_destroy(a);
    kerf__buffer_destroy(b);
}

static void expect(kerf_status status, kerf_status want, const char *words)
{
    CHECK(status == want);
    if (status != want || strstr(kerf_last_error(), words) == NULL) {
        printf("status %d, message '%s', must hold '%s'\n", status, kerf_last_error(), words);
        check_failures++;
    }
}

static void test_messages(kerf_device *dev)
{
    kerf__buffer *a = NULL;
    kerf__launch *launch = NULL;
    const kerf_device_info *info = kerf_device_get_info(dev);
    CHECK_OK(kerf__buffer_create(&a, dev, 4 * N));
    expect(kerf__launch_create(&launch, dev, &SOURCE, "add", "-DBROKEN", KERF__ARGS(ARG(a)),
                               kerf__grid_items(N)),
           KERF_ERR_UNSUPPORTED, "build failed");
    expect(kerf__launch_create(&launch, dev, &SOURCE, "add", "", KERF__ARGS(ARG(a)),
                               kerf__grid_items(N)),
           KERF_ERR_ARGUMENT, "add: was given 1 arguments, must be 4");
    expect(kerf__launch_create(&launch, dev, &SOURCE, "sub", "", KERF__ARGS(ARG(a)),
                               kerf__grid_items(N)),
           KERF_ERR_ARGUMENT, "test.cl: has no kernel sub");
    expect(kerf__launch_create(&launch, dev, &SOURCE, "turn", "",
                               KERF__ARGS(ARG(a), ARG(a), kerf__arg_local(info->local_bytes + 1)),
                               kerf__grid_items(64)),
           KERF_ERR_UNSUPPORTED, "bytes of local memory");
    expect(kerf__launch_create(&launch, dev, &SOURCE, "turn", "",
                               KERF__ARGS(ARG(a), ARG(a), kerf__arg_local(64)),
                               ((kerf__grid){1, {1, 1, 1}, {info->max_group + 1, 1, 1}})),
           KERF_ERR_UNSUPPORTED, "turn: wants groups of");
    CHECK(launch == NULL);
    kerf__buffer_destroy(a);
}

static void test_empty(kerf_device *dev)
{
    kerf__buffer *a = NULL;
    kerf__launch *launch = NULL;
    CHECK_OK(kerf__buffer_create(&a, dev, 0));
    CHECK(kerf__buffer_size_bytes(a) == 0);
    CHECK_OK(kerf__launch_create(&launch, dev, &SOURCE, "add", "",
                                 KERF__ARGS(ARG(a), ARG(a), ARG(0.5f), ARG(0)),
                                 kerf__grid_items(0)));
    CHECK_OK(kerf__launch_enqueue(launch));
    CHECK_OK(kerf_device_finish(dev));
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(a);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_add(dev);
    test_pieces(dev);
    test_local(dev);
    test_messages(dev);
    test_empty(dev);
    kerf_device_close(dev);
    return check_result();
}
