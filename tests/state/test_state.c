/* test_state.c -- entries, their versions and the three edits, on a device and on the host. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "check.h"
#include "kerf/state.h"

static void check_message(const char *words)
{
    if (strstr(kerf_last_error(), words) != NULL)
        return;
    printf("'%s' lacks '%s'\n", kerf_last_error(), words);
    check_failures++;
}

/* w (2, 3, 2) with 0 to 11, its mask with the odd ones, a moment w + 100, a range of its
 * own shape, and an unrelated entry. */
enum { W, MASK, MOMENT, RANGE, OTHER, NUM_ENTRIES };

static kerf_status make(kerf_state **out, kerf_device *dev)
{
    float w[12], moment[12];
    unsigned char mask[12];
    int id;
    for (int i = 0; i < 12; i++) {
        w[i] = (float)i;
        moment[i] = (float)(i + 100);
        mask[i] = i % 2 != 0;
    }
    KERF__TRY(kerf_state_create(out, dev));
    kerf_state *s = *out;
    kerf_shape shape = KERF_SHAPE(2, 3, 2);
    KERF__TRY(kerf_state_add(s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    KERF__TRY(kerf_state_add(s, "w.mask", KERF_ROLE_MASK, W, KERF_BOOL, shape, &id));
    KERF__TRY(kerf_state_add(s, "w.moment", KERF_ROLE_MOMENT, W, KERF_F32, shape, &id));
    KERF__TRY(kerf_state_add(s, "w.range", KERF_ROLE_RANGE, W, KERF_F32, KERF_SHAPE(2), &id));
    KERF__TRY(kerf_state_add(s, "b", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    KERF__TRY(kerf_state_write(s, W, w));
    KERF__TRY(kerf_state_write(s, MASK, mask));
    return kerf_state_write(s, MOMENT, moment);
}

static int has_shape(const kerf_state *s, int id, kerf_shape shape)
{
    return kerf_shape_equal(kerf_tensor_shape(kerf_state_get(s, id)->tensor), shape);
}

static void check_floats(const kerf_state *s, int id, const float *want, size_t num)
{
    float got[12] = {0};
    CHECK(kerf_tensor_num_elements(kerf_state_get(s, id)->tensor) == num);
    CHECK_OK(kerf_state_read(s, id, got));
    CHECK(memcmp(got, want, num * sizeof *want) == 0);
}

static void test_entries(kerf_device *dev)
{
    kerf_state *s;
    CHECK_OK(make(&s, dev));
    CHECK(kerf_state_num_ids(s) == NUM_ENTRIES && kerf_state_device(s) == dev);
    const kerf_state_entry *mask = kerf_state_find(s, "w.mask");
    CHECK(mask == kerf_state_get(s, MASK) && mask->id == MASK && mask->owner == W);
    CHECK(mask->role == KERF_ROLE_MASK && mask->version == 1);
    CHECK(kerf_state_find_owned(s, W, KERF_ROLE_MOMENT) == kerf_state_get(s, MOMENT));
    CHECK(kerf_state_find_owned(s, OTHER, KERF_ROLE_MOMENT) == NULL);
    CHECK(kerf_state_find(s, "none") == NULL);
    CHECK(kerf_state_get(s, -1) == NULL && kerf_state_get(s, NUM_ENTRIES) == NULL);
    check_floats(s, OTHER, (const float[12]){0}, 12); /* filled with zeros */
    kerf_state_touch(s, MASK);
    CHECK(mask->version == 2 && kerf_state_get(s, OTHER)->version == 0);
    kerf_state_destroy(s);
    kerf_state_destroy(NULL);
}

static void test_slice(kerf_device *dev)
{
    kerf_state *s;
    CHECK_OK(make(&s, dev));
    CHECK_OK(kerf_state_slice(s, W, 1, (const int64_t[]){0, 2}, 2));
    CHECK(has_shape(s, W, KERF_SHAPE(2, 2, 2)) && has_shape(s, MASK, KERF_SHAPE(2, 2, 2)));
    CHECK(has_shape(s, RANGE, KERF_SHAPE(2)) && has_shape(s, OTHER, KERF_SHAPE(2, 3, 2)));
    check_floats(s, W, (const float[]){0, 1, 4, 5, 6, 7, 10, 11}, 8);
    check_floats(s, MOMENT, (const float[]){100, 101, 104, 105, 106, 107, 110, 111}, 8);
    unsigned char mask[8];
    CHECK_OK(kerf_state_read(s, MASK, mask));
    CHECK(mask[0] == 0 && mask[1] == 1 && mask[6] == 0 && mask[7] == 1);
    CHECK(kerf_state_get(s, W)->version == 2 && kerf_state_get(s, MOMENT)->version == 2);
    CHECK(kerf_state_get(s, OTHER)->version == 0);

    CHECK_OK(kerf_state_slice(s, W, 0, (const int64_t[]){1}, 1)); /* outermost */
    check_floats(s, W, (const float[]){6, 7, 10, 11}, 4);
    CHECK_OK(kerf_state_slice(s, W, 2, (const int64_t[]){1}, 1)); /* innermost */
    check_floats(s, W, (const float[]){7, 11}, 2);
    CHECK_OK(kerf_state_slice(s, W, 1, NULL, 0));
    CHECK(has_shape(s, MOMENT, KERF_SHAPE(1, 0, 1)));
    kerf_state_destroy(s);
}

static void test_replace(kerf_device *dev)
{
    kerf_state *s;
    kerf_tensor *same, *other, *misplaced;
    CHECK_OK(make(&s, dev));
    CHECK_OK(kerf_tensor_create(&same, dev, KERF_F32, KERF_SHAPE(2, 3, 2)));
    CHECK_OK(kerf_state_replace(s, W, same));
    CHECK(kerf_state_get(s, W)->tensor == same && kerf_state_get(s, W)->version == 2);
    CHECK(kerf_state_get(s, MASK) != NULL && kerf_state_get(s, MOMENT) != NULL);
    CHECK_OK(kerf_tensor_create(&other, dev, KERF_F32, KERF_SHAPE(4)));
    CHECK_OK(kerf_state_replace(s, W, other));
    CHECK(kerf_state_get(s, MASK) == NULL && kerf_state_find(s, "w.mask") == NULL);
    CHECK(kerf_state_get(s, MOMENT) == NULL && kerf_state_get(s, OTHER) != NULL);
    CHECK_OK(kerf_tensor_create(&misplaced, NULL, KERF_F32, KERF_SHAPE(4)));
    if (dev != NULL) {
        CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_replace(s, W, misplaced));
        check_message("the new 'w' must lie where the state lies");
        CHECK(kerf_state_get(s, W)->tensor == other);
    } else {
        CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_replace(s, MASK, misplaced));
        check_message("there is no entry 1");
    }
    kerf_state_destroy(s);
}

static void test_drop_and_copy(kerf_device *dev, kerf_device *to)
{
    kerf_state *s, *copy;
    int id;
    CHECK_OK(make(&s, dev));
    kerf_state_drop(s, MASK);
    CHECK(kerf_state_get(s, MASK) == NULL && kerf_state_get(s, MOMENT) != NULL);
    kerf_state_drop(s, MASK);
    CHECK_OK(kerf_state_copy(&copy, s, to)); /* holes are copied too: ids stay */
    CHECK(kerf_state_num_ids(copy) == NUM_ENTRIES && kerf_state_get(copy, MASK) == NULL);
    CHECK(kerf_state_device(copy) == to && kerf_state_get(copy, MOMENT)->owner == W);
    CHECK(kerf_state_get(copy, W)->version == 1);
    kerf_state_drop(s, W);
    CHECK(kerf_state_get(s, MOMENT) == NULL && kerf_state_get(s, RANGE) == NULL);
    CHECK(kerf_state_find(s, "w") == NULL && kerf_state_get(s, OTHER) != NULL);
    CHECK_OK(kerf_state_add(s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(1), &id));
    CHECK(id == NUM_ENTRIES); /* ids are never used again */
    check_floats(copy, W, (const float[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 12);
    kerf_state_destroy(s);
    kerf_state_destroy(copy);
}

static void test_refused(void)
{
    kerf_state *s;
    int id;
    CHECK_OK(make(&s, NULL));
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_state_add(s, "w", KERF_ROLE_MASK, -1, KERF_F32, KERF_SHAPE(1), &id));
    check_message("'w' is there already, names must be unique");
    CHECK(id == -1);
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_state_add(s, "m", KERF_ROLE_MASK, 9, KERF_F32, KERF_SHAPE(1), &id));
    check_message("owner 9 of 'm' must be an entry or -1");
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_state_add(s, "", KERF_ROLE_MASK, -1, KERF_F32, KERF_SHAPE(1), &id));
    CHECK_STATUS(KERF_ERR_SHAPE,
                 kerf_state_add(s, "m", KERF_ROLE_MASK, -1, KERF_F32, KERF_SHAPE(-1), &id));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_write(s, 9, NULL));
    check_message("there is no entry 9");
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_read(s, -1, NULL));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_slice(s, W, 3, (const int64_t[]){0}, 1));
    check_message("axis 3 of 'w', must be 0 to 2");
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_slice(s, W, 1, (const int64_t[]){1, 1}, 2));
    check_message("index 1 to keep of 'w', must ascend from 0 to 2");
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_state_slice(s, W, 1, (const int64_t[]){3}, 1));
    CHECK_OK(kerf_state_add(s, "q", KERF_ROLE_WEIGHT, -1, KERF_U4, KERF_SHAPE(4), &id));
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_state_slice(s, id, 0, (const int64_t[]){1}, 1));
    check_message("packed uint4 cannot be cut");
    kerf_state_destroy(s);
}

static kerf_status make_copy_slice(kerf_device *dev, kerf_state **s, kerf_state **copy)
{
    *copy = NULL;
    KERF__TRY(make(s, dev));
    KERF__TRY(kerf_state_copy(copy, *s, dev));
    return kerf_state_slice(*copy, W, 1, (const int64_t[]){1}, 1);
}

static void test_no_memory(kerf_device *dev)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 1000) {
        kerf_state *s, *copy;
        kerf__alloc_fail_at(++n);
        status = make_copy_slice(dev, &s, &copy);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        if (copy != NULL && status != KERF_OK) /* a failed slice has changed nothing */
            CHECK(has_shape(copy, W, KERF_SHAPE(2, 3, 2)) &&
                  has_shape(copy, MASK, KERF_SHAPE(2, 3, 2)));
        kerf_state_destroy(s);
        kerf_state_destroy(copy);
    }
    CHECK(n > 30 && n < 1000);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    kerf_device *places[] = {NULL, dev};
    for (int i = 0; i < 2; i++) {
        test_entries(places[i]);
        test_slice(places[i]);
        test_replace(places[i]);
        test_drop_and_copy(places[i], places[0]);
        test_drop_and_copy(places[i], places[1]);
        test_no_memory(places[i]);
    }
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
