/* ranks_begin.h -- what tests of ranks (mpirun -n N test_...) begin and end with: the cluster, and
 * a device of each rank's own; of KERF_TEST_PAIR, two devices with a comma between, each takes one.
 */
#ifndef KERF_RANKS_BEGIN_H
#define KERF_RANKS_BEGIN_H

#include <string.h>

#include "check.h"
#include "kerf/cluster.h"

static kerf_cluster *cluster;
static const kerf_ranks *ranks;
static kerf_device *dev;

/* 1: devices are unlike, and so are last bits. */
static inline int ranks_are_unlike(void)
{
    return getenv("KERF_TEST_PAIR") != NULL;
}

static inline void ranks_choose_device(void)
{
    const char *pair = getenv("KERF_TEST_PAIR");
    if (pair == NULL)
        return;
    char name[64];
    const char *own = ranks->rank % 2 == 0 ? pair : strchr(pair, ',') + 1;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(own, ","), own);
    CHECK(setenv("KERF_DEVICE", name, 1) == 0);
}

/* 0: this one is alone, and there is nothing to test. */
static inline int ranks_begin(void)
{
    CHECK_OK(kerf_cluster_open(&cluster));
    ranks = kerf_cluster_ranks(cluster);
    ranks_choose_device();
    dev = check_open_device();
    if (ranks->num == 1)
        printf("one rank alone: nothing to compare\n");
    return ranks->num > 1;
}

static inline int ranks_end(void)
{
    kerf_device_close(dev);
    const int result = check_result();
    kerf_cluster_close(cluster);
    return result;
}

/* All ranks have these bytes. */
static inline void ranks_check_same(const void *bytes, size_t num)
{
    void *first = malloc(num);
    memcpy(first, bytes, num);
    CHECK_OK(ranks->take_from(ranks->context, 0, first, num));
    CHECK(memcmp(first, bytes, num) == 0);
    free(first);
}

#endif
