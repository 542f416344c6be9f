/* test_gates.c -- gates that are trained (L0, variational dropout): their slopes against finite
 * differences, what a run leaves of them, and that it is what evaluations had; the same bits again,
 * stopped and gone on with, too. */
#include <math.h>
#include <string.h>

#include "compress/prune/prune_internal.h"
#include "small_run.h"
#include "test_folder.h"

enum { INPUTS = 16, HIDDEN = 30, CLASSES = 3, BATCH = 8, MOST = INPUTS * HIDDEN };

static kerf_device *dev;

/* ---- slopes ---------------------------------------------------------------------------------- */

static const struct gate_case {
    const char *kind;
    int by_outputs;
    float begin, strength;
} GATES[] = {{"l0", 0, 0.3f, 0.01f}, {"l0", 1, 0.3f, 0.01f}, {"variational", 0, -3, 0.01f}};

static float number(int i)
{
    return (float)((i * 37 + i / 7 * 11) % 23) / 11.0f - 1.0f;
}

/* A plan that trains a network with gates, none of which is closed for good. */
typedef struct sampled {
    small_run r;
    kerf_plan *p;
    const struct gate_case *c;
    int weight, gate; /* of the first layer */
    size_t num_gates;
} sampled;

static sampled sampled_begin(const struct gate_case *c)
{
    sampled x = {.r = small_begin(dev), .c = c};
    static float numbers[MOST];
    const kerf__gate_options gates = {.kind = c->kind, .by_outputs = c->by_outputs, .rate = 1};
    CHECK_OK(kerf__prune_add_gates(x.r.g, x.r.s, &(kerf_prune_options){.amount = 0}, &gates));
    x.weight = kerf_state_find(x.r.s, "fc1.weight")->id;
    x.gate = kerf_state_find_owned(x.r.s, x.weight, KERF_ROLE_WEIGHT)->id;
    x.num_gates = kerf_tensor_num_elements(kerf_state_get(x.r.s, x.gate)->tensor);
    CHECK(x.num_gates == (c->by_outputs ? HIDDEN : MOST));
    for (size_t i = 0; i < x.num_gates; i++)
        numbers[i] = c->begin + 0.1f * number((int)i);
    CHECK_OK(kerf_state_write(x.r.s, x.gate, numbers));
    const kerf_plan_options o = {
        .mode = KERF_TRAIN,
        .batch = BATCH,
        .loss = KERF_LOSS_CROSS_ENTROPY,
        .seed = 3,
        .optimizer = {.kind = KERF_SGD, .momentum = 0.9f, .beta1 = 0.9f, .beta2 = 0.999f}};
    CHECK_OK(kerf_plan_create(&x.p, x.r.g, x.r.s, &o));
    return x;
}

static void sampled_end(sampled *x)
{
    kerf_plan_destroy(x->p);
    small_end(&x->r);
}

/* The loss of the data in step 1, in which nothing moves. */
static double data_loss(const sampled *x)
{
    static float samples[BATCH * INPUTS];
    static int32_t labels[BATCH];
    float loss;
    for (int i = 0; i < BATCH * INPUTS; i++)
        samples[i] = number(i);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    CHECK_OK(kerf_plan_feed(x->p, kerf_value_name(kerf_graph_input(x->r.g, 0)), samples,
                            sizeof samples));
    CHECK_OK(kerf_plan_feed(x->p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(x->p, &(kerf_step){.step = 1, .shrink = x->c->strength}));
    CHECK_OK(kerf_plan_run(x->p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(x->p, "kerf.loss"), &loss));
    return (double)loss;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* What the papers count, of the first layer. */
static double cost(const sampled *x, const double *weights, const double *gates)
{
    double sum = 0;
    for (size_t i = 0; i < x->num_gates; i++) {
        const double a = gates[i], w = weights[i];
        if (strcmp(x->c->kind, "l0") == 0) {
            sum += sigmoid(a - 2.0 / 3 * log(0.1 / 1.1)) * (double)(MOST / x->num_gates);
            continue;
        }
        const double log_alpha = a - log(w * w + 1e-8);
        sum +=
            0.5 * log1p(exp(-log_alpha)) + 0.63576 * (1 - sigmoid(1.87320 + 1.48695 * log_alpha));
    }
    return sum * (double)x->c->strength;
}

static double moved_loss(const sampled *x, int id, float *numbers, size_t i, float by)
{
    const float was = numbers[i];
    numbers[i] = was + by;
    CHECK_OK(kerf_state_write(x->r.s, id, numbers));
    numbers[i] = was;
    return data_loss(x);
}

/* The cost bends far more than the loss where a weight is small, and is counted in double. */
static double cost_slope(const sampled *x, double *numbers, size_t i, const double *weights,
                         const double *gates)
{
    static const double AWAY = 1e-6;
    const double was = numbers[i];
    numbers[i] = was + AWAY;
    const double up = cost(x, weights, gates);
    numbers[i] = was - AWAY;
    const double down = cost(x, weights, gates);
    numbers[i] = was;
    return (up - down) / (2 * AWAY);
}

/* The slope along every seventh number of a state, from what the optimizer remembers after the
 * first step: `share` of it.  A unit at the corner of its Relu has several wrong ones. */
static void check_slopes(const sampled *x, int id, const char *moment, double share, float *numbers,
                         double *exact, const double *weights, const double *gates)
{
    static const float AWAY = 2e-3f;
    float slopes[MOST] = {0};
    char name[64];
    const size_t num = kerf_tensor_num_elements(kerf_state_get(x->r.s, id)->tensor);
    double largest = 0;
    int wrong = 0, tried = 0;
    snprintf(name, sizeof name, "%s.%s", kerf_state_get(x->r.s, id)->name, moment);
    const int remembered = kerf_state_find(x->r.s, name)->id;
    CHECK_OK(kerf_state_write(x->r.s, remembered, slopes)); /* forget what came before */
    data_loss(x);
    CHECK_OK(kerf_state_read(x->r.s, remembered, slopes));
    for (size_t i = 0; i < num; i += small_is_tiny() ? 97 : 7) {
        const double up = moved_loss(x, id, numbers, i, AWAY);
        const double down = moved_loss(x, id, numbers, i, -AWAY);
        const double slope =
            (up - down) / (2 * (double)AWAY) + cost_slope(x, exact, i, weights, gates);
        CHECK_OK(kerf_state_write(x->r.s, id, numbers));
        tried++;
        wrong += fabs(slope - (double)slopes[i] / share) > 1e-4;
        largest = fmax(largest, fabs((double)slopes[i] / share));
    }
    /* A loss of about 1 in floats, twice, over 2 AWAY; few may have a corner of Relu between them.
     */
    if (wrong > 1 + tried / 10 || largest < 1e-3)
        printf("%s: %d slopes of %d, up to %g, are wrong\n", name, wrong, tried, largest);
    CHECK(wrong <= 1 + tried / 10 && largest >= 1e-3);
}

static void test_slopes(const struct gate_case *c)
{
    sampled x = sampled_begin(c);
    static float weights[MOST], gates[MOST];
    static double exact_weights[MOST], exact_gates[MOST];
    CHECK_OK(kerf_state_read(x.r.s, x.weight, weights));
    CHECK_OK(kerf_state_read(x.r.s, x.gate, gates));
    for (size_t i = 0; i < MOST; i++) {
        exact_weights[i] = (double)weights[i];
        exact_gates[i] = (double)gates[i];
    }
    check_slopes(&x, x.gate, "adam_m", 0.1, gates, exact_gates, exact_weights, exact_gates);
    check_slopes(&x, x.weight, "momentum", 1, weights, exact_weights, exact_weights, exact_gates);
    sampled_end(&x);
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* A run with an event that acts all along; good until the next. */
static kerf_train_options options_of(kerf_penalty_kind kind, double strength)
{
    static kerf_penalty penalty;
    static kerf_event event;
    kerf_train_options o = small_options(small_is_tiny() ? 2 : 3);
    penalty = (kerf_penalty){.kind = kind, .strength = strength};
    event = (kerf_event){KERF_EVENT_PENALTY, .penalty = &penalty};
    o.prune.events = 0;
    o.events = &event;
    o.num_events = 1;
    o.lr = 0.1;
    return o;
}

static size_t count(const kerf_graph *g, const char *op)
{
    size_t num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        num += strcmp(g->nodes[i]->op, op) == 0;
    return num;
}

/* Zeros of a weight, which its mask must have, too. */
static int count_zeros(const kerf_state *s, const char *name, float *weights)
{
    unsigned char mask[MOST];
    const kerf_state_entry *e = kerf_state_find(s, name);
    const kerf_state_entry *m = kerf_state_find_owned(s, e->id, KERF_ROLE_MASK);
    int zeros = 0;
    CHECK_OK(kerf_state_read(s, e->id, weights));
    if (m != NULL)
        CHECK_OK(kerf_state_read(s, m->id, mask));
    for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++) {
        zeros += weights[i] == 0;
        CHECK(m != NULL ? (mask[i] != 0) == (weights[i] != 0) : weights[i] != 0);
    }
    return zeros;
}

static int keep_loss(void *context, const kerf_train_progress *p)
{
    if (p->finished != NULL)
        *(double *)context = p->finished->val_loss;
    return 0;
}

/* Nothing is left of gates but zeros, and the network is the one that the last epoch measured. */
static void check_settled(const small_run *r, double val_loss)
{
    kerf_evaluation e;
    CHECK(count(r->g, "kerf.Gate") == 0);
    for (size_t i = 0; i < r->g->num_values; i++)
        CHECK(r->g->values[i]->state_id < 0 ||
              kerf_state_get(r->s, r->g->values[i]->state_id) != NULL);
    for (int id = 0; id < kerf_state_num_ids(r->s); id++) {
        const kerf_state_entry *entry = kerf_state_get(r->s, id);
        CHECK(entry == NULL || entry->role != KERF_ROLE_WEIGHT || entry->owner < 0);
    }
    CHECK_OK(kerf_evaluate(r->g, r->s, r->d, KERF_SPLIT_VAL, 128, NULL, &e, NULL));
    CHECK(fabs(e.loss - val_loss) <= 1e-6 * fabs(val_loss));
}

static void test_run(kerf_penalty_kind kind, double strength)
{
    small_run r = small_begin(dev);
    kerf_train_options o = options_of(kind, strength);
    float weights[MOST];
    double val_loss = NAN;
    o.schedule = KERF_LR_CONST;
    o.epochs = small_is_tiny() ? 1 : 12; /* a gate needs some hundred steps to close */
    o.callback = keep_loss;
    o.context = &val_loss;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    check_settled(&r, val_loss);
    const int zeros = count_zeros(r.s, "fc1.weight", weights);
    if (!small_is_tiny()) /* two steps close nothing */
        CHECK(zeros > 0 && zeros < MOST);
    if (!small_is_tiny())
        printf("penalty %d: %d of %d are 0\n", (int)kind, zeros, MOST);
    for (int i = 0; kind == KERF_PENALTY_L0_GROUP && i < MOST; i++)
        CHECK((weights[i] == 0) == (weights[i - i % INPUTS] == 0));
    small_end(&r);
}

/* Gates that no cost closes leave all weights, or nearly so. */
static void test_free(void)
{
    small_run r = small_begin(dev);
    const kerf_train_options o = options_of(KERF_PENALTY_L0, 0);
    float weights[MOST];
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(count_zeros(r.s, "fc1.weight", weights) < MOST / 4);
    small_end(&r);
}

/* What was pruned before stays so, and noise does not wake it. */
static void test_beside_masks(void)
{
    small_run r = small_begin(dev);
    const kerf_train_options o = options_of(KERF_PENALTY_VARIATIONAL, 1);
    float weights[MOST];
    kerf_pruner *p;
    const kerf_prune_options half = {.amount = 0.5};
    unsigned char before[MOST], after[MOST];
    CHECK_OK(kerf_prune_mark(r.g, r.s, &half));
    CHECK_OK(kerf_pruner_create(&p, r.g, r.s, &half));
    CHECK_OK(kerf_pruner_apply(p, 1));
    CHECK_OK(kerf_device_finish(dev));
    kerf_pruner_destroy(p);
    const int weight = kerf_state_find(r.s, "fc1.weight")->id;
    const int mask = kerf_state_find_owned(r.s, weight, KERF_ROLE_MASK)->id;
    CHECK_OK(kerf_state_read(r.s, mask, before));
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(count_zeros(r.s, "fc1.weight", weights) >= MOST / 2);
    CHECK_OK(kerf_state_read(r.s, mask, after));
    for (int i = 0; i < MOST; i++)
        CHECK(before[i] != 0 || after[i] == 0);
    CHECK(count(r.g, "kerf.Mask") == 3);
    small_end(&r);
}

/* ---- the same bits --------------------------------------------------------------------------- */

static int stop_in_the_middle(void *context, const kerf_train_progress *p)
{
    int *left = context;
    *left -= p->finished != NULL;
    return *left == 0;
}

static uint64_t run(kerf_penalty_kind kind, uint64_t seed)
{
    small_run r = small_begin(dev);
    kerf_train_options o = options_of(kind, 1);
    o.seed = seed;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

static uint64_t run_in_two(kerf_penalty_kind kind)
{
    test_folder folder;
    int left = 1;
    kerf_train_options o = options_of(kind, 1);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_in_the_middle;
    o.context = &left;
    small_run r = small_begin(dev);
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_train(r.g, r.s, r.d, &o));
    small_end(&r);
    o.callback = NULL;
    o.resume = 1;
    r = small_begin(dev);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    test_folder_remove(&folder);
    return digest;
}

static void test_same_bits(kerf_penalty_kind kind)
{
    const uint64_t digest = run(kind, 1);
    CHECK(run_in_two(kind) == digest);
    if (small_is_tiny())
        return;
    CHECK(run(kind, 1) == digest);
    CHECK(run(kind, 2) != digest);
}

int main(void)
{
    dev = check_open_device();
    for (size_t i = 0; i < sizeof GATES / sizeof GATES[0]; i++)
        test_slopes(&GATES[i]);
    test_run(KERF_PENALTY_L0, 20);
    test_run(KERF_PENALTY_L0_GROUP, 20);
    test_run(KERF_PENALTY_VARIATIONAL, 20);
    test_same_bits(KERF_PENALTY_L0);
    test_same_bits(KERF_PENALTY_VARIATIONAL);
    if (!small_is_tiny())
        test_free();
    test_beside_masks();
    kerf_device_close(dev);
    return check_result();
}
