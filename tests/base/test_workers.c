/* test_workers.c -- threads that work together: each place once, and which failure comes back. */
#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/workers.h"
#include "check.h"

enum { MOST = 8 };

typedef struct places {
    int taken[MOST], fails[MOST];
    pthread_t threads[MOST];
} places;

static kerf_status work(void *context, size_t i)
{
    places *p = context;
    p->taken[i]++;
    p->threads[i] = pthread_self();
    return p->fails[i] ? kerf__fail(KERF_ERR_SHAPE, "place %zu fails", i) : KERF_OK;
}

static void test_all(size_t num)
{
    places p = {.taken = {0}};
    CHECK_OK(kerf__work_together("test", num, work, &p));
    for (size_t i = 0; i < MOST; i++)
        CHECK(p.taken[i] == (i < num));
    CHECK((num > 1) == !pthread_equal(p.threads[0], pthread_self()));
}

static void test_failures(void)
{
    places p = {.fails = {[2] = 1, [4] = 1}};
    CHECK_STATUS(KERF_ERR_SHAPE, kerf__work_together("test", 6, work, &p));
    CHECK(strcmp(kerf_last_error(), "place 2 fails") == 0);
    for (size_t i = 0; i < 6; i++)
        CHECK(p.taken[i] == 1);
    p.fails[0] = 1;
    CHECK_STATUS(KERF_ERR_SHAPE, kerf__work_together("test", 1, work, &p));
    CHECK(strcmp(kerf_last_error(), "place 0 fails") == 0);
}

int main(void)
{
    test_all(1);
    test_all(2);
    test_all(MOST);
    test_failures();
    return check_result();
}
