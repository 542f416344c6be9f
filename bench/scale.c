/* scale.c -- what a step of training takes with 1 to 1,024 ranks, from what one takes.  By hand:
 *
 *     mpirun -n 2 build/release/tests/scale NET BATCH [CORES [GBPS MICROSECONDS]]
 *
 * BATCH is of a rank, however many there are.  In turns each rank trains alone, all at the same
 * time, and then they train together; and the ranks add up numbers without training, few and many.
 * What they take alone, and numbers take, says what ranks should take together, however many:
 *
 *     a bucket of B bytes that n ranks add up takes 2 ((n - 1) message + (n - 1) / n B byte)
 *
 * for every rank gets its slice of all others' numbers, and gives the sum of it to all.  Sums go
 * one behind the other, each from when the backward pass has its numbers.
 *
 * Ranks of one machine that has CORES cores for all of them (at first 2) compute, and copy
 * each other's numbers, on the same cores: more ranks than cores take turns, and copying is not
 * done beside the computing.  With a link of GBPS gigabits a second, MICROSECONDS a message, each
 * rank has a machine, and its link works beside its device; then nothing is measured of many. */
#include <math.h>
#include <string.h>

#include "base/together.h"
#include "bench.h"
#include "kerf/cluster.h"
#include "kerf/kerf.h"
#include "plan/plan_internal.h"
#include "train/buckets.h"

enum { ROUNDS = 3, STEPS = 12, WARM = 2, MOST_RANKS = 1024 };

typedef struct bucket {
    double ready_ms, bytes; /* ready: behind the begin of the step */
    double stage_ms;        /* to the host and back; 0: it stays where it is */
} bucket;

/* Of a rank alone. */
typedef struct step {
    double alone_ms; /* of a process that is no rank, which updates as it runs */
    double run_ms, update_ms;
    double stage_ms; /* a byte: to the host and back */
    bucket *buckets; /* owned; (num) */
    size_t num;
} step;

typedef struct link {
    double message_ms, byte_ms;
    int is_apart;        /* 1: it works beside the devices; 0: on their cores, of which there are */
    double cores, taken; /* ... and for so many ranks what they take alone was measured */
} link;

/* ---- the prediction ------------------------------------------------------------------------- */

static double bucket_ms(const link *l, const bucket *b, double ranks)
{
    const double sent = (ranks - 1) / ranks * b->bytes;
    return b->stage_ms + 2 * ((ranks - 1) * l->message_ms + sent * l->byte_ms);
}

/* How many ranks have to take turns on a core. */
static double turns(const link *l, double ranks)
{
    return l->is_apart || ranks <= l->cores ? 1 : ranks / l->cores;
}

static double predict_ms(const step *s, const link *l, double ranks)
{
    const double crowding = turns(l, ranks) / turns(l, l->taken);
    double clock = l->is_apart ? 0 : s->run_ms;
    if (ranks == 1)
        return crowding * s->alone_ms;
    for (size_t i = 0; i < s->num; i++) {
        const bucket *b = &s->buckets[i];
        clock = fmax(clock, b->ready_ms) + bucket_ms(l, b, ranks);
    }
    return crowding * (fmax(clock, s->run_ms) + s->update_ms);
}

/* ---- a rank alone --------------------------------------------------------------------------- */

typedef struct trained {
    kerf_device *dev;
    kerf_dataset *d;
    const char *net;
    kerf_net_options options;
    int64_t batch;
} trained;

static int note_time(void *context, int64_t at)
{
    ((double *)context)[at > WARM] = kerf__now_ms();
    return 0;
}

/* Of kerf_train(), loader and all; ranks NULL: alone. */
static double train_ms(const trained *t, const kerf_ranks *ranks)
{
    double ms[2];
    kerf_graph *g;
    kerf_state *s;
    kerf_train_options o = kerf_train_defaults();
    const kerf_event calls[] = {
        {KERF_EVENT_CALL, .start = {WARM, KERF_STEPS}, .call = {note_time, ms}},
        {KERF_EVENT_CALL, .start = {WARM + STEPS, KERF_STEPS}, .call = {note_time, ms}}};
    bench_ok(kerf_net_create(&g, &s, t->net, &t->options, t->dev));
    o.batch = t->batch * (ranks != NULL ? ranks->num : 1);
    o.ranks = ranks;
    o.lr = 1e-4;
    o.keep_best = 0;
    o.epochs = (double)(WARM + STEPS + 1) * (double)o.batch /
               (double)kerf_dataset_num_samples(t->d, KERF_SPLIT_TRAIN);
    o.events = calls;
    o.num_events = 2;
    bench_ok(kerf_train(g, s, t->d, &o));
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return (ms[1] - ms[0]) / STEPS;
}

/* The last of the gradients of a bucket that are ready by this node is the one that it writes. */
static void note_ready(const kerf__buckets *b, const kerf_node *n, double ms, step *s)
{
    for (size_t k = 0; k < b->num; k++)
        for (size_t i = b->at[k].first_id; i < b->at[k].first_id + b->at[k].num_ids; i++)
            if (n->outputs[0]->next_of == b->ids[i])
                s->buckets[k].ready_ms = ms;
}

/* When each bucket is ready, and what the update takes, by steps one by one. */
static void time_steps(kerf_plan *p, const kerf__buckets *b, step *s)
{
    for (int i = 0; i < kerf_plan_num_steps(p); i++) {
        kerf_plan_step one;
        double ms;
        bench_ok(kerf_plan_get_step(p, i, &one));
        bench_ok(kerf_plan_time_step(p, i, 5, &ms));
        *(strcmp(one.direction, "update") == 0 ? &s->update_ms : &s->run_ms) += ms;
        note_ready(b, p->graph->nodes[p->step_nodes[i]], s->run_ms, s);
    }
}

static void list_buckets(const kerf__buckets *b, step *s)
{
    s->num = b->num;
    s->buckets = calloc(b->num, sizeof *s->buckets);
    for (size_t k = 0; k < b->num; k++) {
        s->buckets[k].bytes = (double)b->at[k].num_floats * sizeof(float);
        s->buckets[k].stage_ms = b->at[k].is_mapped ? 0 : s->stage_ms * s->buckets[k].bytes;
    }
}

/* A byte, of the largest gradient. */
static double stage_ms(const kerf_state *s)
{
    const kerf_tensor *largest = NULL;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_GRADIENT &&
            (largest == NULL ||
             kerf_tensor_size_bytes(e->tensor) > kerf_tensor_size_bytes(largest)))
            largest = e->tensor;
    }
    const size_t bytes = kerf_tensor_size_bytes(largest);
    void *room = malloc(bytes);
    double best = INFINITY;
    for (int i = 0; i < 10; i++) {
        const double begin = kerf__now_ms();
        bench_ok(kerf_tensor_read(largest, room));
        bench_ok(kerf_tensor_write((kerf_tensor *)largest, room));
        best = fmin(best, kerf__now_ms() - begin);
    }
    free(room);
    return best / (double)bytes;
}

static void feed_zeros(kerf_plan *p, const char *name)
{
    kerf_tensor *t = kerf_plan_input(p, name);
    void *zeros = calloc(1, kerf_tensor_size_bytes(t));
    bench_ok(kerf_tensor_write(t, zeros));
    free(zeros);
}

/* Steps one behind the other. */
static double loop_ms(kerf_plan *p, const char *input, int updates)
{
    double begin = 0;
    feed_zeros(p, input);
    feed_zeros(p, "labels");
    for (int i = 1; i <= WARM + STEPS; i++) {
        const kerf_step now = {.lr = 1e-4f, .step = i, .share = 1};
        bench_ok(kerf_plan_set_step(p, &now));
        bench_ok(kerf_plan_run(p));
        if (updates)
            bench_ok(kerf_plan_update(p));
        if (i != WARM && i != WARM + STEPS)
            continue;
        bench_ok(kerf_device_finish(p->dev));
        begin = i == WARM ? kerf__now_ms() : kerf__now_ms() - begin;
    }
    return begin / STEPS;
}

/* So that run and update take that long. */
static void scale_step(step *s, double ms)
{
    const double share = ms / (s->run_ms + s->update_ms);
    s->run_ms *= share;
    s->update_ms *= share;
    for (size_t i = 0; i < s->num; i++)
        s->buckets[i].ready_ms *= share;
}

static kerf_plan *make_plan(const trained *t, const kerf_graph *g, kerf_state *s,
                            int runs_per_update)
{
    kerf_plan *p;
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = t->batch,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .optimizer = kerf_train_defaults().optimizer,
                                 .runs_per_update = runs_per_update};
    bench_ok(kerf_plan_create(&p, g, s, &o));
    return p;
}

/* What a step with an update of its own takes of the time of one that updates as it runs. */
static double slowdown(const trained *t)
{
    kerf_graph *g;
    kerf_state *s;
    bench_ok(kerf_net_create(&g, &s, t->net, &t->options, t->dev));
    const char *input = kerf_value_name(kerf_graph_input(g, 0));
    kerf_plan *alone = make_plan(t, g, s, 0), *rank = make_plan(t, g, s, 1);
    const double own_ms = loop_ms(rank, input, 1), ratio = own_ms / loop_ms(alone, input, 0);
    kerf_plan_destroy(alone);
    kerf_plan_destroy(rank);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return ratio;
}

/* Steps that take so long together, cut as the steps of a rank's plan are. */
static step cut_step(const trained *t, const kerf_ranks *ranks, double ms)
{
    step s = {.num = 0};
    kerf__buckets buckets;
    kerf_graph *g;
    kerf_state *state;
    bench_ok(kerf_net_create(&g, &state, t->net, &t->options, t->dev));
    kerf_plan *p = make_plan(t, g, state, 1);
    bench_ok(kerf__buckets_create(&buckets, p, state, ranks, KERF__BUCKET_FLOATS));
    s.stage_ms = stage_ms(state);
    list_buckets(&buckets, &s);
    time_steps(p, &buckets, &s);
    scale_step(&s, ms);
    kerf__buckets_free(&buckets);
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
    return s;
}

/* ---- in turns ------------------------------------------------------------------------------- */

/* The mean of all ranks, as each has its own clock. */
static double mean_of(const kerf_ranks *ranks, double x)
{
    bench_ok(kerf__ranks_sum(ranks, &x, 1));
    return x / ranks->num;
}

/* Of the rank that all wait for. */
static double slowest(const kerf_ranks *ranks, double ms)
{
    bench_ok(kerf__ranks_largest(ranks, &ms, 1));
    return ms;
}

static double median(double *ms)
{
    qsort(ms, ROUNDS, sizeof *ms, bench_order);
    return ms[ROUNDS / 2];
}

typedef struct times {
    double alone_ms, slowest_ms, together_ms, slowdown;
} times;

/* One after the other, again and again, as machines are not as fast at all times. */
static times measure_times(const trained *t, const kerf_ranks *ranks, int compares)
{
    double alone[ROUNDS], slow[ROUNDS], together[ROUNDS], more[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        const double ms = train_ms(t, NULL);
        alone[i] = mean_of(ranks, ms);
        slow[i] = slowest(ranks, ms);
        together[i] = compares ? mean_of(ranks, train_ms(t, ranks)) : 0;
        more[i] = mean_of(ranks, slowdown(t));
    }
    return (times){median(alone), median(slow), median(together), median(more)};
}

/* ---- the link ------------------------------------------------------------------------------- */

/* All of x in sums of so many numbers, one behind the other, as a step has them. */
static double sum_ms(const kerf_ranks *ranks, float *x, size_t num, size_t of)
{
    double none = 0, best = INFINITY;
    size_t left;
    for (int round = 0; round < 5; round++) {
        bench_ok(ranks->sum_doubles(ranks->context, &none, 1)); /* all begin together */
        const double begin = kerf__now_ms();
        for (size_t i = 0; i < num; i += of) {
            bench_ok(ranks->begin_sum(ranks->context, x + i, of));
            bench_ok(ranks->advance(ranks->context, 1, &left));
        }
        best = fmin(best, kerf__now_ms() - begin);
    }
    return best;
}

static link measure_link(const kerf_ranks *ranks)
{
    enum { FEW = 16, FEW_SUMS = 200, MANY = 1 << 20, MANY_SUMS = 12 };
    float *x = calloc((size_t)MANY * MANY_SUMS, sizeof *x);
    const double others = ranks->num - 1, part = others / ranks->num;
    const double few = mean_of(ranks, sum_ms(ranks, x, FEW * FEW_SUMS, FEW)) / FEW_SUMS;
    const double many =
        mean_of(ranks, sum_ms(ranks, x, (size_t)MANY * MANY_SUMS, MANY)) / MANY_SUMS;
    free(x);
    return (link){.message_ms = few / (2 * others),
                  .byte_ms = (many - few) / (2 * part * (double)(MANY * sizeof *x))};
}

/* ---- what is told --------------------------------------------------------------------------- */

static double all_bytes(const step *s)
{
    double bytes = 0;
    for (size_t i = 0; i < s->num; i++)
        bytes += s->buckets[i].bytes;
    return bytes;
}

static void tell(const step *s, const link *l, const trained *t)
{
    printf(
        "%s, %lld samples a rank: %.2f ms alone; as a rank %.2f and the update %.2f; %zu buckets, "
        "%.2f MB\n",
        t->net, (long long)t->batch, s->alone_ms, s->run_ms, s->update_ms, s->num,
        all_bytes(s) / 1e6);
    printf("a message %.2f us, %.2f GB/s, %.2f GB/s to the host and back%s\n", 1e3 * l->message_ms,
           1e-6 / l->byte_ms, 1e-6 / s->stage_ms, l->is_apart ? "; beside the device" : "");
    printf("%8s %12s %12s %10s\n", "ranks", "step ms", "samples/s", "of ideal");
    const double alone = predict_ms(s, l, 1);
    for (int n = 1; n <= MOST_RANKS && (l->is_apart || n <= 8); n *= 2) {
        const double ms = predict_ms(s, l, n);
        printf("%8d %12.2f %12.0f %9.1f%%\n", n, ms, 1e3 * n * (double)t->batch / ms,
               100 * alone / ms);
    }
}

static void compare(const step *s, const link *l, int ranks, double ms)
{
    const double told = predict_ms(s, l, ranks);
    printf("%d ranks take %.2f ms, %.2f times the samples of one alone; predicted %.2f, %.3f of "
           "that\n",
           ranks, ms, ranks * predict_ms(s, l, 1) / ms, told, told / ms);
}

static trained open_all(const char *net, int64_t batch)
{
    trained t = {.net = net, .batch = batch};
    const int is_small = strncmp(net, "lenet", 5) == 0;
    t.options = (kerf_net_options){
        .classes = 10, .input = {is_small ? 1 : 3, is_small ? 28 : 32, is_small ? 28 : 32}};
    bench_ok(kerf_device_open(&t.dev, NULL));
    bench_ok(kerf_dataset_open(&t.d, is_small ? "random:1,28,28,10" : "random:3,32,32,10"));
    return t;
}

int main(int argc, char **argv)
{
    kerf_cluster *cluster;
    if (argc < 3) {
        fprintf(stderr, "usage: scale NET BATCH [CORES [GBPS MICROSECONDS]]\n");
        return 2;
    }
    bench_ok(kerf_cluster_open(&cluster));
    const kerf_ranks *ranks = kerf_cluster_ranks(cluster);
    trained t = open_all(argv[1], atoll(argv[2]));
    link l = {.is_apart = argc > 5};
    const int compares = ranks->num > 1 && !l.is_apart;
    const times took = measure_times(&t, ranks, compares);
    if (l.is_apart)
        l = (link){atof(argv[5]) / 1e3, 8e-6 / atof(argv[4]), .is_apart = 1};
    else if (ranks->num > 1)
        l = measure_link(ranks);
    l.cores = argc > 3 ? atof(argv[3]) : 2;
    l.taken = ranks->num;
    step s = cut_step(&t, ranks, took.slowest_ms * took.slowdown);
    s.alone_ms = took.alone_ms;
    if (ranks->rank == 0)
        tell(&s, &l, &t);
    if (ranks->rank == 0 && compares)
        compare(&s, &l, ranks->num, took.together_ms);
    free(s.buckets);
    kerf_dataset_close(t.d);
    kerf_device_close(t.dev);
    kerf_cluster_close(cluster);
    return 0;
}
