/* test_exchange.c -- what ranks send each other, by events of a run (mpirun -n N test_exchange):
 * local steps are those of the definition, ranks are alike wherever something happens, bytes
 * travel where an event says so and nowhere else, and a run that was stopped ends with the bits of
 * one that was not. */
#include <math.h>
#include <xxhash.h>

#include "../train/residual_net.h"
#include "../train/small_run.h"
#include "../train/test_folder.h"
#include "local_sgd.h"
#include "ranks_begin.h"

enum { BATCH = 96, STEPS = 40, LOCAL_STEPS = 4 };

#define STEP(n)                                                                                    \
    {                                                                                              \
        n, KERF_STEPS                                                                              \
    }
#define EXCHANGE(from, to, gradients, local_steps)                                                 \
    {                                                                                              \
        KERF_EVENT_EXCHANGE, STEP(from), STEP(to), .exchange = { gradients, local_steps }          \
    }

/* Eighty steps are an epoch of the small run's data. */
static kerf_train_options options_of(const kerf_event *events, size_t num)
{
    kerf_train_options o = kerf_train_defaults();
    o.batch = BATCH;
    o.epochs = 0.5;
    o.keep_best = 0;
    o.ranks = ranks;
    o.events = events;
    o.num_events = num;
    return o;
}

/* The same with batch normalisation everywhere, on the same data. */
static small_run residual_begin(void)
{
    const residual_net n = residual_net_make(dev, 4, 4);
    small_run r = {n.g, n.s, NULL};
    CHECK_OK(kerf_dataset_open(&r.d, "random:1,4,4,3"));
    CHECK_OK(kerf_dataset_hold_back(r.d, 512, 1));
    return r;
}

static small_run begin(int has_norms)
{
    return has_norms ? residual_begin() : small_begin(dev);
}

static uint64_t train(int has_norms, const kerf_train_options *o)
{
    small_run r = begin(has_norms);
    CHECK_OK(kerf_train(r.g, r.s, r.d, o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* ---- against the definition ------------------------------------------------------------------ */

static void read_layers(const kerf_state *s, local_rank *r)
{
    for (int l = 0; l < LOCAL_LAYERS; l++) {
        float weight[LOCAL_MOST], bias[LOCAL_WIDEST];
        char name[32];
        snprintf(name, sizeof name, "fc%d.weight", l + 1);
        CHECK_OK(kerf_state_read(s, kerf_state_find(s, name)->id, weight));
        snprintf(name, sizeof name, "fc%d.bias", l + 1);
        CHECK_OK(kerf_state_read(s, kerf_state_find(s, name)->id, bias));
        for (int i = 0; i < LOCAL_SIZES[l] * LOCAL_SIZES[l + 1]; i++)
            r->at[l].weight[i] = (double)weight[i];
        for (int i = 0; i < LOCAL_SIZES[l + 1]; i++)
            r->at[l].bias[i] = (double)bias[i];
    }
}

/* Local steps behind the seventh up to the 31st, so that the last ones are fewer. */
enum { LOCAL_BEGIN = 6, LOCAL_END = 31 };

static int meet_at(int step)
{
    return step <= LOCAL_BEGIN || step >= LOCAL_END || (step - LOCAL_BEGIN) % LOCAL_STEPS == 0;
}

/* Whole batches in the order of a run, of which each rank takes its rows. */
static void train_reference(const small_run *r, const kerf_train_options *o, const int *rows,
                            local_rank *all)
{
    kerf_loader_options of = {
        .split = KERF_SPLIT_TRAIN, .batch = BATCH, .shuffle = 1, .seed = o->seed};
    kerf_loader *loader;
    kerf_batch batch;
    CHECK_OK(kerf_prep_parse(&of.prep, kerf_graph_metadata(r->g, "kerf.prep")));
    CHECK_OK(kerf_loader_create(&loader, r->d, &of));
    CHECK_OK(kerf_loader_begin(loader, 0, 0));
    for (int step = 1; step <= STEPS; step++) {
        CHECK_OK(kerf_loader_next(loader, &batch));
        for (int k = 0, first = 0; k < ranks->num; first += rows[k++])
            local_step(&all[k], batch.images + (size_t)first * 16, batch.labels + first, rows[k],
                       o->lr);
        kerf_loader_release(loader, &batch);
        if (meet_at(step))
            local_meet(all, rows, ranks->num);
    }
    kerf_loader_destroy(loader);
}

static void check_layers(const local_rank *got, const local_rank *want)
{
    double worst = 0;
    for (size_t i = 0; i < sizeof got->at / (sizeof(double)); i++)
        worst = fmax(worst, fabs(((const double *)got->at)[i] - ((const double *)want->at)[i]));
    CHECK(worst <= check_tolerance(8, (size_t)STEPS * BATCH));
    if (worst > check_tolerance(8, (size_t)STEPS * BATCH))
        printf("off by %g\n", worst);
}

static void test_definition(const char *balance, const int *rows)
{
    static const kerf_event LOCAL =
        EXCHANGE(LOCAL_BEGIN, LOCAL_END, KERF_GRADIENTS_F32, LOCAL_STEPS);
    static local_rank all[LOCAL_RANKS], got;
    kerf_train_options o = options_of(&LOCAL, 1);
    o.schedule = KERF_LR_CONST;
    o.optimizer.weight_decay = 0;
    o.balance = balance;
    small_run r = small_begin(dev);
    memset(all, 0, sizeof all);
    for (int k = 0; k < ranks->num; k++)
        read_layers(r.s, &all[k]);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    train_reference(&r, &o, rows, all);
    read_layers(r.s, &got);
    check_layers(&got, &all[0]);
    small_end(&r);
}

static void test_definitions(void)
{
    const int even = BATCH / ranks->num;
    test_definition(NULL, (const int[]){even, even, even});
    if (ranks->num == 2)
        test_definition("2,1", (const int[]){64, 32});
    if (ranks->num == 3)
        test_definition("3,2,1", (const int[]){48, 32, 16});
}

/* ---- the same ---------------------------------------------------------------------------------
 */

/* One local step is none, and so is an event of a run alone. */
static void test_without_effect(void)
{
    static const kerf_event ONE = EXCHANGE(5, 20, KERF_GRADIENTS_F32, 1),
                            ALL = EXCHANGE(5, 20, KERF_GRADIENTS_F32, 3);
    kerf_train_options o = options_of(NULL, 0);
    const uint64_t plain = train(0, &o);
    o = options_of(&ONE, 1);
    CHECK(train(0, &o) == plain);
    o = options_of(NULL, 0);
    o.ranks = NULL;
    const uint64_t alone = train(0, &o);
    o = options_of(&ALL, 1);
    o.ranks = NULL;
    CHECK(train(0, &o) == alone);
}

/* ---- alike wherever something happens ---------------------------------------------------------
 */

typedef struct witness {
    const kerf_state *s;
    int calls;
} witness;

static int look(void *context, int64_t step)
{
    witness *w = context;
    const uint64_t digest = small_digest(w->s);
    (void)step;
    ranks_check_same(&digest, sizeof digest);
    w->calls++;
    return 0;
}

/* With running statistics, within an interval of local steps, at its end, and behind it. */
static void test_meeting(void)
{
    small_run r = residual_begin();
    witness w = {.s = r.s};
    const kerf_event events[] = {
        EXCHANGE(2, 11, KERF_GRADIENTS_F32, LOCAL_STEPS),
        EXCHANGE(15, 0, KERF_GRADIENTS_F32, 100),
        {KERF_EVENT_CALL, STEP(4), STEP(24), STEP(3), .call = {look, &w}},
    };
    kerf_train_options o = options_of(events, 3);
    o.epochs = 24 / 80.0;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(w.calls == 7);
    const uint64_t digest = small_digest(r.s);
    ranks_check_same(&digest, sizeof digest);
    small_end(&r);
}

/* ---- what travels -----------------------------------------------------------------------------
 */

static int is_near(double bytes, double wanted)
{
    return fabs(bytes - wanted) < 1e-3;
}

static double sent(double num, double element_bytes)
{
    return 2 * (1 - 1.0 / ranks->num) * num * element_bytes;
}

static double num_floats(const kerf_state *s, double *left)
{
    double all = 0;
    *left = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        float x[LOCAL_MOST];
        if (e == NULL || e->role != KERF_ROLE_WEIGHT)
            continue;
        const size_t num = kerf_tensor_num_elements(e->tensor);
        CHECK_OK(kerf_state_read(s, id, x));
        all += (double)num;
        for (size_t i = 0; i < num; i++)
            *left += x[i] != 0;
    }
    return all;
}

/* Bytes in ten steps, floats in the others. */
static void test_coded_interval(void)
{
    static const kerf_event CODED = EXCHANGE(7, 17, KERF_GRADIENTS_INT8, 1);
    kerf_exchange counted = {.steps = 0};
    kerf_train_options o = options_of(&CODED, 1);
    double left;
    o.exchange = &counted;
    small_run r = small_begin(dev);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const double num = num_floats(r.s, &left) + 1;
    CHECK(counted.steps == STEPS && is_near(counted.dense_bytes, STEPS * sent(num, 4)));
    CHECK(is_near(counted.bytes, 10 * sent(num, 1) + (STEPS - 10) * sent(num, 4)));
    small_end(&r);
}

/* Of what is pruned nothing travels, and it stays 0: means of weights and of momentum. */
static void test_pruned_means(void)
{
    static const kerf_event LOCAL = EXCHANGE(0, 0, KERF_GRADIENTS_F32, LOCAL_STEPS);
    kerf_exchange counted = {.steps = 0};
    kerf_train_options o = options_of(&LOCAL, 1);
    double left;
    o.exchange = &counted;
    o.prune = (kerf_prune_schedule){.options = {.amount = 0.8}, .events = 1};
    small_run r = small_begin(dev);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const double num = num_floats(r.s, &left);
    CHECK(left < 0.3 * num && counted.steps == STEPS);
    CHECK(is_near(counted.bytes, STEPS / LOCAL_STEPS * sent(2 * left + 1, 4)));
    CHECK(is_near(counted.last_bytes, sent(2 * left + 1, 4)));
    small_end(&r);
}

/* ---- stopped and taken up ---------------------------------------------------------------------
 */

/* The last rank alone wants to stop, when it is first told of a step. */
static int stop(void *context, const kerf_train_progress *t)
{
    (void)context;
    (void)t;
    return ranks->rank == ranks->num - 1;
}

static void check_stop(int has_norms, const kerf_event *events, size_t num, const char *where)
{
    test_folder f;
    kerf_train_options o = options_of(events, num);
    const uint64_t through = train(has_norms, &o);
    test_folder_make(&f);
    CHECK_OK(ranks->take_from(ranks->context, 0, f.path, sizeof f.path));
    o.run_dir = f.path;
    o.callback = stop;
    small_run r = begin(has_norms);
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_train(r.g, r.s, r.d, &o));
    small_check_says(where);
    small_end(&r);
    o.callback = NULL;
    o.resume = 1;
    CHECK(train(has_norms, &o) == through);
    if (ranks->rank == 0)
        test_folder_remove(&f);
}

static void test_stops(void)
{
    static const kerf_event LOCAL = EXCHANGE(0, 0, KERF_GRADIENTS_F32, 7);
    static const kerf_event CODED[] = {
        EXCHANGE(0, 0, KERF_GRADIENTS_INT8, 1),
        {KERF_EVENT_CHECKPOINT, .start = STEP(12)},
    };
    check_stop(0, NULL, 0, "stopped after step 2 of 40");
    check_stop(1, &LOCAL, 1, "stopped after step 7 of 40");
    check_stop(0, CODED, 2, "stopped after step 12 of 40");
}

/* ---- what cannot be ---------------------------------------------------------------------------
 */

static void check_refused(kerf_train_options o, const char *words)
{
    small_run r = small_begin(dev);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    small_check_says(words);
    small_end(&r);
}

static void test_refused(void)
{
    static const kerf_event BOTH = EXCHANGE(0, 0, KERF_GRADIENTS_INT8, 2),
                            LOCAL = EXCHANGE(0, 9, KERF_GRADIENTS_F32, 2),
                            CODED = EXCHANGE(0, 9, KERF_GRADIENTS_INT8, 1),
                            BACKWARD = EXCHANGE(0, 9, KERF_GRADIENTS_F32, -1);
    static const kerf_event OVER[] = {EXCHANGE(0, 9, KERF_GRADIENTS_F32, 2),
                                      EXCHANGE(8, 20, KERF_GRADIENTS_F32, 3)};
    check_refused(options_of(&BOTH, 1), "after local steps weights travel, as floats: gradients "
                                        "must be f32, or local steps 1");
    check_refused(options_of(OVER, 2), "two exchanges hold at step 9: must be one at a time");
    check_refused(options_of(&BACKWARD, 1), "-1 local steps: must be");
    kerf_train_options o = options_of(&LOCAL, 1);
    o.precision = KERF_PRECISION_MIXED;
    check_refused(o, "local steps must be 1, or precision f32");
    o.precision = KERF_PRECISION_F32;
    o.batch_norm = KERF_BATCH_NORM_TOGETHER;
    check_refused(o, "local steps must be 1, or batch norms apart");
    o.batch_norm = KERF_BATCH_NORM_APART;
    o.precision = KERF_PRECISION_MIXED;
    o.events = &CODED;
    check_refused(o, "gradients or precision must be f32");
}

int main(void)
{
    if (!ranks_begin())
        return 77;
    test_definitions();
    test_without_effect();
    test_meeting();
    test_coded_interval();
    test_pruned_means();
    test_stops();
    test_refused();
    return ranks_end();
}
