/* test_penalty.c -- penalties while training: the step they add against its definition and against
 * the function that it must make least; when they act; a layer that nothing is left of; channels
 * that go by scales which one has drawn to 0. */
#include <math.h>
#include <string.h>

#include "residual_net.h"
#include "small_run.h"

enum { INPUTS = 16, HIDDEN = 30, SECOND = 10, CLASSES = 3, BATCH = 8, MOST = INPUTS * HIDDEN };

static kerf_device *dev;

/* ---- a step ---------------------------------------------------------------------------------- */

static const char *const NAMES[] = {"fc1.weight", "fc2.weight", "fc3.weight"};
static const int ROWS[] = {HIDDEN, SECOND, CLASSES}, COLUMNS[] = {INPUTS, HIDDEN, SECOND};
/* Each alone; by outputs; by inputs. */
static const kerf_shrunk_weight SHRUNK[] = {
    {"fc1.weight", -1}, {"fc2.weight", 0}, {"fc3.weight", 1}};

static float number(int i)
{
    return (float)((i * 37 + i / 7 * 11) % 23) / 11.0f - 1.0f;
}

static void feed(kerf_plan *p, const char *input)
{
    static float x[BATCH * INPUTS];
    static int32_t labels[BATCH];
    for (int i = 0; i < BATCH * INPUTS; i++)
        x[i] = number(i);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    CHECK_OK(kerf_plan_feed(p, input, x, sizeof x));
    CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
}

/* The weights after one step from those of seed 5. */
static void step(size_t num_shrunk, float shrink, float weights[3][MOST])
{
    small_run r = small_begin(dev);
    kerf_plan *p;
    uint64_t token;
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = BATCH,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .optimizer = kerf_train_defaults().optimizer,
                                 .shrunk = SHRUNK,
                                 .num_shrunk = num_shrunk};
    CHECK_OK(kerf_plan_create(&p, r.g, r.s, &o));
    feed(p, kerf_value_name(kerf_graph_input(r.g, 0)));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = 1, .shrink = shrink}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_plan_mark(p, &token));
    CHECK_OK(kerf_plan_finish(p, token));
    for (int l = 0; l < 3; l++)
        CHECK_OK(kerf_state_read(r.s, kerf_state_find(r.s, NAMES[l])->id, weights[l]));
    kerf_plan_destroy(p);
    small_end(&r);
}

/* Element k of group i of layer l. */
static int at(int l, int i, int k)
{
    return l == 1 ? i * COLUMNS[l] + k : k * COLUMNS[l] + i;
}

static int num_groups(int l)
{
    return l == 1 ? ROWS[l] : COLUMNS[l];
}

static int group_size(int l)
{
    return l == 1 ? COLUMNS[l] : ROWS[l];
}

static double norm_of(int l, int i, const double *w)
{
    double sum = 0;
    for (int k = 0; k < group_size(l); k++)
        sum += w[at(l, i, k)] * w[at(l, i, k)];
    return sqrt(sum);
}

/* What the penalty says of a layer's weights. */
static double penalty(int l, const double *w)
{
    double sum = 0;
    for (int i = 0; l == 0 && i < ROWS[l] * COLUMNS[l]; i++)
        sum += fabs(w[i]);
    for (int i = 0; l > 0 && i < num_groups(l); i++)
        sum += sqrt(group_size(l)) * norm_of(l, i, w);
    return sum;
}

/* What the step makes least. */
static double harm(int l, const double *x, const float *w, double t)
{
    double sum = 0;
    for (int i = 0; i < ROWS[l] * COLUMNS[l]; i++)
        sum += (x[i] - (double)w[i]) * (x[i] - (double)w[i]) / 2;
    return sum + t * penalty(l, x);
}

/* By differences: nowhere does it go down from x, and the step went down from w. */
static void check_least(int l, const float *next, const float *w, double t)
{
    static const double AWAY = 1e-3;
    double x[MOST] = {0}, was[MOST] = {0};
    for (int i = 0; i < ROWS[l] * COLUMNS[l]; i++) {
        x[i] = (double)next[i];
        was[i] = (double)w[i];
    }
    const double least = harm(l, x, w, t);
    CHECK(least < harm(l, was, w, t));
    for (int i = 0; i < ROWS[l] * COLUMNS[l]; i++)
        for (int side = -1; side <= 1; side += 2) {
            const double kept = x[i];
            x[i] += side * AWAY;
            CHECK(harm(l, x, w, t) > least);
            x[i] = kept;
        }
}

static void check_single(const float *next, const float *w, float t)
{
    int zeros = 0;
    for (int i = 0; i < MOST; i++) {
        const double rest = fmax(fabs((double)w[i]) - (double)t, 0);
        CHECK(fabs((double)next[i] - copysign(rest, (double)w[i])) <= 1e-6);
        zeros += next[i] == 0;
    }
    CHECK(zeros > 0 && zeros < MOST);
}

static void check_groups(int l, const float *next, const float *w, float t)
{
    double was[MOST];
    for (int i = 0; i < ROWS[l] * COLUMNS[l]; i++)
        was[i] = (double)w[i];
    for (int i = 0; i < num_groups(l); i++) {
        const double part = (double)t * sqrt(group_size(l)) / norm_of(l, i, was);
        for (int k = 0; k < group_size(l); k++)
            CHECK(fabs((double)next[at(l, i, k)] - was[at(l, i, k)] * fmax(1 - part, 0)) <= 1e-6);
    }
}

static void test_step(void)
{
    static float plain[3][MOST], idle[3][MOST], next[3][MOST];
    const float t = 0.05f;
    step(0, 0, plain);
    step(3, 0, idle);
    step(3, t, next);
    for (int l = 0; l < 3; l++) /* a penalty that does not act changes no bit */
        CHECK(memcmp(plain[l], idle[l], (size_t)(ROWS[l] * COLUMNS[l]) * sizeof(float)) == 0);
    check_single(next[0], plain[0], t);
    for (int l = 1; l < 3; l++)
        check_groups(l, next[l], plain[l], t);
    for (int l = 0; l < 3; l++)
        check_least(l, next[l], plain[l], (double)t);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int64_t num_zeros(const kerf_state *s, const char *name)
{
    float weights[1024];
    const kerf_state_entry *e = kerf_state_find(s, name);
    int64_t zeros = 0;
    CHECK_OK(kerf_state_read(s, e->id, weights));
    for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++)
        zeros += weights[i] == 0;
    return zeros;
}

/* One epoch with a penalty between two of its parts. */
typedef struct penalized {
    kerf_penalty penalty;
    kerf_event event;
    kerf_train_options options;
} penalized;

static void penalize(penalized *p, kerf_penalty_kind kind, double strength)
{
    p->penalty = (kerf_penalty){.kind = kind, .strength = strength};
    p->event = (kerf_event){KERF_EVENT_PENALTY, .penalty = &p->penalty};
    p->options = small_options(1);
    p->options.prune.events = 0;
    p->options.keep_best = 0;
    p->options.events = &p->event;
    p->options.num_events = 1;
}

static uint64_t run(kerf_penalty_kind kind, double strength, double start, double end)
{
    small_run r = small_begin(dev);
    penalized p;
    penalize(&p, kind, strength);
    p.event.start.value = start;
    p.event.end.value = end;
    const kerf_train_options o = p.options;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* From behind its first epoch on, until its end, and for the layers that are chosen. */
static void test_schedule(void)
{
    const uint64_t plain = run(KERF_PENALTY_NONE, 1, 0, 0);
    CHECK(run(KERF_PENALTY_L1, 0, 0, 0) == plain);
    CHECK(run(KERF_PENALTY_L1, 1, 1, 0) == plain);
    const uint64_t late = run(KERF_PENALTY_L1, 0.5, 0.5, 0);
    const uint64_t early = run(KERF_PENALTY_L1, 0.5, 0, 0.5);
    CHECK(late != plain && early != plain && late != early);
    CHECK(run(KERF_PENALTY_L1, 0.5, 0.5, 0) == late);
}

/* Nothing is left of the layer that is drawn to 0; it gives its biases and runs. */
static void test_killed(kerf_penalty_kind kind)
{
    static const char *const only[] = {"fc2"};
    small_run r = small_begin(dev);
    penalized p;
    kerf_evaluation e;
    penalize(&p, kind, 1000);
    p.penalty.layers = only;
    p.penalty.num_layers = 1;
    kerf_train_options o = p.options;
    o.schedule = KERF_LR_CONST;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(num_zeros(r.s, "fc2.weight") == HIDDEN * SECOND);
    CHECK(num_zeros(r.s, "fc1.weight") == 0 && num_zeros(r.s, "fc3.weight") == 0);
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, KERF_SPLIT_VAL, 64, NULL, &e, NULL));
    CHECK(isfinite(e.loss));
    small_end(&r);
}

/* ---- scales of batch normalisation -------------------------------------------------------------
 */

static small_run begin_residual(void)
{
    const residual_net n = residual_net_make(dev, 4, 8);
    small_run r = {n.g, n.s, NULL};
    CHECK_OK(kerf_dataset_open(&r.d, "random:1,4,4,3"));
    return r;
}

static int64_t zero_scales(const kerf_state *s, int64_t *all)
{
    int64_t zeros = 0;
    *all = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        const char *bn = e != NULL ? strstr(e->name, "bn") : NULL;
        if (bn == NULL || strcmp(e->name + strlen(e->name) - 7, ".weight") != 0)
            continue;
        zeros += num_zeros(s, e->name);
        *all += e->shape.dims[0];
    }
    return zeros;
}

/* What is left is what has a scale, and runs. */
static void remove_by_scales(small_run *r, double share)
{
    int64_t all;
    kerf_channels *c;
    kerf_evaluation e;
    CHECK_OK(kerf_channels_find(&c, r->g, r->s));
    CHECK_OK(kerf_channels_choose(c, r->s,
                                  &(kerf_channel_options){.criterion = KERF_CHANNEL_BN,
                                                          .scope = KERF_CHANNEL_SCOPE_GLOBAL,
                                                          .amount = share}));
    CHECK_OK(kerf_channels_remove(c, r->g, r->s));
    kerf_channels_destroy(c);
    const int64_t zeros = zero_scales(r->s, &all);
    printf("%lld of %lld scales are 0\n", (long long)zeros, (long long)all);
    CHECK(zeros < all / 2);
    CHECK_OK(kerf_evaluate(r->g, r->s, r->d, KERF_SPLIT_TEST, 100, NULL, &e, NULL));
    CHECK(isfinite(e.loss));
}

static void test_scales(void)
{
    int64_t all;
    small_run r = begin_residual();
    penalized p;
    penalize(&p, KERF_PENALTY_BN, 0.5);
    kerf_train_options o = p.options;
    o.batch = 32;
    o.epochs = 0.25;
    o.schedule = KERF_LR_CONST;
    CHECK(zero_scales(r.s, &all) == 0);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const int64_t zeros = zero_scales(r.s, &all);
    printf("%lld of %lld scales are 0\n", (long long)zeros, (long long)all);
    CHECK(zeros > all / 4 && zeros < all);
    CHECK(num_zeros(r.s, "conv2.weight") == 0);
    remove_by_scales(&r, (double)zeros / (double)all);
    small_end(&r);
}

static void check_refused(kerf_penalty_kind kind, double strength, const char *words)
{
    small_run r = small_begin(dev);
    penalized p;
    penalize(&p, kind, strength);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &p.options));
    CHECK(strstr(kerf_last_error(), words) != NULL);
    small_end(&r);
}

static void test_refused(void)
{
    check_refused(KERF_PENALTY_L1, -1, "strength of a penalty is -1");
    check_refused(KERF_PENALTY_L1, NAN, "strength of a penalty is nan");
    check_refused(KERF_PENALTY_BN, 1, "must be of a network that has some");
    check_refused(KERF_NUM_PENALTIES, 1, "must be one of kerf/schedule.h's");
}

int main(void)
{
    dev = check_open_device();
    test_step();
    if (!small_is_tiny()) /* what a step does is all there is to see on two of them */
        test_schedule();
    test_killed(KERF_PENALTY_L1);
    test_killed(KERF_PENALTY_GROUP);
    test_refused();
    if (!small_is_tiny())
        test_scales();
    kerf_device_close(dev);
    return check_result();
}
