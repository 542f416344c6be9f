/* accuracy.c -- accuracy at density: a LeNet on Fashion-MNIST, dense and pruned.
 *
 *     bench_accuracy [--net lenet-300-100|lenet-5] [--recipe peer|whole|small-batch] [--seeds N]
 * [--epochs E]
 *                    [--device SPEC] [--sparsity 0.97,0.99] [--hold N] [--first SEED] [--dense 0]
 *                    and any part of a recipe: [--method NAME] [--lr F] [--weight-decay F]
 *                    [--batch N] [--ramp F] [--hot 0|1]
 *
 * Recipe peer is that of bench/peers/torch_prune.py: dense for E epochs, then from there once more
 * as long for each sparsity, magnitude over all layers, masks chosen anew every 100 steps on a
 * cubic curve that ends after 60 % of the steps; SGD 0.05 with Nesterov momentum on a
 * cosine, batch 128, nothing held back, the last epoch's weights.  Recipe whole spends the same
 * epochs at once: fresh weights are trained for 2E epochs on one cosine, pruned on the way by the
 * same curve; the dense network it is compared with trains as long, by the same rate, batch and
 * decay.  Recipe small-batch is the same with what was best on held back samples.
 *
 * The test split is read once a network; with --hold it is not read at all: N samples of the
 * training split are, which is how a recipe is chosen; --dense 0 leaves the dense network out.
 * Prints one JSON object a line, keys as the other script's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kerf/kerf.h"

/* What is asked of a recipe: where a run begins, how long it is, and how it prunes. */
typedef struct recipe {
    const char *name;
    int from_dense; /* pruning goes on from the dense network; else from fresh weights */
    double lengths; /* of a run, in --epochs */
    kerf_prune_method method;
    double ramp; /* the share of the run in which masks change */
    int hot;     /* 1: the rate stays until then, and goes down a cosine of its own behind it */
    double lr, weight_decay;
    int64_t batch;
    const char *sparsities;
} recipe;

static const recipe RECIPES[] = {
    {"peer", 1, 1, KERF_PRUNE_MAGNITUDE, 0.6, 0, 0.05, 1e-4, 128, "0.9,0.95,0.97,0.98,0.99"},
    {"small-batch", 0, 2, KERF_PRUNE_MAGNITUDE, 0.4, 0, 0.1, 5e-4, 64,
     "0.97,0.98,0.99,0.995,0.998"},
    {"whole", 0, 2, KERF_PRUNE_MAGNITUDE, 0.6, 0, 0.05, 1e-4, 128, "0.97,0.98,0.99,0.995,0.998"},
};
enum { MOST = 16, NUM_RECIPES = sizeof RECIPES / sizeof *RECIPES };

static const char *const METHODS[KERF_NUM_PRUNE_METHODS] = {
    [KERF_PRUNE_MAGNITUDE] = "magnitude",
    [KERF_PRUNE_RANDOM] = "random",
    [KERF_PRUNE_STD] = "std",
    [KERF_PRUNE_MASK] = "mask",
    [KERF_PRUNE_SOFT] = "soft",
    [KERF_PRUNE_SURGERY] = "surgery",
    [KERF_PRUNE_MOVEMENT] = "movement",
    [KERF_PRUNE_TAYLOR] = "taylor",
    [KERF_PRUNE_SNIP] = "snip",
    [KERF_PRUNE_OBD] = "obd",
    [KERF_PRUNE_RIGL] = "rigl",
};

static kerf_device *dev;
static kerf_dataset *data;
static recipe how;
static double sparsities[MOST];
static int num_sparsities;
static kerf_split judged = KERF_SPLIT_TEST;

/* ---- runs ------------------------------------------------------------------------------ */

static kerf_train_options train_options(double epochs, uint64_t seed)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = epochs;
    o.seed = seed;
    o.keep_best = 0;
    o.lr = how.lr;
    o.optimizer.weight_decay = (float)how.weight_decay;
    o.batch = how.batch;
    return o;
}

static double top1(const kerf_graph *g, kerf_state *s, kerf_split split)
{
    kerf_evaluation e;
    bench_ok(kerf_evaluate(g, s, data, split, 1000, NULL, &e, NULL));
    return e.top1;
}

/* Minutes pass between two lines of results.  What a network fits of the samples that it was
 * trained with says whether it is too small or learns by heart. */
static double judge(uint64_t seed, const char *what, const kerf_graph *g, kerf_state *s)
{
    const double percent = top1(g, s, judged);
    fprintf(stderr, "seed %d, %s: %.2f; %.2f of the samples it was trained with\n", (int)seed, what,
            percent, top1(g, s, KERF_SPLIT_TRAIN));
    return percent;
}

static kerf_prune_schedule pruning(double sparsity, double epochs, double per_epoch)
{
    enum { EVERY = 100 };
    return (kerf_prune_schedule){
        .options = {.method = how.method, .scope = KERF_SCOPE_GLOBAL, .amount = sparsity},
        .curve = how.method == KERF_PRUNE_RIGL ? KERF_CURVE_ONCE : KERF_CURVE_CUBIC,
        .events = (int)((how.ramp * epochs * per_epoch + EVERY) / EVERY),
        .start = EVERY / per_epoch,
        .every = EVERY / per_epoch};
}

/* One run, or one at a rate that stays and one behind it with the masks that it left. */
static void train_pruning(kerf_graph *g, kerf_state *s, double sparsity, double epochs,
                          uint64_t seed)
{
    kerf_train_options o = train_options(epochs, seed);
    const double per_epoch = (double)(kerf_dataset_num_samples(data, KERF_SPLIT_TRAIN) / how.batch);
    o.prune = pruning(sparsity, epochs, per_epoch);
    if (how.hot) {
        o.epochs = o.prune.start + o.prune.every * (o.prune.events - 1) + 1 / per_epoch;
        o.schedule = KERF_LR_CONST;
    }
    bench_ok(kerf_train(g, s, data, &o));
    if (!how.hot)
        return;
    o.epochs = epochs - o.epochs;
    o.schedule = KERF_LR_COSINE;
    o.prune.events = 0;
    o.seed++;
    bench_ok(kerf_train(g, s, data, &o));
}

/* Prunes copies of a network while training them on. */
static double prune(const kerf_graph *from, const kerf_state *weights, double sparsity,
                    double epochs, uint64_t seed)
{
    kerf_graph *g;
    kerf_state *s;
    bench_ok(kerf_graph_copy(&g, from));
    bench_ok(kerf_state_copy(&s, weights, dev));
    train_pruning(g, s, sparsity, epochs, seed + 1000);
    const double result = judge(seed, "pruned", g, s);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return result;
}

static void run_seed(const char *net, uint64_t seed, double epochs, int with_dense,
                     double results[MOST])
{
    kerf_graph *g;
    kerf_state *fresh, *s;
    const double length = how.lengths * epochs;
    bench_ok(kerf_net_create(&g, &fresh, net, &(kerf_net_options){.seed = seed}, dev));
    bench_ok(kerf_state_copy(&s, fresh, dev));
    kerf_train_options o = train_options(length, seed);
    if (with_dense || how.from_dense) {
        bench_ok(kerf_train(g, s, data, &o));
        results[0] = judge(seed, "dense", g, s);
    }
    for (int i = 0; i < num_sparsities; i++)
        results[i + 1] = prune(g, how.from_dense ? s : fresh, sparsities[i], length, seed);
    kerf_state_destroy(s);
    kerf_state_destroy(fresh);
    kerf_graph_destroy(g);
}

/* ---- results --------------------------------------------------------------------------- */

static void print_results(const char *what, const double results[MOST])
{
    printf("{\"%s\": {\"dense\": %.4f", what, results[0]);
    for (int i = 0; i < num_sparsities; i++)
        printf(", \"%g\": %.4f", sparsities[i], results[i + 1]);
    printf("}}\n");
    fflush(stdout);
}

/* Of the mean, of what each seed lost to its own dense network. */
static void print_mean(double (*all)[MOST], int seeds)
{
    double mean[MOST] = {0}, error[MOST] = {0};
    for (int i = 0; i <= num_sparsities; i++) {
        double squares = 0, drop = 0;
        for (int k = 0; k < seeds; k++) {
            mean[i] += all[k][i] / seeds;
            drop += (all[k][0] - all[k][i]) / seeds;
        }
        for (int k = 0; k < seeds; k++)
            squares += pow(all[k][0] - all[k][i] - drop, 2);
        error[i] = seeds > 1 ? sqrt(squares / (seeds - 1) / seeds) : 0;
    }
    print_results("error of the drop", error);
    print_results("mean", mean);
}

/* ---- options --------------------------------------------------------------------------- */

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return otherwise;
}

static double number(int argc, char **argv, const char *name, double otherwise)
{
    const char *text = option(argc, argv, name, NULL);
    return text != NULL ? atof(text) : otherwise;
}

static void choose_recipe(int argc, char **argv)
{
    const char *name = option(argc, argv, "--recipe", "peer");
    const char *method = option(argc, argv, "--method", NULL);
    for (int i = 0; i < NUM_RECIPES; i++)
        if (strcmp(name, RECIPES[i].name) == 0)
            how = RECIPES[i];
    for (int i = 0; method != NULL && i < KERF_NUM_PRUNE_METHODS; i++)
        if (strcmp(method, METHODS[i]) == 0)
            how.method = (kerf_prune_method)i;
    how.lr = number(argc, argv, "--lr", how.lr);
    how.weight_decay = number(argc, argv, "--weight-decay", how.weight_decay);
    how.batch = (int64_t)number(argc, argv, "--batch", (double)how.batch);
    how.ramp = number(argc, argv, "--ramp", how.ramp);
    how.hot = (int)number(argc, argv, "--hot", how.hot);
    for (const char *at = option(argc, argv, "--sparsity", how.sparsities);
         at != NULL && num_sparsities < MOST - 1; at = strchr(at, ',')) {
        at += *at == ',';
        sparsities[num_sparsities++] = atof(at);
    }
}

int main(int argc, char **argv)
{
    enum { MOST_SEEDS = 32 };
    static double all[MOST_SEEDS][MOST];
    const char *net = option(argc, argv, "--net", "lenet-300-100");
    const int seeds = (int)number(argc, argv, "--seeds", 5);
    const int first = (int)number(argc, argv, "--first", 1);
    const int64_t hold = (int64_t)number(argc, argv, "--hold", 0);
    choose_recipe(argc, argv);
    bench_ok(kerf_device_open(&dev, option(argc, argv, "--device", NULL)));
    bench_ok(kerf_dataset_open(&data, "fashion-mnist"));
    if (hold > 0) {
        bench_ok(kerf_dataset_hold_back(data, hold, 1));
        judged = KERF_SPLIT_VAL;
    }
    for (int i = 0; i < seeds && i < MOST_SEEDS; i++) {
        char what[32];
        run_seed(net, (uint64_t)(first + i), number(argc, argv, "--epochs", 20),
                 number(argc, argv, "--dense", 1) > 0, all[i]);
        snprintf(what, sizeof what, "seed %d", first + i);
        print_results(what, all[i]);
    }
    print_mean(all, seeds);
    kerf_dataset_close(data);
    kerf_device_close(dev);
    return 0;
}
