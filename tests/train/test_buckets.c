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

static size_t sent_floats(const echo *e)
{
    size_t num = 0;
    for (size_t i = 0; i < e->begun; i++)
        num += e->num[i];
    return num;
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
                                       .runs_per_update = 1};
    kerf_plan *plan;
    CHECK_OK(kerf_plan_create(&plan, r->g, r->s, &options));
    return plan;
}

static void feed(const small_run *r, kerf_plan *plan, float lr)
{
    float images[BATCH * 16];
    int32_t labels[BATCH];
    for (int i = 0; i < BATCH * 16; i++)
        images[i] = (float)(i * 7 % 11) / 5 - 1;
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 3;
    const kerf_step step = {.lr = lr, .step = 1, .share = 0.5f};
    CHECK_OK(kerf_plan_set_step(plan, &step));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, kerf_value_name(kerf_graph_input(r->g, 0))),
                               images));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(plan, "labels"), labels));
}

enum { SUMS = 1 << KERF_ROLE_GRADIENT, LASTING = 1 << KERF_ROLE_WEIGHT | 1 << KERF_ROLE_MOMENT };

/* All numbers of states of these roles, one behind the other; returns how many. */
static size_t read_states(const small_run *r, int roles, float *at)
{
    size_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(r->s); id++) {
        const kerf_state_entry *e = kerf_state_get(r->s, id);
        if (e == NULL || (roles >> e->role & 1) == 0)
            continue;
        CHECK_OK(kerf_state_read(r->s, id, at + num));
        num += (size_t)kerf_shape_num_elements(e->shape);
    }
    return num;
}

/* ---- zeros ----------------------------------------------------------------------------------- */

static void prune(const small_run *r, double amount)
{
    const kerf_prune_options o = {.amount = amount};
    kerf_pruner *pruner;
    CHECK_OK(kerf_prune_mark(r->g, r->s, &o));
    CHECK_OK(kerf_pruner_create(&pruner, r->g, r->s, &o));
    CHECK_OK(kerf_pruner_apply(pruner, 1));
    kerf_pruner_destroy(pruner);
}

/* 1 for each number of read_states() that is updated; returns how many. */
static size_t read_masks(const small_run *r, unsigned char *at)
{
    size_t num = 0, left = 0;
    for (int id = 0; id < kerf_state_num_ids(r->s); id++) {
        const kerf_state_entry *e = kerf_state_get(r->s, id);
        if (e == NULL || e->role != KERF_ROLE_GRADIENT)
            continue;
        const size_t elements = kerf_tensor_num_elements(e->tensor);
        const kerf_state_entry *mask = kerf_state_find_owned(r->s, e->owner, KERF_ROLE_MASK);
        memset(at + num, 1, elements);
        if (mask != NULL)
            CHECK_OK(kerf_state_read(r->s, mask->id, at + num));
        num += elements;
    }
    for (size_t i = 0; i < num; i++)
        left += at[i] != 0;
    return left;
}

/* Of pruned weights only what is left travels, also when masks have changed.  Weights stay: their
 * rate is 0. */
static void test_zeros(size_t least)
{
    static float alone[4096], both[4096];
    static unsigned char masks[4096];
    small_run r = small_begin(dev);
    prune(&r, 0.5);
    kerf_plan *plan = make_plan(&r);
    kerf_exchange counted = {.steps = 0};
    echo e = {.begun = 0};
    const kerf_ranks ranks = {.num = 2, .context = &e, .begin_sum = begin_sum, .advance = advance};
    kerf__buckets b;
    CHECK_OK(kerf__buckets_create(&b, plan, r.s, &ranks, least));
    b.exchange = &counted;
    for (int round = 0; round < 3; round++) {
        int stop = 0;
        if (round == 1)
            prune(&r, 0.95);
        feed(&r, plan, 0);
        CHECK_OK(kerf_plan_run(plan));
        const size_t num = read_states(&r, SUMS, alone), left = read_masks(&r, masks);
        CHECK_OK(kerf_plan_update(plan));
        e = (echo){.begun = 0};
        CHECK_OK(kerf__buckets_run(&b));
        CHECK_OK(kerf__buckets_sum(&b, &stop));
        CHECK(read_states(&r, SUMS, both) == num && left < num);
        for (size_t i = 0; i < num; i++)
            CHECK(masks[i] == 0 || both[i] == 2 * alone[i]);
        CHECK(sent_floats(&e) == left + 1 && counted.last_bytes == 4.0 * (double)(left + 1));
        CHECK(counted.steps == round + 1 &&
              counted.dense_bytes == 4.0 * (double)counted.steps * (double)(num + 1));
        CHECK_OK(kerf_plan_update(plan));
    }
    kerf__buckets_free(&b);
    kerf_plan_destroy(plan);
    small_end(&r);
}

static void test_sums(size_t least, size_t num_buckets, int wish)
{
    static float alone[4096], both[4096];
    small_run r = small_begin(dev);
    kerf_plan *plan = make_plan(&r);
    feed(&r, plan, 0.1f);
    CHECK_OK(kerf_plan_run(plan));
    const size_t num = read_states(&r, SUMS, alone);
    CHECK(num > 0 && num <= 4096);
    kerf_plan_destroy(plan);
    small_end(&r);

    r = small_begin(dev);
    plan = make_plan(&r);
    feed(&r, plan, 0.1f);
    echo e = {.begun = 0};
    const kerf_ranks ranks = {.num = 2, .context = &e, .begin_sum = begin_sum, .advance = advance};
    kerf__buckets b;
    int stop = wish;
    CHECK_OK(kerf__buckets_create(&b, plan, r.s, &ranks, least));
    CHECK_OK(kerf__buckets_run(&b));
    CHECK_OK(kerf__buckets_sum(&b, &stop));
    CHECK(stop == wish);
    CHECK(e.begun == num_buckets && b.num == num_buckets);
    CHECK(read_states(&r, SUMS, both) == num);
    for (size_t i = 0; i < num; i++)
        CHECK(both[i] == 2 * alone[i]);
    CHECK_OK(kerf_plan_update(plan));
    kerf__buckets_free(&b);
    kerf_plan_destroy(plan);
    small_end(&r);
}

/* ---- means ----------------------------------------------------------------------------------- */

/* A rank that counts a quarter, twice, is half of what it was, exactly; of weights and moments that
 * a mask leaves no other travels. */
static void test_means(size_t least)
{
    static float before[8192], behind[8192];
    static unsigned char masks[4096];
    small_run r = small_begin(dev);
    prune(&r, 0.5);
    kerf_plan *plan = make_plan(&r);
    echo e = {.begun = 0};
    const kerf_ranks ranks = {.num = 2, .context = &e, .begin_sum = begin_sum, .advance = advance};
    kerf__buckets b;
    int stop = 1;
    CHECK_OK(kerf__buckets_create_means(&b, plan, r.s, &ranks, least));
    feed(&r, plan, 0.1f);
    CHECK_OK(kerf_plan_run(plan));
    CHECK_OK(kerf_plan_update(plan));
    const size_t num = read_states(&r, LASTING, before), left = read_masks(&r, masks);
    CHECK_OK(kerf__buckets_fetch(&b, 0.25f));
    CHECK_OK(kerf__buckets_sum(&b, &stop));
    CHECK(stop == 1 && read_states(&r, LASTING, behind) == num && 2 * left < num);
    CHECK(sent_floats(&e) == 2 * left + 1);
    for (size_t i = 0; i < num; i++)
        CHECK(behind[i] == 0.5f * before[i]);
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
    test_zeros(1);
    test_zeros(1 << 20);
    test_means(1);
    test_means(1 << 20);
    kerf_device_close(dev);
    return check_result();
}
