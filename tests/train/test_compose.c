/* test_compose.c -- pruned, trained with roundings, taught and frozen in one run: what comes of it,
 * that a run which was stopped between any two events ends with the same bits, and which events
 * cannot be together. */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "check.h"
#include "kerf/io.h"
#include "train/small_run.h"
#include "train/test_folder.h"

/* ---- a run with all of it ---------------------------------------------------------------------
 */

typedef struct stop {
    int64_t at; /* step at which to stop; -1: never */
    int calls;
} stop;

#define EPOCH(x)                                                                                   \
    {                                                                                              \
        x, KERF_EPOCHS                                                                             \
    }

static int on_call(void *context, int64_t step)
{
    stop *s = context;
    s->calls++;
    return step == s->at;
}

enum { NUM_EVENTS = 8 };
typedef struct composed {
    kerf_prune_event prunes[2];
    kerf_quantize_event quantize;
    kerf_distillation distill;
    kerf_event events[NUM_EVENTS];
    stop stop;
    small_run teacher;
} composed;

static const char *const FC1 = "fc1", *const FC2 = "fc2", *const FC3 = "fc3*";

/* Four epochs: prunings of two layers up to 1.5, roundings from 2 on, ranges that follow up to 3, a
 * teacher from 0.5 to 3, another rate from 2.5 on, the last layer frozen from 3 to 3.5. */
static kerf_train_options compose(composed *c, kerf_device *dev, int learn)
{
    kerf_train_options o = small_options(4);
    c->stop = (stop){.at = -1};
    c->teacher = small_begin(dev);
    for (int i = 0; i < 2; i++)
        c->prunes[i] = (kerf_prune_event){
            .options = {.amount = i ? 0.8 : 0.5, .layers = i ? &FC1 : &FC2, .num_layers = 1},
            .curve = KERF_CURVE_CUBIC};
    c->quantize = (kerf_quantize_event){.options = kerf_quantize_defaults(KERF_QUANTIZE_STATIC),
                                        .calibrate = {.samples = 64, .batch = 32, .seed = 1},
                                        .trains = 1,
                                        .freeze_observers = EPOCH(3)};
    c->quantize.options.learn_ranges = learn;
    c->distill = (kerf_distillation){
        .teacher = c->teacher.g, .state = c->teacher.s, .alpha = 0.5, .temperature = 2};
    const kerf_event events[NUM_EVENTS] = {
        {.kind = KERF_EVENT_LR, .start = EPOCH(2.5), .lr = {0.01, KERF_LR_LINEAR, EPOCH(0)}},
        {.kind = KERF_EVENT_QUANTIZE, .start = EPOCH(2), .quantize = &c->quantize},
        {.kind = KERF_EVENT_PRUNE,
         .start = EPOCH(0.5),
         .end = EPOCH(1.5),
         .every = EPOCH(0.5),
         .prune = &c->prunes[0]},
        {.kind = KERF_EVENT_PRUNE, .start = EPOCH(1), .prune = &c->prunes[1]},
        {.kind = KERF_EVENT_DISTILL, .start = EPOCH(0.5), .end = EPOCH(3), .distill = &c->distill},
        {.kind = KERF_EVENT_FREEZE, .start = EPOCH(3), .end = EPOCH(3.5), .freeze = {&FC3, 1}},
        {.kind = KERF_EVENT_CHECKPOINT, .start = EPOCH(0.25), .every = EPOCH(0.5)},
        {.kind = KERF_EVENT_CALL,
         .start = EPOCH(0),
         .every = EPOCH(0.5),
         .call = {on_call, &c->stop}},
    };
    memcpy(c->events, events, sizeof events);
    o.prune = (kerf_prune_schedule){.events = 0};
    o.events = c->events;
    o.num_events = NUM_EVENTS;
    return o;
}

/* Every bit of what comes out: the graph has integers, the state what is left. */
static uint64_t digest_of(const small_run *r)
{
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_graph_serialize(r->g, &bytes, &num_bytes));
    const uint64_t digest = XXH64(bytes, num_bytes, small_digest(r->s));
    free(bytes);
    return digest;
}

static int count_nodes(const kerf_graph *g, const char *op)
{
    int num = 0;
    for (int i = 0; i < kerf_graph_num_nodes(g); i++)
        num += strcmp(kerf_node_op(kerf_graph_node(g, i)), op) == 0;
    return num;
}

static uint64_t run_whole(kerf_device *dev, int learn)
{
    composed c;
    small_run r = small_begin(dev);
    kerf_train_options o = compose(&c, dev, learn);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(c.stop.calls >= 4);
    CHECK(count_nodes(r.g, "QuantizeLinear") >= 3 && count_nodes(r.g, "DequantizeLinear") >= 6);
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, KERF_SPLIT_VAL, 32, NULL, &e, NULL));
    CHECK(small_is_tiny() || e.top1 > 90);
    const uint64_t digest = digest_of(&r);
    small_end(&c.teacher);
    small_end(&r);
    return digest;
}

/* Stopped behind `at` epochs, and by another process, as it were, taken up. */
static uint64_t run_stopped(kerf_device *dev, int learn, double at)
{
    composed c;
    test_folder f;
    uint64_t digest = 0;
    test_folder_make(&f);
    for (int resume = 0; resume < 2; resume++) {
        small_run r = small_begin(dev);
        kerf_train_options o = compose(&c, dev, learn);
        o.run_dir = f.path;
        o.resume = resume;
        if (!resume) {
            c.stop.at = (int64_t)(at * (small_is_tiny() ? 2 : 60) + 0.5);
            CHECK_STATUS(KERF_ERR_CANCELLED, kerf_train(r.g, r.s, r.d, &o));
        } else {
            CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
            digest = digest_of(&r);
        }
        small_end(&c.teacher);
        small_end(&r);
    }
    test_folder_remove(&f);
    return digest;
}

/* At events, and between them. */
static void test_same_bits(kerf_device *dev)
{
    static const double AT[] = {0.5, 1.5, 2, 2.5, 3, 3.5};
    const uint64_t want = run_whole(dev, 0);
    for (size_t i = 0; i < sizeof AT / sizeof AT[0]; i++)
        if (!small_is_tiny() || AT[i] == 2)
            CHECK(run_stopped(dev, 0, AT[i]) == want);
    if (!small_is_tiny())
        CHECK(run_stopped(dev, 1, 2.5) == run_whole(dev, 1));
}

/* ---- the end alone ----------------------------------------------------------------------------
 */

/* Nothing is trained: a quantization all the same. */
static void test_static_at_end(kerf_device *dev)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(0);
    kerf_quantize_event q = {.options = kerf_quantize_defaults(KERF_QUANTIZE_STATIC),
                             .calibrate = {.samples = 64, .batch = 32, .seed = 1}};
    const kerf_event e = {.kind = KERF_EVENT_QUANTIZE, .quantize = &q};
    o.prune.events = 0;
    o.events = &e;
    o.num_events = 1;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(count_nodes(r.g, "QuantizeLinear") >= 3);
    small_end(&r);
}

/* ---- what cannot be ---------------------------------------------------------------------------
 */

static void check_refused(kerf_device *dev, const kerf_event *events, size_t num, const char *want)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(4);
    o.prune.events = 0;
    o.events = events;
    o.num_events = num;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    if (strcmp(kerf_last_error(), want) != 0) {
        printf("'%s' is not\n'%s'\n", kerf_last_error(), want);
        CHECK(!"the message");
    }
    small_end(&r);
}

static void test_refused(kerf_device *dev)
{
    const kerf_prune_event all = {.options = {.amount = 0.5}};
    const kerf_prune_event one = {.options = {.amount = 0.8, .layers = &FC2, .num_layers = 1}};
    const kerf_prune_event other = {
        .options = {.amount = 0.8, .layers = &FC2, .num_layers = 1, .method = KERF_PRUNE_RANDOM}};
    const kerf_quantize_event q = {.options = kerf_quantize_defaults(KERF_QUANTIZE_STATIC),
                                   .calibrate = {.samples = 64, .batch = 32},
                                   .trains = 1};
    check_refused(
        dev,
        (kerf_event[]){{KERF_EVENT_PRUNE, EPOCH(0), EPOCH(2), EPOCH(1), .prune = &all},
                       {KERF_EVENT_PRUNE, .start = EPOCH(1), .prune = &one}},
        2,
        "train: 'fc2.weight' has two amounts at one time, after 0 to 2 and 1 to 1 epochs; "
        "must be one after the other");
    check_refused(dev,
                  (kerf_event[]){{KERF_EVENT_PRUNE, EPOCH(0), EPOCH(2), EPOCH(1), .prune = &all},
                                 {KERF_EVENT_PRUNE, .start = EPOCH(3), .prune = &other}},
                  2, "train: 'fc2.weight' is pruned by two methods, must be by one");
    check_refused(dev,
                  (kerf_event[]){{KERF_EVENT_QUANTIZE, .start = EPOCH(1), .quantize = &q},
                                 {KERF_EVENT_QUANTIZE, .start = EPOCH(2), .quantize = &q}},
                  2, "train: quantizes twice, must be once");
    check_refused(
        dev, (kerf_event[]){{KERF_EVENT_PRUNE, EPOCH(2), EPOCH(1), EPOCH(1), .prune = &all}}, 1,
        "train: a pruning ends after 1 epochs: must be from its start, 2 epochs, to the run's "
        "end, 4 epochs");
    check_refused(dev, (kerf_event[]){{KERF_EVENT_QUANTIZE, .start = EPOCH(5), .quantize = &q}}, 1,
                  "train: a quantization begins after 5 epochs: must be within the run's 4 epochs");
    check_refused(
        dev,
        (kerf_event[]){{KERF_EVENT_LR, .start = EPOCH(1), .lr = {0.1, KERF_LR_CONST, EPOCH(0)}},
                       {KERF_EVENT_LR, .start = EPOCH(1), .lr = {0.2, KERF_LR_CONST, EPOCH(0)}}},
        2, "train: two learning rates begin after 1 epochs, must be one");
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_same_bits(dev);
    test_static_at_end(dev);
    test_refused(dev);
    kerf_device_close(dev);
    return check_result();
}
