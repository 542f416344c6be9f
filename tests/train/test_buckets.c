/* test_buckets.c -- gradients bucket by bucket: whatever their size, states hold the sums over
 * ranks behind it.  The other rank is one that has the very same, so sums are twice as large,
 * exactly. */
#include "plan/plan_internal.h"
#include "small_run.h"
#include "train/buckets.h"

/* Sums end one behind: several are under way, as with ranks that are slow. */
typedef struct echo {
    float *x[64];
    size_t num[64], begun, ended;
} echo;

static kerf_status begin_sum(void *context, float *x, size_t num)
{
    echo *e = context;
    e->x[e->begun] = x;
    e->num[e->begun++] = num;
    return KERF_OK;
}

static kerf_status advance(void *context, int waits, size_t *num_left)
{
    echo *e = context;
    if (e->ended < e->begun && (waits || e->begun - e->ended > 1)) {
        for (size_t i = 0; i < e->num[e->ended]; i++)
            e->x[e->ended][i] *= 2;
        e->ended++;
    }
    *num_left = e->begun - e->ended;
    return KERF_OK;
}

static kerf_device *dev;
enum { BATCH = 32 };

static kerf_plan *make_plan(const small_run *r)
{
    const kerf_train_options o = kerf_train_defaults();
    const kerf_plan_options options = {.mode = KERF_TRAIN,
                                       .batch = BATCH,
                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                       .optimizer = o.optimizer,
                                       .sums_gradients = 1};
    kerf_plan *plan;
    CHECK_OK(kerf_plan_create(&plan, r->g, r->s, &options));
    return plan;
}

static void feed(const small_run *r, kerf_plan *plan)
{
    float images[BATCH * 16];
    int32_t labels[BATCH];
    for (int i = 0; i < BATCH * 16; i++)
        images[i] = (float)(i * 7 % 11) / 5 - 1;
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 3;
    const kerf_step step = {.lr = 0.1f, .step = 1, .share = 0.5f};
    CHECK_OK(kerf_plan_set_step(plan, &step));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, kerf_value_name(kerf_graph_input(r->g, 0))),
                               images));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "labels"), labels));
}

/* All sums of gradients, one behind the other; returns how many numbers. */
static size_t read_sums(const small_run *r, float *at)
{
    size_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(r->s); id++) {
        const kerf_state_entry *e = kerf_state_get(r->s, id);
        if (e == NULL || e->role != KERF_ROLE_GRADIENT)
            continue;
        CHECK_OK(kerf_tensor_read(e->tensor, at + num));
        num += kerf_tensor_num_elements(e->tensor);
    }
    return num;
}

static void test_sums(size_t least, size_t num_buckets, int wish)
{
    static float alone[4096], both[4096];
    small_run r = small_begin(dev);
    kerf_plan *plan = make_plan(&r);
    feed(&r, plan);
    CHECK_OK(kerf_plan_run(plan));
    const size_t num = read_sums(&r, alone);
    CHECK(num > 0 && num <= 4096);
    kerf_plan_destroy(plan);
    small_end(&r);

    r = small_begin(dev);
    plan = make_plan(&r);
    feed(&r, plan);
    echo e = {.begun = 0};
    const kerf_ranks ranks = {.num = 2, .context = &e, .begin_sum = begin_sum, .advance = advance};
    kerf__buckets b;
    int stop = wish;
    CHECK_OK(kerf__buckets_create(&b, plan, r.s, &ranks, least));
    CHECK_OK(kerf__buckets_run(&b));
    CHECK_OK(kerf__buckets_sum(&b, &stop));
    CHECK(stop == wish);
    CHECK(e.begun == num_buckets && b.num == num_buckets);
    CHECK(read_sums(&r, both) == num);
    for (size_t i = 0; i < num; i++)
        CHECK(both[i] == 2 * alone[i]);
    CHECK_OK(kerf_plan_update(plan));
    kerf__buckets_free(&b);
    kerf_plan_destroy(plan);
    small_end(&r);
}

int main(void)
{
    dev = check_open_device();
    test_sums(1, 6, 0);
    test_sums(100, 3, 1); /* biases come behind their weights: the last is alone */
    test_sums(1 << 20, 1, 1);
    kerf_device_close(dev);
    return check_result();
}
