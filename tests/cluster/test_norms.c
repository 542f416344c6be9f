/* test_norms.c -- ranks whose batch norms go by all samples (mpirun -n N test_norms): after one
 * step and after several they are where one process with the whole batch is, to rounding, running
 * statistics included; with parts of a step, in mixed precision, and not where each goes by its
 * own. */
#include <math.h>

#include "../train/residual_net.h"
#include "kerf/cluster.h"

enum { SIDE = 6, CHANNELS = 5, BATCH = 36 };
static kerf_device *dev;
static const kerf_ranks *ranks;
static kerf_dataset *data;

static kerf_train_options options_of(const kerf_ranks *r, int steps)
{
    kerf_train_options o = kerf_train_defaults();
    o.batch = BATCH;
    o.epochs = steps / (double)(kerf_dataset_num_samples(data, KERF_SPLIT_TRAIN) / BATCH);
    o.lr = 0.1;
    o.keep_best = 0;
    o.ranks = r;
    o.batch_norm = KERF_BATCH_NORM_TOGETHER;
    return o;
}

static residual_net train(kerf_train_options o)
{
    residual_net n = residual_net_make(dev, SIDE, CHANNELS);
    CHECK_OK(kerf_train(n.g, n.s, data, &o));
    return n;
}

/* The largest difference of weights and statistics, in parts of the largest number of each. */
static double apart(const residual_net *a, const residual_net *b)
{
    static float x[4096], y[4096];
    double most = 0;
    for (int id = 0; id < kerf_state_num_ids(a->s); id++) {
        const kerf_state_entry *e = kerf_state_get(a->s, id);
        double size = 0, off = 0;
        if (e == NULL || (e->role != KERF_ROLE_WEIGHT && e->role != KERF_ROLE_STATISTIC))
            continue;
        CHECK_OK(kerf_state_read(a->s, id, x));
        CHECK_OK(kerf_state_read(b->s, kerf_state_find(b->s, e->name)->id, y));
        for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++) {
            size = fmax(size, fabs((double)y[i]));
            off = fmax(off, fabs((double)x[i] - (double)y[i]));
        }
        most = fmax(most, off / size);
    }
    return most;
}

/* Sums over a batch's pixels. */
static double tolerance(void)
{
    return check_tolerance(1, BATCH * SIDE * SIDE);
}

static void check_together(kerf_train_options o, double most)
{
    residual_net together = train(o);
    o.ranks = NULL;
    o.balance = NULL;
    residual_net alone = train(o);
    const double is = apart(&together, &alone);
    CHECK(is <= most);
    if (is > most)
        printf("apart by %.3g, must be %.3g at most\n", is, most);
    residual_net_free(&together);
    residual_net_free(&alone);
}

static void test_together(void)
{
    kerf_train_options o = options_of(ranks, 1);
    check_together(o, tolerance());
    o = options_of(ranks, 4);
    check_together(o, tolerance());
    o.accumulate = 2;
    check_together(o, tolerance());
    o.balance = ranks->num == 2 ? "3,1" : "3,2,1"; /* each counts by its samples */
    check_together(o, tolerance());
}

/* What lies between layers is rounded to halves, each time a little elsewhere. */
static void test_mixed(void)
{
    kerf_train_options o = options_of(ranks, 2);
    o.precision = KERF_PRECISION_MIXED;
    check_together(o, 4 * 0x1p-11);
}

/* Else the tests above would pass by statistics that matter little. */
static void test_apart(void)
{
    kerf_train_options o = options_of(ranks, 1);
    o.batch_norm = KERF_BATCH_NORM_APART;
    residual_net apart_ = train(o);
    o.ranks = NULL;
    residual_net alone = train(o);
    CHECK(apart(&apart_, &alone) > 100 * tolerance());
    residual_net_free(&apart_);
    residual_net_free(&alone);
}

int main(void)
{
    kerf_cluster *cluster;
    CHECK_OK(kerf_cluster_open(&cluster));
    ranks = kerf_cluster_ranks(cluster);
    dev = check_open_device();
    if (ranks->num == 1) {
        printf("one rank alone: nothing to compare\n");
        return 77;
    }
    CHECK_OK(kerf_dataset_open(&data, "random:1,6,6,3"));
    test_together();
    test_mixed();
    test_apart();
    kerf_dataset_close(data);
    kerf_device_close(dev);
    const int result = check_result();
    kerf_cluster_close(cluster);
    return result;
}
