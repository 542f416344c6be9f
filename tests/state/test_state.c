/* test_state.c -- entries, their versions and the three edits, on a device and on the host. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "check.h"
#include "kerf/state.h"
#include "state/compact.h"

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
    CHECK(kerf_state_bytes(s) == 3 * 12 * sizeof(float) + 12 + 2 * sizeof(float));
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

static void check_whole(const kerf_state *s, const float *whole)
{
    float got[12];
    CHECK_OK(kerf_state_read(s, MOMENT, got));
    CHECK(memcmp(got, whole, sizeof got) == 0);
}

/* What the mask leaves of the moment, in room for 8, is all of it to whoever reads or writes. */
static void check_compact(kerf_state *s, kerf__compact_order order, const float *kept)
{
    const float whole[12] = {0, 101, 0, 103, 0, 105, 0, 107, 0, 109, 0, 111};
    float in_tensor[8];
    const kerf_state_entry *e = kerf_state_get(s, MOMENT);
    CHECK_OK(kerf__state_pack(s, MOMENT, 8, order));
    CHECK(has_shape(s, MOMENT, KERF_SHAPE(8)));
    CHECK(kerf_shape_equal(e->shape, KERF_SHAPE(2, 3, 2)));
    CHECK_OK(kerf_tensor_read(e->tensor, in_tensor));
    CHECK(memcmp(in_tensor, kept, sizeof in_tensor) == 0);
    check_whole(s, whole);
}

static void test_compact(kerf_device *dev, kerf_device *to)
{
    static const float ROWS[8] = {101, 103, 105, 107, 109, 111},
                       COLUMNS[8] = {101, 107, 103, 109, 105, 111};
    const unsigned char others[12] = {0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0};
    kerf_state *s, *copy;
    CHECK_OK(make(&s, dev));
    CHECK_OK(kerf__state_unpack(s, MOMENT)); /* it is whole */
    CHECK(kerf__state_layouts(s) == 0);
    check_compact(s, KERF__BY_ROWS, ROWS);
    check_compact(s, KERF__BY_COLUMNS, COLUMNS);
    CHECK(kerf__state_layouts(s) == 1); /* it has a tensor of 8 already */
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__state_pack(s, MOMENT, 5, KERF__BY_ROWS));
    check_message("'w.moment' has 6 elements, must have 5 at most");

    CHECK_OK(kerf_state_copy(&copy, s, to));
    check_floats(copy, MOMENT, (const float[]){0, 101, 0, 103, 0, 105, 0, 107, 0, 109, 0, 111}, 12);
    kerf_state_destroy(copy);

    /* Another mask: what stays keeps its moment, what comes back begins with 0. */
    CHECK_OK(kerf_state_write(s, MASK, others));
    CHECK(kerf__state_lags(s, MOMENT));
    CHECK_OK(kerf__state_follow(s, MOMENT, (const int32_t[]){2, 3, 9, 10}, 4));
    CHECK(!kerf__state_lags(s, MOMENT) && kerf__state_layouts(s) == 1);
    check_whole(s, (const float[12]){[3] = 103, [9] = 109});
    CHECK_OK(kerf__state_pack(s, MOMENT, 8, KERF__BY_ROWS));
    check_whole(s, (const float[12]){[3] = 103, [9] = 109});
    CHECK_OK(kerf_state_write(s, MOMENT, (const float[12]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
    CHECK_OK(kerf__state_pack(s, MOMENT, 9, KERF__BY_ROWS)); /* in another tensor */
    CHECK(kerf__state_layouts(s) == 2 && kerf_state_get(s, MOMENT)->layout == 2);
    CHECK_OK(kerf_state_slice(s, W, 1, (const int64_t[]){1}, 1));
    check_floats(s, MOMENT, (const float[]){3, 4, 0, 10}, 4);
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
    KERF__TRY(kerf__state_pack(*s, MOMENT, 8, KERF__BY_ROWS));
    KERF__TRY(kerf_state_copy(copy, *s, dev));
    KERF__TRY(kerf__state_pack(*copy, MOMENT, 8, KERF__BY_ROWS));
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
        test_compact(places[i], places[0]);
        test_compact(places[i], places[1]);
        test_drop_and_copy(places[i], places[0]);
        test_drop_and_copy(places[i], places[1]);
        test_no_memory(places[i]);
    }
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
