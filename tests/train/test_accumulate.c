/* test_accumulate.c -- runs whose steps are cut into parts, and whose gradients are clipped: they
 * end where undivided ones do, choose the same masks, and go on behind a stop with the same bits.
 */
#include <math.h>
#include <string.h>

#include "small_run.h"
#include "test_folder.h"

static kerf_device *dev;

enum { MOST_WEIGHTS = 1024 };

/* Few steps: rounding grows with each.  One pruning among them. */
static kerf_train_options few_steps(int64_t parts)
{
    kerf_train_options o = kerf_train_defaults();
    o.batch = 64;
    o.epochs = small_is_tiny() ? 1 : 0.05; /* 2, or 6 steps of the 119 an epoch has */
    o.keep_best = 0;
    o.accumulate = parts;
    o.prune = (kerf_prune_schedule){
        .options = {.amount = 0.5}, .events = 1, .start = 0.5 * o.epochs, .every = 1};
    return o;
}

static uint64_t train(kerf_train_options o, kerf_status status)
{
    small_run r = small_begin(dev);
    CHECK_STATUS(status, kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

static void check_entry(const kerf_state *a, const kerf_state *b, int id)
{
    const kerf_state_entry *e = kerf_state_get(a, id);
    const kerf_state_entry *other = kerf_state_find(b, e->name);
    const size_t num = kerf_tensor_num_elements(e->tensor);
    float x[MOST_WEIGHTS], y[MOST_WEIGHTS];
    CHECK(other != NULL && num <= MOST_WEIGHTS);
    if (other == NULL || num > MOST_WEIGHTS)
        return;
    CHECK_OK(kerf_state_read(a, id, x));
    CHECK_OK(kerf_state_read(b, other->id, y));
    if (e->role == KERF_ROLE_MASK) /* bytes: all alike */
        CHECK(memcmp(x, y, num) == 0);
    for (size_t i = 0; e->role == KERF_ROLE_WEIGHT && i < num; i++)
        CHECK(fabs((double)(x[i] - y[i])) <= check_tolerance(8, 64 * 30 * 6));
}

static void check_same(kerf_train_options o, kerf_train_options other)
{
    small_run a = small_begin(dev), b = small_begin(dev);
    CHECK_OK(kerf_train(a.g, a.s, a.d, &o));
    CHECK_OK(kerf_train(b.g, b.s, b.d, &other));
    for (int id = 0; id < kerf_state_num_ids(a.s); id++) {
        const kerf_state_entry *e = kerf_state_get(a.s, id);
        if (e != NULL && (e->role == KERF_ROLE_WEIGHT || e->role == KERF_ROLE_MASK))
            check_entry(a.s, b.s, id);
    }
    small_end(&a);
    small_end(&b);
}

static void test_parts(void)
{
    kerf_train_options whole = few_steps(0), parts = few_steps(4);
    check_same(whole, parts);
    whole.clip = parts.clip = 0.1;
    check_same(whole, parts);
    whole.optimizer.kind = parts.optimizer.kind = KERF_ADAMW;
    whole.optimizer.epsilon = parts.optimizer.epsilon = 1e-3f; /* else tiny slopes are all noise */
    whole.lr = parts.lr = 0.01;
    check_same(whole, parts);
}

/* 1 part is no other run; a bound that nothing reaches changes no bit. */
static void test_nothing(void)
{
    const uint64_t want = train(few_steps(0), KERF_OK);
    CHECK(train(few_steps(1), KERF_OK) == want);
    kerf_train_options o = few_steps(1);
    o.clip = 1e6;
    CHECK(train(o, KERF_OK) == want);
    o.clip = 0.1;
    CHECK(train(o, KERF_OK) != want);
}

static int stop_soon(void *context, const kerf_train_progress *progress)
{
    (void)context;
    return progress->step > 0;
}

static void test_resume(void)
{
    test_folder folder;
    kerf_train_options o = few_steps(4);
    o.clip = 0.5;
    const uint64_t want = train(o, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(o, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.callback = NULL;
    CHECK(train(o, KERF_OK) == want);
    o.accumulate = 2;
    train(o, KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "accumulate=4 clip=0.5, this one has accumulate=2") != NULL);
    test_folder_remove(&folder);
}

static void check_refused(kerf_train_options o, const char *words)
{
    train(o, KERF_ERR_ARGUMENT);
    small_check_says(words);
}

static void test_what_is_refused(void)
{
    kerf_train_options o = few_steps(3);
    check_refused(o, "batch 64 cannot be cut into 3 equal parts: must be a multiple of accumulate");
    o = few_steps(-1);
    check_refused(o, "accumulate is -1: must be at least 1");
    o = few_steps(1);
    o.clip = NAN;
    check_refused(o, "clip is nan: must be at least 0");
}

int main(void)
{
    dev = check_open_device();
    test_parts();
    test_nothing();
    test_resume();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
