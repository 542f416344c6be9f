/* test_mixed_run.c -- runs in mixed precision: the same bits twice and behind a stop, whose
 * checkpoint holds the scale; what floats end with, nearly; and one that no scale can help. */
#include <math.h>
#include <string.h>

#include "small_run.h"
#include "test_folder.h"

static kerf_device *dev;

/* Steps are skipped at first, and the scale grows behind; one pruning among them. */
static kerf_train_options few_steps(void)
{
    kerf_train_options o = kerf_train_defaults();
    o.batch = 64;
    o.epochs = small_is_tiny() ? 4 : 0.2; /* 8, or 24 steps of the 119 an epoch has */
    o.keep_best = 0;
    o.precision = KERF_PRECISION_MIXED;
    o.loss_scale = 0x1p26; /* a gradient of 0.001 is infinite */
    o.scale_steps = 3;
    o.prune = (kerf_prune_schedule){
        .options = {.amount = 0.5}, .events = 1, .start = 0.5 * o.epochs, .every = 1};
    return o;
}

static uint64_t train(kerf_train_options o, kerf_status status, kerf_loss_scale *scale)
{
    small_run r = small_begin(dev);
    CHECK_STATUS(status, kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    CHECK_OK(kerf_loss_scale_read(scale, r.s));
    small_end(&r);
    return digest;
}

static int stop_soon(void *context, const kerf_train_progress *progress)
{
    (void)context;
    return progress->step > 0;
}

/* In parts, too, and with a bound on gradients. */
static void test_bits(int64_t parts, double clip)
{
    test_folder folder;
    kerf_loss_scale want, got;
    kerf_train_options o = few_steps();
    o.accumulate = parts;
    o.clip = clip;
    const uint64_t digest = train(o, KERF_OK, &want);
    CHECK(want.skipped > 0 && want.scale < o.loss_scale);
    CHECK(train(o, KERF_OK, &got) == digest && got.skipped == want.skipped);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(o, KERF_ERR_CANCELLED, &got);
    o.resume = 1;
    o.callback = NULL;
    CHECK(train(o, KERF_OK, &got) == digest);
    CHECK(got.scale == want.scale && got.skipped == want.skipped);
    o.precision = KERF_PRECISION_F32;
    train(o, KERF_ERR_ARGUMENT, &got);
    small_check_says("is of a run with precision=mixed");
    test_folder_remove(&folder);
}

/* Masks are chosen by weights that are nearly the same: hardly one is another. */
static void test_as_floats(void)
{
    kerf_train_options o = few_steps();
    small_run half = small_begin(dev), whole = small_begin(dev);
    float x[1024], y[1024];
    o.loss_scale = 0;
    o.prune.events = 0;
    CHECK_OK(kerf_train(half.g, half.s, half.d, &o));
    o.precision = KERF_PRECISION_F32;
    CHECK_OK(kerf_train(whole.g, whole.s, whole.d, &o));
    for (int id = 0; id < kerf_state_num_ids(whole.s); id++) {
        const kerf_state_entry *e = kerf_state_get(whole.s, id);
        const kerf_state_entry *other = e != NULL ? kerf_state_find(half.s, e->name) : NULL;
        if (e == NULL || e->role != KERF_ROLE_WEIGHT || kerf_tensor_num_elements(e->tensor) > 1024)
            continue;
        CHECK_OK(kerf_state_read(whole.s, id, x));
        CHECK_OK(kerf_state_read(half.s, other->id, y));
        for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++)
            CHECK(fabs((double)(x[i] - y[i])) <= 8 * 0x1p-11 * sqrt(64));
    }
    small_end(&half);
    small_end(&whole);
}

/* Numbers of the network itself that no half holds. */
static void test_hopeless(void)
{
    kerf_train_options o = few_steps();
    kerf_loss_scale scale;
    o.loss_scale = 2;
    o.prune.events = 0;
    o.prep = "scale=10000000";
    train(o, KERF_ERR_DIVERGED, &scale);
    small_check_says("although the loss is not scaled any more: precision must be f32");
    CHECK(scale.scale == 1 && scale.skipped > 0);
}

static void test_choice(void)
{
    kerf_train_options o = few_steps();
    kerf_loss_scale first, second;
    o.precision = KERF_PRECISION_AUTO;
    const uint64_t digest = train(o, KERF_OK, &first);
    CHECK(train(o, KERF_OK, &second) == digest && first.scale == second.scale);
    o.precision = KERF_PRECISION_F16;
    train(o, KERF_ERR_ARGUMENT, &first);
    small_check_says("precision must be f32 or mixed in training");
    o.precision = KERF_PRECISION_MIXED;
    o.scale_steps = -1;
    train(o, KERF_ERR_ARGUMENT, &first);
    small_check_says("good steps that double the loss scale is -1: must be at least 0");
}

int main(void)
{
    dev = check_open_device();
    test_bits(1, 0);
    test_bits(4, 0.5);
    test_as_floats();
    test_hopeless();
    test_choice();
    kerf_device_close(dev);
    return check_result();
}
