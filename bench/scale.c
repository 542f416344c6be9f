/* scale.c -- what a step of training takes with 1 to 1,024 ranks, from what one takes.  By hand:
 *
 *     mpirun -n 2 build/release/tests/scale NET BATCH [CORES [GBPS MICROSECONDS]]
 *
 * BATCH is of a rank, however many there are.  In turns each rank trains alone, all at the same
 * time, with its own samples and with all of a step; sends nothing but waits for the others behind
 * each step; and trains with them.  And the ranks add up numbers without training, few and many.
 * What a rank takes that sends nothing, and numbers take, says what ranks should take together,
 * however many:
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
#include "train/train_internal.h"

enum { ROUNDS = 15, WARM = 2, LEAST_STEPS = 3, MOST_IN_TURN = 1000, MOST_RANKS = 1024 };
static const double TURN_MS = 2000;

typedef struct bucket {
    double ready_ms, bytes; /* ready: behind the begin of the step */
} bucket;

/* Of a rank alone. */
typedef struct step {
    double alone_ms;          /* of a process that is no rank, which updates as it runs */
    double run_ms, update_ms; /* of a rank that sends nothing */
    bucket *buckets;          /* owned; (num) */
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
    return 2 * ((ranks - 1) * l->message_ms + sent * l->byte_ms);
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

/* ---- trainings in turns --------------------------------------------------------------------- */

typedef struct trained {
    kerf_device *dev;
    kerf_dataset *d;
    const char *net;
    kerf_net_options options;
    int64_t batch; /* of a rank */
} trained;

/* Kinds of a step: one process with a rank's samples, and with all ranks'; a rank that sends
 * nothing but waits for the others behind each step; and all there is to a rank. */
enum { ALONE, WHOLE, MET, TOGETHER, NUM_KINDS };

/* Of kerf_train(), loader and all, but without ends of epochs. */
typedef struct training {
    kerf_graph *g;
    kerf_state *s;
    kerf_train_options options;
    kerf__run run;
    const kerf_ranks *met; /* borrowed; NULL: waits for nobody */
} training;

static void open_training(training *k, const trained *t, int64_t batch, const kerf_ranks *ranks)
{
    enum { MOST_STEPS = 100000 };
    const double samples = (double)kerf_dataset_num_samples(t->d, KERF_SPLIT_TRAIN);
    bench_ok(kerf_net_create(&k->g, &k->s, t->net, &t->options, t->dev));
    k->options = kerf_train_defaults();
    k->options.batch = batch;
    k->options.ranks = ranks;
    k->options.lr = 1e-4;
    k->options.keep_best = 0;
    k->options.epochs = MOST_STEPS * (double)batch / samples;
    k->run = kerf__run_of(k->g, k->s, t->d, &k->options);
    bench_ok(kerf__run_begin(&k->run));
}

static void close_training(training *k)
{
    kerf__run_end(&k->run);
    kerf_state_destroy(k->s);
    kerf_graph_destroy(k->g);
}

static void meet(const kerf_ranks *ranks)
{
    double nothing = 0;
    bench_ok(kerf__ranks_sum(ranks, &nothing, 1));
}

/* All begin at once. */
static double step_ms(training *k, const kerf_ranks *ranks, int num)
{
    meet(ranks);
    const double begin = kerf__now_ms();
    for (int i = 0; i < num; i++) {
        bench_ok(kerf__run_step(&k->run));
        meet(k->met);
    }
    bench_ok(kerf__flight_land(&k->run.flight, k->run.loader));
    return (kerf__now_ms() - begin) / num;
}

/* The mean of all ranks, as each has its own clock. */
static double mean_of(const kerf_ranks *ranks, double x)
{
    bench_ok(kerf__ranks_sum(ranks, &x, 1));
    return x / (double)kerf__ranks_num(ranks);
}

static double median(double *x)
{
    qsort(x, ROUNDS, sizeof *x, bench_order);
    return x[ROUNDS / 2];
}

/* So many steps that a turn takes a while, the same for all ranks and kinds. */
static int choose_num(training *k, const kerf_ranks *ranks)
{
    step_ms(k, ranks, WARM);
    double ms = step_ms(k, ranks, WARM);
    bench_ok(kerf__ranks_largest(ranks, &ms, 1));
    return (int)fmin(fmax(TURN_MS / ms, LEAST_STEPS), MOST_IN_TURN);
}

/* Machines are not as fast at all times: what counts is the share of what the first kind takes in
 * the same round.  Kinds that take no turn take 0. */
static void settle(double took[NUM_KINDS][ROUNDS], int num_kinds, double ms[NUM_KINDS])
{
    for (int i = NUM_KINDS - 1; i > 0; i--)
        for (int round = 0; round < ROUNDS; round++)
            took[i][round] = i < num_kinds ? took[i][round] / took[ALONE][round] : 0;
    ms[ALONE] = median(took[ALONE]);
    for (int i = 1; i < NUM_KINDS; i++)
        ms[i] = median(took[i]) * ms[ALONE];
}

static void take_turns(training *k, int num_kinds, const kerf_ranks *ranks, double ms[NUM_KINDS])
{
    double took[NUM_KINDS][ROUNDS];
    const int num = choose_num(&k[num_kinds - 1], ranks);
    for (int i = 0; i + 1 < num_kinds; i++)
        step_ms(&k[i], ranks, WARM);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < num_kinds; i++)
            took[i][round] = mean_of(ranks, step_ms(&k[i], ranks, num));
    settle(took, num_kinds, ms);
}

/* ---- a step, cut ---------------------------------------------------------------------------- */

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
    for (size_t k = 0; k < b->num; k++)
        s->buckets[k].bytes = (double)b->at[k].num_floats * sizeof(float);
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

/* Steps that take so long together, cut as those of a rank's plan are. */
static step cut_step(const training *rank, double ms)
{
    step s = {.num = 0};
    list_buckets(&rank->run.buckets, &s);
    time_steps(rank->run.plan, &rank->run.buckets, &s);
    scale_step(&s, ms);
    return s;
}

static step measure_step(const trained *t, const kerf_ranks *ranks, int compares,
                         double ms[NUM_KINDS])
{
    training k[NUM_KINDS] = {{NULL}};
    const int num = ranks->num > 1 ? ranks->num : 2, num_kinds = compares ? NUM_KINDS : TOGETHER;
    const kerf_ranks silent = kerf__ranks_silent(num);
    const kerf_ranks *of[] = {NULL, NULL, &silent, ranks};
    for (int i = 0; i < num_kinds; i++)
        open_training(&k[i], t, t->batch * (i == ALONE ? 1 : num), of[i]);
    k[MET].met = ranks;
    take_turns(k, num_kinds, ranks, ms);
    step s = cut_step(&k[MET], ms[MET]);
    s.alone_ms = ms[ALONE];
    for (int i = 0; i < num_kinds; i++)
        close_training(&k[i]);
    return s;
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
    if (l->byte_ms > 0)
        printf("a message %.3g us, %.3g GB/s%s\n", 1e3 * l->message_ms, 1e-6 / l->byte_ms,
               l->is_apart ? "; beside the device" : "");
    printf("%8s %12s %12s %10s\n", "ranks", "step ms", "samples/s", "of ideal");
    const double alone = predict_ms(s, l, 1);
    for (int n = 1; n <= MOST_RANKS && (l->is_apart || n <= 8); n *= 2) {
        const double ms = predict_ms(s, l, n);
        printf("%8d %12.2f %12.0f %9.1f%%\n", n, ms, 1e3 * n * (double)t->batch / ms,
               100 * alone / ms);
    }
}

/* What ranks gain, where their step's time goes, and how near the prediction is. */
static void compare(const step *s, const link *l, int ranks, const double ms[NUM_KINDS])
{
    const double alone = ms[ALONE], together = ms[TOGETHER], told = predict_ms(s, l, ranks);
    printf("%d ranks take %.2f ms, %.2f times the samples of one with the samples of one of them, "
           "%.2f of one with all of them\n",
           ranks, together, ranks * alone / together, ms[WHOLE] / together);
    printf("of what one alone takes, %.1f %% more are a rank's that waits for the others, %.1f %% "
           "sums\n",
           100 * (ms[MET] / alone - 1), 100 * (together - ms[MET]) / alone);
    printf("predicted %.2f ms, %.3f of that\n", told, told / together);
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
    double ms[NUM_KINDS];
    step s = measure_step(&t, ranks, compares, ms);
    if (l.is_apart)
        l = (link){atof(argv[5]) / 1e3, 8e-6 / atof(argv[4]), .is_apart = 1};
    else if (ranks->num > 1)
        l = measure_link(ranks);
    l.cores = argc > 3 ? atof(argv[3]) : 2;
    l.taken = ranks->num;
    if (ranks->rank == 0)
        tell(&s, &l, &t);
    if (ranks->rank == 0 && compares)
        compare(&s, &l, ranks->num, ms);
    free(s.buckets);
    kerf_dataset_close(t.d);
    kerf_device_close(t.dev);
    kerf_cluster_close(cluster);
    return 0;
}
