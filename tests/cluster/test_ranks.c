/* test_ranks.c -- ranks that train together (mpirun -n N test_ranks): they end with the same bits,
 * where one process with as many parts ends, to rounding, and twice with the same; with pruning on
 * the way. */
#include <math.h>

#include "../train/small_run.h"
#include "ranks_begin.h"

static kerf_train_options options_of(const kerf_ranks *r, int64_t parts)
{
    kerf_train_options o = kerf_train_defaults();
    o.batch = 96;
    o.epochs = 0.08;
    o.keep_best = 0;
    o.accumulate = parts;
    o.ranks = r;
    o.clip = 0.2;
    o.prune = (kerf_prune_schedule){
        .options = {.amount = 0.5}, .events = 1, .start = 0.5 * o.epochs, .every = 1};
    return o;
}

static small_run train(kerf_train_options o)
{
    small_run r = small_begin(dev);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    return r;
}

static void check_close_to(const small_run *a, const small_run *b)
{
    float x[1024], y[1024];
    for (int id = 0; id < kerf_state_num_ids(a->s); id++) {
        const kerf_state_entry *e = kerf_state_get(a->s, id), *f;
        if (e == NULL || (e->role != KERF_ROLE_WEIGHT && e->role != KERF_ROLE_MASK))
            continue;
        f = kerf_state_find(b->s, e->name);
        const size_t num = kerf_tensor_num_elements(e->tensor);
        CHECK(f != NULL && num <= 1024);
        CHECK_OK(kerf_state_read(a->s, id, x));
        CHECK_OK(kerf_state_read(b->s, f->id, y));
        if (e->role == KERF_ROLE_MASK)
            CHECK(memcmp(x, y, num) == 0);
        for (size_t i = 0; e->role == KERF_ROLE_WEIGHT && i < num; i++)
            CHECK(fabs((double)(x[i] - y[i])) <= check_tolerance(8, 96 * 30 * 6));
    }
}

static void check_all_same(uint64_t digest)
{
    ranks_check_same(&digest, sizeof digest);
}

/* On unlike devices: no rank's numbers are another's, but for what they exchange. */
static void test_unlike_training(void)
{
    small_run together = train(options_of(ranks, 1));
    check_all_same(small_digest(together.s));
    small_end(&together);
}

static void test_training(void)
{
    small_run together = train(options_of(ranks, 2));
    const uint64_t digest = small_digest(together.s);
    check_all_same(digest);
    small_run again = train(options_of(ranks, 2));
    CHECK(small_digest(again.s) == digest);
    small_run alone = train(options_of(NULL, 2 * ranks->num));
    check_close_to(&together, &alone);
    small_end(&together);
    small_end(&again);
    small_end(&alone);
}

static void finish(void)
{
    for (size_t left = 1, before = SIZE_MAX; left > 0; before = left) {
        CHECK_OK(ranks->advance(ranks->context, 1, &left));
        CHECK(left < before);
    }
}

static void test_sums(void)
{
    enum { NUM = 1001 };
    float x[NUM];
    float z[1] = {1};
    double y[3] = {ranks->rank, 1, 0.5};
    for (int i = 0; i < NUM; i++)
        x[i] = (float)(i * (ranks->rank + 1));
    CHECK_OK(ranks->begin_sum(ranks->context, x, NUM));
    CHECK_OK(ranks->begin_sum(ranks->context, z, 1)); /* fewer than ranks */
    finish();
    for (int i = 0; i < NUM; i++)
        CHECK(x[i] == (float)(i * ranks->num * (ranks->num + 1) / 2));
    CHECK(z[0] == (float)ranks->num);
    CHECK_OK(ranks->sum_doubles(ranks->context, y, 3));
    CHECK(y[1] == ranks->num && y[2] == 0.5 * ranks->num);
}

static void check_refused(kerf_train_options o, const char *words)
{
    small_run r = small_begin(dev);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), words) != NULL);
    small_end(&r);
}

/* Unlike shares: the same sums of the same samples, wherever the cut; the same bits twice. */
static void test_shares(void)
{
    static const char *const LISTS[] = {NULL, NULL, "2,1", "3,2,1"};
    kerf_train_options o = options_of(ranks, 2);
    if (ranks->num > 3)
        return;
    o.balance = LISTS[ranks->num];
    small_run together = train(o);
    check_all_same(small_digest(together.s));
    small_run again = train(o);
    CHECK(small_digest(again.s) == small_digest(together.s));
    small_run alone = train(options_of(NULL, 2));
    check_close_to(&together, &alone);
    o.balance = NULL;
    small_run even = train(o);
    CHECK(small_digest(even.s) != small_digest(together.s)); /* it was cut elsewhere */
    small_end(&together);
    small_end(&again);
    small_end(&alone);
    small_end(&even);
}

/* What the clock says is a list that gives the same bits again. */
static int keep_balance(void *context, const kerf_train_progress *p)
{
    if (p->balance != NULL)
        snprintf(context, 64, "%s", p->balance);
    return 0;
}

static void test_measured_shares(void)
{
    char list[64] = "", first[64];
    kerf_train_options o = options_of(ranks, 1);
    o.balance = "measure";
    o.callback = keep_balance;
    o.context = list;
    small_run measured = train(o);
    memcpy(first, list, sizeof first);
    CHECK_OK(ranks->take_from(ranks->context, 0, first, sizeof first));
    CHECK(list[0] != '\0' && strcmp(list, first) == 0);
    o.balance = first;
    memset(list, 0, sizeof list);
    small_run again = train(o);
    CHECK(list[0] == '\0' && small_digest(again.s) == small_digest(measured.s));
    small_end(&measured);
    small_end(&again);
}

/* More at once than there are places for, each of other numbers. */
static void test_many_sums(void)
{
    enum { SUMS = 100, NUM = 37 };
    static float x[SUMS][NUM];
    size_t left;
    for (int k = 0; k < SUMS; k++)
        for (int i = 0; i < NUM; i++)
            x[k][i] = (float)(k * (i + 1) + ranks->rank);
    for (int k = 0; k < SUMS; k++)
        CHECK_OK(ranks->begin_sum(ranks->context, x[k], NUM));
    CHECK_OK(ranks->advance(ranks->context, 0, &left));
    CHECK(left < SUMS);
    finish();
    for (int k = 0; k < SUMS; k++)
        for (int i = 0; i < NUM; i++)
            CHECK(x[k][i] == (float)(ranks->num * k * (i + 1) + ranks->num * (ranks->num - 1) / 2));
}

static double exact_sum(int i)
{
    const int num = ranks->num;
    return (num * i + num * (num - 1) / 2) * (i % 2 ? 1.0 : -1.0);
}

/* By bytes a sum is right to half a step of each rank's scale and of its own; what that leaves out
 * comes later, so the mean of many sums of the same numbers is right. */
static void test_coded_sums(void)
{
    enum { NUM = 1003, TIMES = 64 };
    static float x[NUM], first[NUM], error[NUM];
    static double mean[NUM];
    const double scale = (NUM + ranks->num) / 127.0, step = scale * ranks->num;
    for (int t = 0; t < TIMES; t++) {
        for (int i = 0; i < NUM; i++)
            x[i] = (float)(i + ranks->rank) * (i % 2 ? 1.0f : -1.0f);
        CHECK_OK(ranks->begin_coded_sum(ranks->context, x, error, NUM));
        finish();
        memcpy(first, x, sizeof x);
        CHECK_OK(ranks->take_from(ranks->context, 0, first, sizeof first));
        CHECK(memcmp(first, x, sizeof x) == 0);
        for (int i = 0; i < NUM; i++)
            mean[i] += (double)x[i] / TIMES;
        for (int i = 0; i < NUM && t == 0; i++)
            CHECK(fabs((double)x[i] - exact_sum(i)) <= step);
    }
    for (int i = 0; i < NUM; i++)
        CHECK(fabs(mean[i] - exact_sum(i)) <= 4 * step / TIMES);
}

static const kerf_event INT8 = {KERF_EVENT_EXCHANGE, .exchange = {KERF_GRADIENTS_INT8, 1}};

/* Gradients by bytes: all ranks end with the same bits, and twice, for a quarter of the traffic. */
static void test_coded_training(void)
{
    kerf_exchange counted = {.steps = 0};
    kerf_train_options o = options_of(ranks, 2);
    o.events = &INT8;
    o.num_events = 1;
    o.exchange = &counted;
    small_run together = train(o);
    const uint64_t digest = small_digest(together.s);
    check_all_same(digest);
    CHECK(counted.steps > 0 && counted.bytes <= 0.25 * counted.dense_bytes);
    o.exchange = NULL;
    small_run again = train(o);
    CHECK(small_digest(again.s) == digest);
    small_end(&together);
    small_end(&again);
}

static void test_what_is_refused(void)
{
    kerf_train_options o = options_of(ranks, 1);
    o.batch = ranks->num - 1;
    check_refused(o, "has no sample for each of");
    o.batch = 96;
    o.balance = "3,2,1,1";
    check_refused(o, "balance 3,2,1,1 has 4 shares: must be one for each of");
    o.balance = ranks->rank == 1 ? "measure" : NULL;
    check_refused(o, "rank 1 has balance=measure, rank 0 has balance=even");
    o = options_of(ranks, 1);
    o.seed += (uint64_t)ranks->rank;
    check_refused(o, "rank 1 has seed=2, rank 0 has seed=1; all must be alike");
}

int main(void)
{
    if (!ranks_begin())
        return 77;
    test_sums();
    test_many_sums();
    if (ranks_are_unlike()) {
        test_unlike_training();
        return ranks_end();
    }
    test_training();
    test_shares();
    test_measured_shares();
    test_coded_sums();
    test_coded_training();
    test_what_is_refused();
    return ranks_end();
}
