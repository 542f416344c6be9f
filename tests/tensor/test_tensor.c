/* test_tensor.c -- tensors on the host and on a device, copies in all directions. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "check.h"
#include "tensor/tensor_internal.h"

static const float NUMBERS[6] = {1, -2, 3.5f, 0, 1e-40f, INFINITY};

static int holds(const kerf_tensor *t, const float *want)
{
    float got[6];
    memset(got, 0x55, sizeof got);
    CHECK_OK(kerf_tensor_read(t, got));
    return memcmp(got, want, sizeof got) == 0;
}

static void test_life(kerf_device *dev)
{
    static const float zeros[6];
    kerf_tensor *t;
    CHECK_OK(kerf_tensor_create(&t, dev, KERF_F32, KERF_SHAPE(2, 3)));
    CHECK(kerf_tensor_type(t) == KERF_F32 && kerf_tensor_num_elements(t) == 6);
    CHECK(kerf_tensor_size_bytes(t) == 24 && kerf_tensor_device(t) == dev);
    CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(2, 3)));
    CHECK((kerf_tensor_data(t) == NULL) == (dev != NULL));
    CHECK(holds(t, zeros));
    CHECK_OK(kerf_tensor_write(t, NUMBERS));
    CHECK(holds(t, NUMBERS));
    kerf_tensor_destroy(t);
    /* Memory that comes back used must be zero again. */
    CHECK_OK(kerf_tensor_create(&t, dev, KERF_F32, KERF_SHAPE(6)));
    CHECK(holds(t, zeros));
    kerf_tensor_destroy(t);
    kerf_tensor_destroy(NULL);
}

static void test_empty(kerf_device *dev)
{
    kerf_tensor *a, *b;
    CHECK_OK(kerf_tensor_create(&a, dev, KERF_F32, KERF_SHAPE(0, 3)));
    CHECK_OK(kerf_tensor_create(&b, NULL, KERF_F32, KERF_SHAPE(0, 3)));
    CHECK(kerf_tensor_num_elements(a) == 0 && kerf_tensor_size_bytes(a) == 0);
    CHECK_OK(kerf_tensor_write(a, NULL));
    CHECK_OK(kerf_tensor_read(a, NULL));
    CHECK_OK(kerf_tensor_copy(a, b));
    CHECK_OK(kerf_tensor_copy(b, a));
    kerf_tensor_destroy(a);
    kerf_tensor_destroy(b);
}

static void test_copy(kerf_device *from, kerf_device *to)
{
    kerf_tensor *src, *dst;
    CHECK_OK(kerf_tensor_create(&src, from, KERF_F32, KERF_SHAPE(6)));
    CHECK_OK(kerf_tensor_create(&dst, to, KERF_F32, KERF_SHAPE(6)));
    CHECK_OK(kerf_tensor_write(src, NUMBERS));
    CHECK_OK(kerf_tensor_copy(src, dst));
    CHECK_OK(kerf_tensor_copy(dst, dst));
    CHECK(holds(dst, NUMBERS) && holds(src, NUMBERS));
    kerf_tensor_destroy(src);
    kerf_tensor_destroy(dst);
}

static void test_view(kerf_device *dev)
{
    size_t align = kerf_device_get_info(dev)->align_bytes;
    kerf_tensor *parent, *part;
    kerf_shape all = KERF_SHAPE((int64_t)(2 * align / sizeof(float)) + 6);
    CHECK_OK(kerf_tensor_create(&parent, dev, KERF_F32, all));
    CHECK_OK(
        kerf__tensor_create_view(&part, dev, parent->buffer, 2 * align, KERF_F32, KERF_SHAPE(6)));
    CHECK_OK(kerf_tensor_write(part, NUMBERS));
    CHECK(holds(part, NUMBERS));
    float *host = kerf__alloc(kerf_tensor_num_elements(parent), sizeof *host);
    CHECK_OK(kerf_tensor_read(parent, host));
    CHECK(memcmp(host + 2 * align / sizeof *host, NUMBERS, sizeof NUMBERS) == 0);
    CHECK(host[0] == 0);
    free(host);
    kerf_tensor_destroy(part);
    CHECK(kerf__tensor_create_view(&part, dev, parent->buffer, 4 * align + 64, KERF_F32,
                                   KERF_SHAPE(6)) != KERF_OK);
    CHECK(part == NULL);
    kerf_tensor_destroy(parent);
}

static void test_refused(void)
{
    kerf_tensor *a, *b;
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_tensor_create(&a, NULL, KERF_F32, KERF_SHAPE(2, -1)));
    CHECK(a == NULL);
    CHECK(strstr(kerf_last_error(), "shape (2, ?) of float32 is impossible") != NULL);
    CHECK_STATUS(KERF_ERR_SHAPE,
                 kerf_tensor_create(&a, NULL, KERF_S64, KERF_SHAPE((int64_t)1 << 61, 4)));
    CHECK_STATUS(KERF_ERR_MEMORY,
                 kerf_tensor_create(&a, NULL, KERF_U8, KERF_SHAPE((int64_t)1 << 50)));
    CHECK(a == NULL);
    CHECK_OK(kerf_tensor_create(&a, NULL, KERF_F32, KERF_SHAPE(2, 3)));
    CHECK_OK(kerf_tensor_create(&b, NULL, KERF_F32, KERF_SHAPE(3, 2)));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_tensor_copy(a, b));
    CHECK(strcmp(kerf_last_error(),
                 "tensor copy: dst is float32 (3, 2), must be float32 (2, 3) like src") == 0);
    kerf_tensor_destroy(b);
    CHECK_OK(kerf_tensor_create(&b, NULL, KERF_S32, KERF_SHAPE(2, 3)));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_tensor_copy(a, b));
    kerf_tensor_destroy(a);
    kerf_tensor_destroy(b);
}

static kerf_status make_and_copy(kerf_device *dev, kerf_tensor **a, kerf_tensor **b)
{
    *b = NULL;
    KERF__TRY(kerf_tensor_create(a, NULL, KERF_F32, KERF_SHAPE(6)));
    KERF__TRY(kerf_tensor_create(b, dev, KERF_F32, KERF_SHAPE(6)));
    return kerf_tensor_copy(*a, *b);
}

static void test_no_memory(kerf_device *dev)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 100) {
        kerf_tensor *a, *b;
        kerf__alloc_fail_at(++n);
        status = make_and_copy(dev, &a, &b);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_tensor_destroy(a);
        kerf_tensor_destroy(b);
    }
    CHECK(n > 3 && n < 100);
}

int main(void)
{
    kerf_device *dev = check_open_device(), *second;
    CHECK_OK(kerf_device_open(&second, getenv("KERF_DEVICE")));
    test_life(NULL);
    test_life(dev);
    test_empty(NULL);
    test_empty(dev);
    kerf_device *places[] = {NULL, dev, second};
    for (int i = 0; i < 9; i++)
        test_copy(places[i / 3], places[i % 3]);
    test_view(dev);
    test_refused();
    test_no_memory(dev);
    kerf_device_close(second);
    kerf_device_close(dev);
    return check_result();
}
