/* test_alloc.c -- host memory, its switch for failures, and the message of a thread. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static void test_alloc(void)
{
    unsigned char *zeroed = kerf__alloc(100, 3);
    int sum = 0;
    for (int i = 0; i < 300; i++)
        sum += zeroed[i];
    CHECK(sum == 0);
    zeroed[299] = 7;
    unsigned char *larger = kerf__realloc(zeroed, 1000, 3);
    CHECK(larger[299] == 7);
    free(larger);
    CHECK(kerf__alloc(SIZE_MAX / 2, 4) == NULL);
    CHECK(kerf__realloc(NULL, SIZE_MAX / 2, 4) == NULL);
    void *empty = kerf__alloc(0, 8);
    CHECK(empty != NULL);
    free(empty);
    char *copy = kerf__strdup("text");
    CHECK(strcmp(copy, "text") == 0);
    free(copy);
}

static void test_fail_at(void)
{
    kerf__alloc_fail_at(2);
    void *first = kerf__alloc(1, 1), *second = kerf__alloc(1, 1), *third = kerf__alloc(1, 1);
    CHECK(first != NULL && second == NULL && third != NULL);
    free(first);
    free(third);
    kerf__alloc_fail_at(1);
    CHECK(kerf__strdup("text") == NULL);
    kerf__alloc_fail_at(1);
    CHECK(kerf__realloc(NULL, 1, 1) == NULL);
    kerf__alloc_fail_at(0);
}

static void test_grow(void)
{
    int *list = NULL;
    size_t capacity = 0;
    for (size_t num = 0; num < 100; num++) {
        CHECK(kerf__grow((void **)&list, &capacity, num, sizeof *list));
        CHECK(capacity > num);
        list[num] = (int)num;
    }
    int *before = list;
    size_t full = capacity;
    kerf__alloc_fail_at(1);
    CHECK(!kerf__grow((void **)&list, &capacity, full, sizeof *list));
    kerf__alloc_fail_at(0);
    CHECK(list == before && capacity == full && list[99] == 99); /* the old stays whole */
    free(list);
}

static void *fail_elsewhere(void *seen)
{
    *(int *)seen = strcmp(kerf_last_error(), "") == 0;
    kerf_status status = kerf__fail(KERF_ERR_SHAPE, "another thread's");
    (void)status;
    return NULL;
}

static void test_message(void)
{
    pthread_t thread;
    int empty = 0;
    CHECK(kerf__fail(KERF_ERR_FILE, "%s: %d", "x", 5) == KERF_ERR_FILE);
    CHECK(pthread_create(&thread, NULL, fail_elsewhere, &empty) == 0);
    pthread_join(thread, NULL);
    CHECK(empty && strcmp(kerf_last_error(), "x: 5") == 0);
    kerf__message kept = kerf__message_keep();
    CHECK(kerf__fail_memory("thing", 12) == KERF_ERR_MEMORY);
    CHECK(strcmp(kerf_last_error(), "thing: cannot allocate 12 bytes of host memory") == 0);
    kerf__message_put_back(&kept);
    CHECK(strcmp(kerf_last_error(), "x: 5") == 0);
    CHECK(strcmp(kerf_status_name(KERF_ERR_SHAPE), "KERF_ERR_SHAPE") == 0);
    CHECK(strcmp(kerf_status_name((kerf_status)99), "KERF_ERR_UNKNOWN") == 0);
    CHECK(strcmp(kerf_status_text(KERF_OK), "success") == 0);
}

int main(void)
{
    test_alloc();
    test_fail_at();
    test_grow();
    test_message();
    return check_result();
}
