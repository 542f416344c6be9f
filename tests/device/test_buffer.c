/* test_buffer.c -- buffers, views, marks: ranges, odd sizes, the n-th failure, no memory. */
#include "check.h"

#include <string.h>

#include "base/alloc.h"
#include "device/device_internal.h"
#include "device/fault.h"

static kerf__buffer *create(kerf_device *dev, size_t bytes)
{
    kerf__buffer *buffer = NULL;
    CHECK_OK(kerf__buffer_create(&buffer, dev, bytes));
    return buffer;
}

static void test_moving(kerf_device *dev)
{
    enum { BYTES = 1003 };
    unsigned char src[BYTES], dst[BYTES];
    for (int i = 0; i < BYTES; i++)
        src[i] = (unsigned char)(i * 7 + 1);
    kerf__buffer *a = create(dev, BYTES), *b = create(dev, BYTES);
    CHECK_OK(kerf__buffer_upload(a, 0, src, BYTES));
    CHECK_OK(kerf__buffer_copy(a, 3, b, 5, 900));
    CHECK_OK(kerf__buffer_fill_zero(b, 0, 5));
    CHECK_OK(kerf__buffer_fill_zero(b, 905, BYTES - 905));
    CHECK_OK(kerf__buffer_read(b, 0, dst, BYTES));
    int wrong = 0;
    for (int i = 0; i < BYTES; i++)
        wrong += dst[i] != (i >= 5 && i < 905 ? src[i - 2] : 0);
    CHECK(wrong == 0);
    /* Each width of pattern that zero fills come in. */
    for (size_t offset = 0; offset < 48; offset++) {
        size_t bytes = 16 * (offset % 5) + offset % 16 + 1;
        CHECK_OK(kerf__buffer_write(b, 0, src, BYTES));
        CHECK_OK(kerf__buffer_fill_zero(b, offset, bytes));
        CHECK_OK(kerf__buffer_read(b, 0, dst, BYTES));
        for (size_t i = 0; i < BYTES; i++)
            wrong += dst[i] != (i >= offset && i < offset + bytes ? 0 : src[i]);
    }
    CHECK(wrong == 0);
    kerf__buffer_destroy(a);
    kerf__buffer_destroy(b);
}

/* What is written by mapping is there for all, and the other way, in a view too. */
static void test_mapping(kerf_device *dev)
{
    unsigned char src[100], dst[100];
    void *at;
    const size_t align = kerf_device_get_info(dev)->align_bytes;
    kerf__buffer *a = create(dev, align + sizeof src), *view = NULL;
    CHECK_OK(kerf__buffer_create_view(&view, a, align, sizeof src));
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (unsigned char)(3 * i + 7);
    CHECK_OK(kerf__buffer_map(view, 1, &at));
    memcpy(at, src, sizeof src);
    CHECK_OK(kerf__buffer_unmap(view, at));
    CHECK_OK(kerf__buffer_read(a, align, dst, sizeof dst));
    CHECK(memcmp(src, dst, sizeof src) == 0);
    CHECK_OK(kerf__buffer_fill_zero(view, 3, 5)); /* queued: the map waits for it */
    CHECK_OK(kerf__buffer_map(view, 0, &at));
    memset(src + 3, 0, 5);
    CHECK(memcmp(src, at, sizeof src) == 0);
    CHECK_OK(kerf__buffer_unmap(view, at));
    kerf__buffer_destroy(view);
    kerf__buffer_destroy(a);
}

/* A put takes its bytes at the call: the source may change at once. */
static void test_put(kerf_device *dev)
{
    unsigned char src[200], dst[200];
    kerf__buffer *a = create(dev, sizeof src);
    for (size_t bytes = 1; bytes <= 128; bytes *= 2) {
        int wrong = 0;
        CHECK_OK(kerf__buffer_fill_zero(a, 0, sizeof src));
        for (size_t i = 0; i < bytes; i++)
            src[i] = (unsigned char)(i + bytes + 1);
        CHECK_OK(kerf__buffer_put(a, src, bytes));
        memset(src, 0xEE, sizeof src);
        CHECK_OK(kerf__buffer_read(a, 0, dst, sizeof dst));
        for (size_t i = 0; i < sizeof dst; i++)
            wrong += dst[i] != (i < bytes ? (unsigned char)(i + bytes + 1) : 0);
        CHECK(wrong == 0);
    }
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_put(a, src, 256));
    kerf__buffer_destroy(a);
}

static void test_views(kerf_device *dev)
{
    const size_t align = dev->info.align_bytes;
    unsigned char *bytes = malloc(4 * align);
    for (size_t i = 0; i < 4 * align; i++)
        bytes[i] = (unsigned char)(i / align + 1);
    kerf__buffer *root = create(dev, 4 * align), *view = NULL, *inner = NULL, *empty = NULL;
    CHECK_OK(kerf__buffer_write(root, 0, bytes, 4 * align));
    CHECK_OK(kerf__buffer_create_view(&view, root, align, 3 * align));
    CHECK_OK(kerf__buffer_create_view(&inner, view, align, align + 1)); /* a view of a view */
    CHECK_OK(kerf__buffer_create_view(&empty, root, 4 * align, 0));
    CHECK(kerf__buffer_same_start(root, root) && kerf__buffer_same_start(view, view));
    CHECK(!kerf__buffer_same_start(root, view) && !kerf__buffer_same_start(view, inner));
    CHECK(kerf__buffer_size_bytes(inner) == align + 1 && kerf__buffer_size_bytes(empty) == 0);
    CHECK_OK(kerf__buffer_read(inner, 0, bytes, align + 1));
    CHECK(bytes[0] == 3 && bytes[align - 1] == 3 && bytes[align] == 4);
    CHECK_OK(kerf__buffer_fill_zero(inner, 0, align));
    CHECK_OK(kerf__buffer_read(root, 0, bytes, 4 * align));
    CHECK(bytes[2 * align - 1] == 2 && bytes[2 * align] == 0 && bytes[3 * align] == 4);
    kerf__buffer *bad = root;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_create_view(&bad, root, align + 1, 1));
    CHECK(bad == NULL && strstr(kerf_last_error(), "must be a multiple of") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_create_view(&bad, view, align, 3 * align));
    CHECK(strstr(kerf_last_error(), "must lie within") != NULL);
    kerf__buffer_destroy(empty);
    kerf__buffer_destroy(inner);
    kerf__buffer_destroy(view);
    kerf__buffer_destroy(root);
    free(bytes);
}

static void test_ranges(kerf_device *dev)
{
    char x[16] = {0};
    kerf__buffer *a = create(dev, 16), *b = create(dev, 8);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_write(a, 1, x, 16));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_read(a, 17, x, 0));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_upload(a, SIZE_MAX, x, 2));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_fill_zero(a, 8, 9));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__buffer_copy(a, 0, b, 0, 9));
    CHECK(strstr(kerf_last_error(), "copy to: 9 bytes at offset 0") != NULL);
    CHECK_OK(kerf__buffer_write(a, 16, x, 0)); /* nothing, at the end */
    CHECK_OK(kerf__buffer_copy(a, 0, b, 8, 0));
    kerf__buffer_destroy(a);
    kerf__buffer_destroy(b);
    kerf__buffer_destroy(NULL);
}

/* An upload may be reused once a mark behind it is done. */
static void test_marks(kerf_device *dev)
{
    enum { BYTES = 1 << 20 };
    char *src = malloc(BYTES), *dst = malloc(BYTES);
    kerf__buffer *a = create(dev, BYTES);
    kerf__mark *marks[3] = {NULL, NULL, NULL};
    memset(src, 1, BYTES);
    CHECK_OK(kerf__buffer_upload(a, 0, src, BYTES));
    CHECK_OK(kerf__mark_create(&marks[0], dev));
    CHECK_OK(kerf__mark_finish(marks[0]));
    memset(src, 2, BYTES);
    CHECK_OK(kerf__mark_create(&marks[1], dev));
    CHECK_OK(kerf__mark_create(&marks[2], dev));
    CHECK_OK(kerf__mark_finish(marks[2])); /* not in the order they were made */
    CHECK_OK(kerf__mark_finish(marks[1]));
    CHECK_OK(kerf__mark_finish(marks[1]));
    CHECK_OK(kerf__buffer_read(a, 0, dst, BYTES));
    CHECK(dst[0] == 1 && memcmp(dst, dst + 1, BYTES - 1) == 0);
    for (int i = 0; i < 3; i++)
        kerf__mark_destroy(marks[i]);
    kerf__mark_destroy(NULL);
    kerf__buffer_destroy(a);
    free(src);
    free(dst);
}

/* More than the device has, in one piece and bit by bit. */
static void test_no_room(void)
{
    setenv("KERF_TEST_LIMITS", "64,16384,1000000", 1);
    kerf_device *dev = check_open_device();
    kerf__buffer *buffers[8] = {NULL};
    const kerf_device_info *info = kerf_device_get_info(dev);
    CHECK(info->max_group == 64 && info->local_bytes == 16384 && info->global_bytes == 1000000);
    CHECK_STATUS(KERF_ERR_MEMORY, kerf__buffer_create(&buffers[0], dev, 1000001));
    CHECK(strstr(kerf_last_error(), "in one piece") != NULL && buffers[0] == NULL);
    for (int i = 0; i < 4; i++)
        CHECK_OK(kerf__buffer_create(&buffers[i], dev, 250000));
    CHECK_STATUS(KERF_ERR_MEMORY, kerf__buffer_create(&buffers[4], dev, 1));
    CHECK(strstr(kerf_last_error(), "has 0 bytes left") != NULL);
    kerf__buffer_destroy(buffers[0]);
    CHECK_OK(kerf__buffer_create(&buffers[4], dev, 250000)); /* what was given back */
    for (int i = 1; i < 5; i++)
        kerf__buffer_destroy(buffers[i]);
    CHECK(dev->used_bytes == 0);
    kerf_device_close(dev);
    unsetenv("KERF_TEST_LIMITS");
}

static const kerf__source SOURCE = {
    "fault", "kernel void set(global int *x, int value) { x[get_global_id(0)] = value; }\n"};

typedef struct things {
    kerf__buffer *a, *view, *b;
    kerf__launch *launch;
    kerf__mark *mark;
} things;

static kerf_status use_everything(kerf_device *dev, things *t, int *value)
{
    KERF__TRY(kerf__buffer_create(&t->a, dev, 4096));
    KERF__TRY(kerf__buffer_create_view(&t->view, t->a, 0, 256));
    KERF__TRY(kerf__buffer_create(&t->b, dev, 256));
    KERF__TRY(kerf__launch_create(&t->launch, dev, &SOURCE, "set", "",
                                  KERF__ARGS(ARG(t->view), ARG(5)), kerf__grid_items(64)));
    KERF__TRY(kerf__launch_enqueue(t->launch));
    KERF__TRY(kerf__buffer_copy(t->view, 0, t->b, 0, 256));
    KERF__TRY(kerf__buffer_fill_zero(t->a, 0, 64));
    KERF__TRY(kerf__buffer_upload(t->a, 64, "abc", 3));
    KERF__TRY(kerf__mark_create(&t->mark, dev));
    KERF__TRY(kerf__mark_finish(t->mark));
    return kerf__buffer_read(t->b, 252, value, sizeof *value);
}

static void destroy_everything(things *t)
{
    kerf__mark_destroy(t->mark);
    kerf__launch_destroy(t->launch);
    kerf__buffer_destroy(t->view);
    kerf__buffer_destroy(t->a);
    kerf__buffer_destroy(t->b);
}

/* The device's n-th work fails, then the host's n-th allocation, for every n. */
static void test_faults(kerf_device *dev)
{
    for (int on_host = 0; on_host < 2; on_host++) {
        int num_failures = 0;
        for (long n = 1; n < 100; n++) {
            things t = {0};
            int value = 0;
            if (on_host)
                kerf__alloc_fail_at(n);
            else
                kerf__fault_at(dev, n);
            kerf_status status = use_everything(dev, &t, &value);
            kerf__alloc_fail_at(0);
            kerf__fault_at(dev, 0);
            destroy_everything(&t);
            CHECK(dev->used_bytes == 0);
            if (status == KERF_OK) {
                CHECK(value == 5);
                break;
            }
            CHECK(status == KERF_ERR_MEMORY);
            num_failures++;
        }
        printf("%d failures on the %s\n", num_failures, on_host ? "host" : "device");
        CHECK(num_failures >= 5 && num_failures < 40);
    }
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_moving(dev);
    test_mapping(dev);
    test_put(dev);
    test_views(dev);
    test_ranges(dev);
    test_marks(dev);
    test_faults(dev);
    kerf_device_close(dev);
    test_no_room();
    return check_result();
}
