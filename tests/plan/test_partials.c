/* test_partials.c -- batch normalisation whose statistics are of more than a plan's batch: a run
 * stops where others are asked, and goes on from what they say.  The others here are one that has
 * the very same samples, so that a step is that of a batch with each of them twice. */
#include <math.h>

#include "../train/residual_net.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

enum { BATCH = 4, SIDE = 5, CHANNELS = 5, PIXELS = SIDE * SIDE, LAYERS = 5, MOST = 4096 };
static kerf_device *dev;

/* How a step is run: each sample `times` times, and who is asked. */
typedef struct setting {
    int64_t times, statistics_batch;
    kerf__completer complete; /* NULL: nobody */
    int joins, gives_up;      /* 1: launches are joined; results are computed twice */
} setting;

typedef struct calls {
    int forward, backward;
} calls;

static kerf_status double_up(void *context, const kerf__partial *part)
{
    static float x[3 * CHANNELS];
    calls *c = context;
    *(part->has_moments ? &c->forward : &c->backward) += 1;
    CHECK(part->elements == (part->has_moments ? BATCH * PIXELS : 0));
    CHECK_OK(kerf_tensor_read(part->tensor, x));
    for (int i = CHANNELS; i < (part->has_moments ? 2 : 3) * CHANNELS; i++)
        x[i] *= 2;
    return kerf_tensor_write(part->tensor, x);
}

static kerf_status refuse(void *context, const kerf__partial *part)
{
    (void)context;
    (void)part;
    return kerf__fail(KERF_ERR_FILE, "the others are gone");
}

/* ---- a step ---------------------------------------------------------------------------------- */

static void feed(kerf_plan *p, int64_t times)
{
    static float images[2 * BATCH * PIXELS];
    int32_t labels[2 * BATCH];
    for (int i = 0; i < times * BATCH; i++) {
        labels[i] = i % BATCH % RESIDUAL_CLASSES;
        for (int k = 0; k < PIXELS; k++)
            images[i * PIXELS + k] = (float)((i % BATCH * 7 + k * (labels[i] + 2)) % 11) / 5 - 1;
    }
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "x"), images));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "labels"), labels));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = 1}));
}

/* A plan that has to keep less than it would like to. */
static void make_plan(kerf_plan **p, const residual_net *n, const setting *s)
{
    kerf_plan_options o = {.mode = KERF_TRAIN,
                           .batch = s->times * BATCH,
                           .loss = KERF_LOSS_CROSS_ENTROPY,
                           .statistics_batch = s->statistics_batch};
    CHECK_OK(kerf_plan_create(p, n->g, n->s, &o));
    if (!s->gives_up)
        return;
    o.memory_bytes = kerf__plan_needed_bytes(*p) - 1;
    kerf_plan_destroy(*p);
    CHECK_OK(kerf_plan_create(p, n->g, n->s, &o));
}

/* Weights and statistics, one behind the other; returns how many. */
static size_t read_all(const kerf_state *s, float *x)
{
    size_t num = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || (e->role != KERF_ROLE_WEIGHT && e->role != KERF_ROLE_STATISTIC))
            continue;
        CHECK_OK(kerf_state_read(s, id, x + num));
        num += kerf_tensor_num_elements(e->tensor);
    }
    CHECK(num <= MOST);
    return num;
}

static size_t train(const setting *s, calls *c, float *x)
{
    residual_net n = residual_net_make(dev, SIDE, CHANNELS);
    kerf_plan *p;
    *c = (calls){0};
    make_plan(&p, &n, s);
    CHECK_OK(kerf_plan_verify(p));
    if (s->complete != NULL)
        kerf__plan_complete_by(p, s->complete, c);
    if (s->joins)
        CHECK_OK(kerf_plan_join(p));
    feed(p, s->times);
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    const size_t num = read_all(n.s, x);
    kerf_plan_destroy(p);
    residual_net_free(&n);
    return num;
}

/* ---- what must hold -------------------------------------------------------------------------- */

static const setting TWICE = {2, 0, NULL, 0, 0}, SHARED = {1, 2 * BATCH, double_up, 0, 0};

static void test_as_one_batch(void)
{
    static float is[MOST], as_floats[MOST];
    static double must[MOST];
    calls c, none;
    const size_t num = train(&TWICE, &none, as_floats);
    for (size_t i = 0; i < num; i++)
        must[i] = (double)as_floats[i];
    CHECK(train(&SHARED, &c, is) == num);
    CHECK(c.forward == LAYERS && c.backward == LAYERS && none.forward == 0);
    check_close("shared", is, must, num, check_tolerance(2, 2 * BATCH * PIXELS));
}

/* However launches are queued, and whatever is computed twice: nobody is asked twice. */
static void test_same_bits(void)
{
    static float one[MOST], other[MOST];
    calls c;
    const size_t num = train(&SHARED, &c, one);
    for (int way = 0; way < 2; way++) {
        setting s = SHARED;
        *(way == 0 ? &s.joins : &s.gives_up) = 1;
        CHECK(train(&s, &c, other) == num);
        CHECK(c.forward == LAYERS && c.backward == LAYERS);
        CHECK(memcmp(one, other, num * sizeof *one) == 0);
    }
}

/* What tunes and times a plan asks nobody. */
static void test_nobody_there(void)
{
    static float is[MOST];
    calls c;
    setting s = SHARED;
    s.complete = NULL;
    const size_t num = train(&s, &c, is);
    for (size_t i = 0; i < num; i++)
        CHECK(isfinite(is[i]));
}

static void test_failures(void)
{
    residual_net n = residual_net_make(dev, SIDE, CHANNELS);
    kerf_plan *p;
    make_plan(&p, &n, &SHARED);
    kerf__plan_complete_by(p, refuse, NULL);
    feed(p, 1);
    CHECK_STATUS(KERF_ERR_FILE, kerf_plan_run(p));
    kerf_plan_destroy(p);
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_plan_create(&p, n.g, n.s,
                                  &(kerf_plan_options){.mode = KERF_TRAIN,
                                                       .batch = BATCH,
                                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                                       .statistics_batch = BATCH - 1}));
    CHECK(strstr(kerf_last_error(), "statistics are of 3 samples, must be of the batch's 4 or "
                                    "more, in training") != NULL);
    residual_net_free(&n);
}

int main(void)
{
    dev = check_open_device();
    test_as_one_batch();
    test_same_bits();
    test_nobody_there();
    test_failures();
    kerf_device_close(dev);
    return check_result();
}
