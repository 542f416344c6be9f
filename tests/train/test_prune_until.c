/* test_prune_until.c -- rounds of pruning stop when one loses too much, and what the round before
 * it left comes back: its masks, its weights, its accuracy. */
#include <math.h>
#include <string.h>

#include "small_run.h"

static kerf_device *dev;

static double top1(const small_run *r)
{
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate(r->g, r->s, r->d, KERF_SPLIT_VAL, 256, NULL, &e, NULL));
    return e.top1;
}

/* The share of all masks' elements that is 0. */
static double share_pruned(const kerf_state *s)
{
    double zeros = 0, all = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        unsigned char mask[4096];
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || e->role != KERF_ROLE_MASK)
            continue;
        const size_t num = kerf_tensor_num_elements(e->tensor);
        CHECK(num <= sizeof mask);
        CHECK_OK(kerf_state_read(s, id, mask));
        for (size_t i = 0; i < num; i++)
            zeros += mask[i] == 0;
        all += (double)num;
    }
    return zeros / all;
}

static kerf_train_options rounds_of(int events, double every, double amount)
{
    kerf_train_options o = small_options(1);
    o.keep_best = 0;
    o.prune = (kerf_prune_schedule){.options = {.scope = KERF_SCOPE_GLOBAL, .amount = amount},
                                    .curve = KERF_CURVE_LINEAR,
                                    .events = events,
                                    .every = every};
    return o;
}

/* A network that has learned something. */
static small_run begin_trained(void)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(small_is_tiny() ? 1 : 2);
    o.prune.events = 0;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    return r;
}

static void test_all_rounds(void)
{
    small_run r = begin_trained();
    kerf_prune_rounds out;
    const kerf_train_options o = rounds_of(2, 0.5, 0.8);
    const double before = top1(&r);
    CHECK_OK(kerf_prune_until(&out, r.g, r.s, r.d, &o, 100));
    CHECK(out.tried == 2 && out.kept == 2 && out.before == before);
    CHECK(out.lost == out.lost_last && fabs(out.before - out.lost - top1(&r)) < 1e-9);
    CHECK(fabs(share_pruned(r.s) - 0.8) < 0.01);
    small_end(&r);
}

/* The last round leaves one weight of a hundred and trains for a step. */
static void test_goes_back(void)
{
    small_run r = begin_trained();
    kerf_prune_rounds out;
    const kerf_train_options o = rounds_of(3, 0.2, 0.99);
    CHECK_OK(kerf_prune_until(&out, r.g, r.s, r.d, &o, 5));
    CHECK(out.kept > 0 && out.tried == out.kept + 1 && out.lost <= 5 && out.lost_last > 5);
    CHECK(fabs(out.before - out.lost - top1(&r)) < 1e-9);
    CHECK(fabs(share_pruned(r.s) - 0.33 * out.kept) < 0.01);
    small_end(&r);
}

static void test_none_within(void)
{
    small_run r = begin_trained();
    kerf_prune_rounds out;
    kerf_train_options o = rounds_of(3, 0.02, 0.99);
    o.prune.curve = KERF_CURVE_ONCE;
    CHECK_OK(kerf_prune_until(&out, r.g, r.s, r.d, &o, 0));
    CHECK(out.tried == 1 && out.kept == 0 && out.lost > 0 && out.lost == out.lost_last);
    CHECK(fabs(share_pruned(r.s) - 0.99) < 0.01);
    small_end(&r);
}

static void check_refused(const kerf_train_options *o, double max_drop, const char *words)
{
    small_run r = small_begin(dev);
    kerf_prune_rounds out;
    CHECK(kerf_prune_until(&out, r.g, r.s, r.d, o, max_drop) == KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), words) != NULL);
    small_end(&r);
}

static void test_refused(void)
{
    kerf_train_options o = rounds_of(2, 1, 0.5);
    check_refused(&o, -1, "must be from 0 to 100");
    check_refused(&o, NAN, "must be from 0 to 100");
    o.prune.rewinds = 1;
    check_refused(&o, 1, "not resumed, lifted or rewound");
    o = rounds_of(0, 1, 0.5);
    check_refused(&o, 1, "0 rounds of 1 epochs");
    o = rounds_of(2, 1, 0.5);
    o.prune.options.method = KERF_PRUNE_RIGL;
    check_refused(&o, 1, "by a method other than");
}

int main(void)
{
    dev = check_open_device();
    test_all_rounds();
    if (!small_is_tiny()) /* few steps learn nothing that could be lost */
        test_goes_back();
    if (!small_is_tiny())
        test_none_within();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
